"""Requests of the user's own: what a request file says of one protocol, filled with values, and what is answered.

Each protocol has its kind of OwnRequest. Its consumer makes calls of them, and sends a call as often as it is asked to.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from consumers.errors import BadOwnRequest

Value = str | int | float | bool
Values = Mapping[str, Value]
"""What stands for each name in braces."""

_NAMED = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_BRACES = {"{{": "{", "}}": "}"}


class OwnRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a section of a request file says. `{name}` in its templates stands for a value, `{{` for a brace."""

    ignore: tuple[str, ...] = ()
    """Paths of parts of the answer that may differ from call to call: `meta.time`, `items.*.age`."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What is requested, for readers, in a few words."""

    @abstractmethod
    def filled(self, values: Values) -> Self:
        """With a value in place of each name. Raises BadOwnRequest for a name without one."""

    def checked(self, directory: Path) -> Self:
        """With the files that it names found in `directory`. Raises BadOwnRequest for what can be seen to be wrong."""
        return self

    def files(self) -> Sequence[bytes]:
        """What the files that it names contain, once they are found. Raises BadOwnRequest."""
        return ()


def filled_json(template: Any, values: Values, place: str) -> Any:
    """JSON with its values. A text that is nothing but one name becomes the value itself, such as a number."""
    match template:
        case str():
            whole = _NAMED.fullmatch(template)
            if whole is not None and whole[1] is not None:
                return value_of(whole[1], values, place)
            return fill_text(template, values, place, text_of)
        case Mapping():
            return {name: filled_json(inner, values, f"{place}.{name}") for name, inner in template.items()}
        case Sequence():
            return [filled_json(inner, values, f"{place}[{index}]") for index, inner in enumerate(template)]
        case _:
            return template


def fill_text(template: str, values: Values, place: str, written: Callable[[Value], str]) -> str:
    """A text with its values, as they are `written` in it. Raises BadOwnRequest."""
    return _NAMED.sub(lambda found: _BRACES.get(found[0]) or written(value_of(found[1], values, place)), template)


def value_of(name: str, values: Values, place: str) -> Value:
    """The value with this name. Raises BadOwnRequest."""
    if name not in values:
        known = f"there are {', '.join(values)}" if values else "there are none"
        raise BadOwnRequest(f"{place}: {{{name}}} has no values; add {name} to [values] ({known})")
    return values[name]


def text_of(value: Value) -> str:
    """A value within a text; true and false as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class OwnRequests(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one protocol, as a load process gets them."""

    request: dict[str, Any]
    """The protocol's kind of OwnRequest."""
    values: list[dict[str, Value]]
    """One request for each entry."""


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """A successful answer."""

    size_bytes: int
    """Of the whole message, decompressed."""
    content: Any
    """What the consumer decoded: the value of a JSON text, a message, or the bytes of anything else."""


class OwnCall:
    """A request that its consumer can send."""

    def __init__(self, request: OwnRequest) -> None:
        self.title = request.title
        self.ignore = request.ignore

    def plain(self, answer: OwnAnswer) -> Any:
        """The content as JSON values, or as bytes where it is none."""
        return answer.content


def without(content: Any, ignore: Sequence[str]) -> Any:
    """JSON values without the parts at these paths. `*` stands for every name, and for every place in a list."""
    for path in ignore:
        content = _without(content, path.split("."))
    return content


def _without(content: Any, path: Sequence[str]) -> Any:
    name, rest = path[0], path[1:]
    if isinstance(content, dict):
        return {
            key: _without(inner, rest) if name in ("*", key) else inner
            for key, inner in content.items()
            if rest or name not in ("*", key)
        }
    if isinstance(content, list):
        return [
            _without(inner, rest) if name in ("*", str(index)) else inner
            for index, inner in enumerate(content)
            if rest or name not in ("*", str(index))
        ]
    return content


def difference(before: Any, after: Any, place: str = "") -> str:
    """Where two contents first differ, and how: `at meta.time: 1, then 2`. Empty where they are equal."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            if name not in before or name not in after:
                return f"{_at(f'{place}.{name}')}: {'not there, then there' if name in after else 'there, then not'}"
            if found := difference(before[name], after[name], f"{place}.{name}"):
                return found
        return ""
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return f"{_at(place)}: {len(before)} entries, then {len(after)}"
        pairs = enumerate(zip(before, after, strict=True))
        return next((found for i, pair in pairs if (found := difference(*pair, f"{place}.{i}"))), "")
    return "" if before == after else f"{_at(place)}: {_shown(before)}, then {_shown(after)}"


def _at(place: str) -> str:
    return f"at {place[1:]}" if place else "as a whole"


SHOWN_AT_MOST = 40


def _shown(content: Any) -> str:
    text = repr(content) if isinstance(content, bytes) else msgspec.json.encode(content).decode()
    return text if len(text) <= SHOWN_AT_MOST else f"{text[:SHOWN_AT_MOST]}…"
