"""Limits by name, as `--limit NAME=VALUE` gives them: `body_timeout_s=5`, or `calls.connections=500` for inner ones."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from producers.settings import Limits

LARGEST = 2**31 - 1


class BadLimit(ValueError):
    """What was given is no limit. The text names it and what would do."""


def named(limits: Any, prefix: str = "") -> Iterator[tuple[str, int | float]]:
    """Every limit by its name, with its value."""
    for each in fields(limits):
        value = getattr(limits, each.name)
        if is_dataclass(value):
            yield from named(value, f"{prefix}{each.name}.")
        else:
            yield f"{prefix}{each.name}", value


def with_limits(limits: Limits, given: Iterable[str]) -> Limits:
    """The limits, but for those that are given as NAME=VALUE. Raises BadLimit."""
    for text in given:
        name, separator, value = text.partition("=")
        usual = dict(named(limits)).get(name)
        if usual is None or not separator:
            raise BadLimit(f"{text!r} is not NAME=VALUE with one of {', '.join(name for name, _ in named(limits))}")
        limits = _changed(limits, name.split("."), _number(text, value, whole=isinstance(usual, int)))
    return limits


def _changed(limits: Any, path: list[str], value: float) -> Any:
    name, *rest = path
    return replace(limits, **{name: _changed(getattr(limits, name), rest, value) if rest else value})


def _number(text: str, value: str, *, whole: bool) -> int | float:
    if whole:
        if value.isascii() and value.isdigit() and 0 < int(value[:20]) <= LARGEST:
            return int(value)
        raise BadLimit(f"{text!r}: expected a whole number from 1 to {LARGEST}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if 0 < number <= LARGEST / 1000:
        return number
    raise BadLimit(f"{text!r}: expected a number above 0, in seconds")
