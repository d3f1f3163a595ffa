"""Escaping of text of unknown origin."""

import pytest

from bench.report import text
from tests.support.runs import HOSTILE


def test_one_line_removes_terminal_control_characters() -> None:
    assert text.one_line(HOSTILE) == "</td><script>alert(1)</script> | `x` [31m =1+1"
    assert text.one_line("a\r\nb\tc\u2028d") == "a b c d"
    assert text.one_line("Crème brûlée 中文 🍮") == "Crème brûlée 中文 🍮"


def test_markdown_escapes_markup_and_html() -> None:
    assert text.markdown("a|b_c*<i>&amp;") == "a\\|b\\_c\\*&lt;i&gt;&amp;amp;"


@pytest.mark.parametrize("given", ["=1+1", "+1", "-1", "@x"])
def test_formulas_are_neutralised_for_spreadsheets(given: str) -> None:
    assert text.spreadsheet(given) == f"'{given}"
    assert text.spreadsheet(f" {given}") == f"'{given}"


def test_other_text_is_unchanged_for_spreadsheets() -> None:
    assert text.spreadsheet("http-get-c1") == "http-get-c1"
