"""Pieces of sentences."""

from bench.stats.wording import counted, percent, some_of


def test_numbers_and_lists_are_worded() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of(list("abcdef")) == "a, b, c, d and 2 more"
    assert (counted(1, "cell"), counted(2, "cell")) == ("1 cell", "2 cells")
    assert [percent(share) for share in (0.034, 0.12, 1.5)] == ["3.4 %", "12 %", "150 %"]
