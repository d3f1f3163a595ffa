"""Causes of failed requests are counted by text, and neither their number nor their length is unbounded."""

from bench.load.causes import CAUSES_AT_MOST, OTHER_CAUSES, TEXT_AT_MOST, Causes, words_of
from bench.load.recorder import SliceRecord
from bench.results import Cause
from consumers.errors import UnexpectedResponse
from recipes.errors import RecipeNotFound


def failed(text: str, count: int = 1, kind: str = "unexpected_answer", detail: str = "") -> Cause:
    return Cause(kind=kind, text=text, count=count, detail=detail)


def test_the_same_text_is_counted_together_with_the_first_detail() -> None:
    causes = Causes()
    causes.add_all([failed("a"), failed("b", 3), failed("a", detail="first"), failed("a", detail="second")])
    assert causes.found() == [failed("a", 3, detail="first"), failed("b", 3)]


def test_the_number_of_texts_is_bounded_and_nothing_is_lost() -> None:
    causes = Causes()
    for number in range(1000):
        causes.add(failed(f"request {number}"))
    causes.add(failed("gone", kind="unreachable"))
    found = causes.found()
    assert len(found) == CAUSES_AT_MOST + 2
    assert sum(cause.count for cause in found) == 1001
    assert [(cause.kind, cause.text, cause.count) for cause in found[-2:]] == [
        ("unexpected_answer", OTHER_CAUSES, 1000 - CAUSES_AT_MOST),
        ("unreachable", OTHER_CAUSES, 1),
    ]


def test_texts_are_one_line_without_control_characters_and_not_longer_than_allowed() -> None:
    causes = Causes()
    causes.add(failed("a\x1b[2J\nb\u202e" + "x" * 10_000, detail="\0y" * 10_000))
    (found,) = causes.found()
    assert found.text.startswith("a [2J b x")
    assert len(found.text) == len(found.detail) == TEXT_AT_MOST
    assert found.text.isprintable()
    assert found.detail.isprintable()


def test_an_id_makes_no_cause_of_its_own() -> None:
    assert words_of(RecipeNotFound(1))[0] == words_of(RecipeNotFound(2))[0]
    assert words_of(UnexpectedResponse("500", producer="h:1", detail="request 7")) == ("500", "request 7")


def test_a_text_is_cut_only_once_the_values_of_headers_are_replaced() -> None:
    record = SliceRecord()
    record.fail_with(UnexpectedResponse("x" * (TEXT_AT_MOST - 3) + "secret"))
    (found,) = record.causes.found()
    assert found.text.endswith("secret")
