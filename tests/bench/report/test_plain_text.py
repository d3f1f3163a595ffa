"""Text of unknown origin made harmless."""

import pytest

from bench.report import plain_text
from tests.support.runs import HOSTILE


def test_one_line_has_nothing_that_steers_a_terminal() -> None:
    assert plain_text.one_line(HOSTILE) == "</td><script>alert(1)</script> | `x` [31m =1+1"
    assert plain_text.one_line("a\r\nb\tc\u2028d") == "a b c d"
    assert plain_text.one_line("Crème brûlée 中文 🍮") == "Crème brûlée 中文 🍮"


def test_markdown_escapes_markup_and_html() -> None:
    assert plain_text.markdown("a|b_c*<i>&amp;") == "a\\|b\\_c\\*&lt;i&gt;&amp;amp;"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_a_spreadsheet_sees_no_formula(text: str) -> None:
    assert plain_text.spreadsheet(text) == f"'{text}"
    assert plain_text.spreadsheet(f" {text}") == f"'{text}"


def test_a_spreadsheet_sees_other_text_as_it_is() -> None:
    assert plain_text.spreadsheet("http-get-c1") == "http-get-c1"
