"""The request file: what is requested of each protocol instead of recipes, in TOML.

    [values]
    id = [1, 2, 3]

    [http]
    path = "/users/{id}"

    [grpc]
    method = "shop.Users/Get"
    message = { id = "{id}" }

Each section is the protocol's kind of `consumers.own_requests.OwnRequest`. Lists of values go side by side: the second
request has the second value of each. docs/own-services.md has all fields.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.results import RequestsUsed
from bench.workloads import QUESTIONS_AT_MOST
from consumers.errors import BadOwnRequest
from consumers.own_requests import OwnRequest, OwnRequests, Value
from consumers.registry import OWN_REQUESTS, own_request_class
from recipes import content

VALUES = "values"
BYTES_AT_MOST = 4_000_000


class BadRequestFile(ValueError):
    """A request file that cannot be used. The text is one line: the file, the place in it, and the reason."""


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A request file that was read and checked."""

    used: RequestsUsed
    """As it is written into run files."""
    sections: Mapping[str, OwnRequest]
    """By protocol; the files that they name are found from anywhere."""

    def of(self, protocol: str) -> OwnRequests | None:
        """What a load process of this protocol sends; None where the file has nothing of it."""
        section = self.sections.get(protocol)
        if section is None:
            return None
        return OwnRequests(request=msgspec.to_builtins(section), values=self.used.values)

    @property
    def protocols(self) -> list[str]:
        """Those of which it has a section, in the order of reports."""
        return list(self.sections)


def read(path: Path) -> RequestFile:
    """The request file at a path. Raises BadRequestFile."""
    try:
        found = content.read(path, at_most_bytes=BYTES_AT_MOST)
    except FileNotFoundError as error:
        raise BadRequestFile(f"{path}: {error.strerror}") from None
    except content.ContentUnusable as error:
        raise BadRequestFile(f"{path}: {error}") from None
    try:
        document = tomllib.loads(found.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestFile(f"{path}: it is not TOML: {error}") from None
    try:
        return _read(path, document)
    except BadOwnRequest as error:
        raise BadRequestFile(f"{path}: {error}") from None


def _read(path: Path, document: dict[str, Any]) -> RequestFile:
    known = (VALUES, *OWN_REQUESTS)
    for name in document:
        if name not in known:
            raise BadOwnRequest(f"[{name}] is not one of its sections, which are {', '.join(known)}")
    rows = _rows(document.get(VALUES, {}))
    sections = {name: _section(name, document[name], rows, path.parent) for name in OWN_REQUESTS if name in document}
    if not sections:
        raise BadOwnRequest(
            f"it requests nothing; add one or more of {', '.join(f'[{name}]' for name in OWN_REQUESTS)}"
        )
    asked = {name: msgspec.to_builtins(document[name]) for name in sections}
    digest = hashlib.sha256(msgspec.json.encode([asked, rows], order="sorted"))
    for section in sections.values():
        for part in section.files():
            digest.update(part)
    used = RequestsUsed(
        file=path.name,
        digest=digest.hexdigest(),
        titles={name: section.title for name, section in sections.items()},
        requests=asked,
        values=rows[:QUESTIONS_AT_MOST],
    )
    return RequestFile(used, sections)


def _rows(table: Any) -> list[dict[str, Value]]:
    """The values of each request. Raises BadOwnRequest."""
    try:
        lists = msgspec.convert(table, dict[str, list[str | int | float | bool]])
    except msgspec.ValidationError as error:
        raise BadOwnRequest(f"[{VALUES}]: {_placed(error, VALUES)}; write a list for each name: id = [1, 2]") from None
    lengths = {name: len(each) for name, each in lists.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise BadOwnRequest(f"[{VALUES}]: lists go side by side, so they are equally long; {found}")
    if 0 in lengths.values():
        raise BadOwnRequest(f"[{VALUES}]: {next(iter(lists))} is empty; give one value or more")
    for name in lists:
        if not name.isidentifier():
            raise BadOwnRequest(f"[{VALUES}]: {name!r} is not a name; use letters, digits and _")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)] or [{}]


def _section(protocol: str, table: Any, rows: list[dict[str, Value]], directory: Path) -> OwnRequest:
    """A section, checked with every value. Raises BadOwnRequest."""
    try:
        section = msgspec.convert(msgspec.to_builtins(table), own_request_class(protocol))
    except msgspec.ValidationError as error:
        raise BadOwnRequest(f"[{protocol}]: {_placed(error, protocol)}") from None
    try:
        section = section.checked(directory)
        for row in rows:
            section.filled(row)
    except BadOwnRequest as error:
        raise BadOwnRequest(f"[{protocol}] {error}") from None
    return section


def _placed(error: msgspec.ValidationError, section: str) -> str:
    """What is wrong, with the place as it is called in the file."""
    return str(error).replace("`$", f"`{section}").replace("Object", "the section")
