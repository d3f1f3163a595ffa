"""Parsers for the values of flags. Each takes a text and returns the value, or raises BadParameter with what is valid.

Typer also passes default values to parsers, so the argument may be a value already.
"""

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import typer


def whole_number(low: int, high: int) -> Callable[[object], int]:
    """A parser of whole numbers from `low` to `high`."""

    def read(given: object) -> int:
        text = str(given)
        if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and low <= int(text[:20]) <= high:
            return int(text)
        raise typer.BadParameter(f"{text!r} is not a whole number from {low} to {high}")

    return read


def number(low: float, high: float) -> Callable[[object], float]:
    """A parser of finite numbers from `low` to `high`."""

    def read(given: object) -> float:
        text = str(given)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise typer.BadParameter(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return read


_SIZES_BYTES = {"b": 1, "kb": 1_000, "mb": 1_000_000, "kib": 1 << 10, "mib": 1 << 20}
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([a-zA-Z]+)")


def size_bytes(low: int, high: int) -> Callable[[object], int]:
    """A parser of sizes from `low` to `high` bytes, written as `800B`, `20kB` or `1.5MB`; a bare number is refused."""

    def read(given: object) -> int:
        if isinstance(given, int):
            return given
        text = str(given)
        match = _SIZE.fullmatch(text.strip())
        if match is not None and match[2].lower() in _SIZES_BYTES:
            found = round(float(match[1]) * _SIZES_BYTES[match[2].lower()])
            if low <= found <= high:
                return found
        raise typer.BadParameter(f"{text!r} is not a size from {low:,} to {high:,} bytes, such as 800B, 20kB or 1.5MB")

    return read


def share(low: float, high: float) -> Callable[[object], float]:
    """A parser of shares from `low` to `high`, written as a percentage (`2%`, `2`) or, below 1, as a share (`0.02`)."""

    def read(given: object) -> float:
        if isinstance(given, float):
            return given
        text = str(given)
        digits = text.strip().removesuffix("%")
        try:
            value = float(digits)
        except ValueError:
            value = math.nan
        if digits != text.strip() or value >= 1:
            value /= 100
        if not low <= value <= high:
            raise typer.BadParameter(
                f"{text!r} is not a percentage from {low * 100:g}% to {high * 100:,g}%, such as 2% or 0.02"
            )
        return value

    return read


port = whole_number(0, 65535)
"""A TCP port; 0 lets the system choose."""


def one_of(choices: Iterable[str]) -> Callable[[object], str]:
    """A parser of one word of `choices`."""
    known = tuple(choices)

    def read(given: object) -> str:
        text = str(given)
        if text in known:
            return text
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(known)}")

    return read


def line(at_most: int) -> Callable[[object], str]:
    """A parser of text for readers: put on one line, at most so many characters long."""

    def read(given: object) -> str:
        text = " ".join(str(given).split())
        if len(text) > at_most:
            raise typer.BadParameter(f"{text[:20]!r}… has {len(text):,} characters; {at_most:,} fit")
        return text

    return read


def readable_file(given: object) -> Path:
    """A regular file that exists and can be read. A pipe could be read once only, and a device may never end."""
    text = str(given)
    path = Path(text)
    try:
        if path.exists() and not path.is_file():
            raise typer.BadParameter(f"{text!r} is not a regular file")
        with path.open("rb"):
            return path
    except OSError as error:
        raise typer.BadParameter(f"{text!r} cannot be read: {error.strerror or error}") from None


def comma_list(texts: Iterable[str]) -> list[str]:
    """The parts of values given as comma lists, repeated or both, in order and without repetition."""
    parts = (part.strip() for text in texts for part in text.split(","))
    return list(dict.fromkeys(part for part in parts if part))
