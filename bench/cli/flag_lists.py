"""Comma lists of numbers, some of which may be off."""

from collections.abc import Sequence

import typer

from commands import values
from commands.errors import UsageError


def numbers(flag: str, texts: Sequence[str], low: float, high: float) -> list[float]:
    """The numbers of a comma list, each once. Raises UsageError, which names the flag."""
    return [each for each in numbers_or_off(flag, texts, low, high) if each is not None]


def numbers_or_off(flag: str, texts: Sequence[str], low: float, high: float, off: str = "") -> list[float | None]:
    """The same, with None for the word `off`; the empty word is none."""
    read = values.number(low, high)
    words = values.comma_list(texts)
    if not words:
        raise UsageError(f"{flag} is empty; give at least one value")
    found: list[float | None] = []
    for word in words:
        try:
            found.append(None if off and word == off else read(word))
        except typer.BadParameter as error:
            raise UsageError(f"{flag}: {error.message}{f', or {off}' if off else ''}") from None
    return list(dict.fromkeys(found))
