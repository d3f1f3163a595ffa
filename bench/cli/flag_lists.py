"""Comma lists of numbers, some of which may be off."""

from collections.abc import Sequence

import typer

from commands import values
from commands.errors import UsageError


def numbers(flag: str, texts: Sequence[str], low: float, high: float, *, off: str = "") -> list[float | None]:
    """The numbers of a comma list, each once; None for `off`. Raises UsageError, which names the flag."""
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
