"""Documents and tables in the characters that an output has, before they are laid out: `≥` may become two. Pure."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from commands.glyphs import spelled

Part = TypeVar("Part")


def in_encoding(part: Part, encoding: str) -> Part:
    """A part of a document or a table with every text in it as it reads in this encoding."""
    return part if encoding.startswith("utf") else _changed(part, encoding)


def _changed(part: Any, encoding: str) -> Any:
    if isinstance(part, str):
        return spelled(part, encoding)
    if isinstance(part, tuple):
        return tuple([_changed(each, encoding) for each in part])
    if is_dataclass(part) and not isinstance(part, type):
        values = {each.name: getattr(part, each.name) for each in fields(part)}
        return replace(part, **{name: _changed(value, encoding) for name, value in values.items()})
    return part
