"""Run files of schema 1, from before version 0.2.0, converted to what is read today. Pure.

What changed: generations are instances, drivers are clients, doubts are warnings with the cells that they concern,
`coded_bytes` are `compressed_bytes`, and a verdict that was `unclear` is `inconclusive`.
"""

from typing import Any

SCHEMA = "recipe-lab/run/1"
NEW_SCHEMA = "recipe-lab/run/2"

_FIELDS = {
    "generation": "instance",
    "generations": "instances",
    "generations_done": "instances_done",
    "doubts": "warnings",
    "driver": "client",
    "coded_bytes": "compressed_bytes",
}
"""New names by old ones, wherever they stand: no field that kept its name had one of these."""
_CLIENTS = {"consumer": "library", "wire": "raw"}
_FREE_TEXT = ("environment", "outcomes", "text", "reason", "command")
"""Fields whose contents are not the schema's."""


class NotSchema1(ValueError):
    """A document that says that it has schema 1 and does not. The text names what is wrong."""


def converted(document: dict[str, Any]) -> dict[str, Any]:
    """The document as one of today's schema. Raises NotSchema1."""
    found = _renamed(document)
    for name in ("warnings", "cells"):
        if not isinstance(found.get(name), list) or not all(isinstance(each, dict) for each in found[name]):
            raise NotSchema1(f"{name} is not a list of objects")
    warnings = [_warning(each) for each in found["warnings"]]
    cells = [
        {**each, "client": _CLIENTS.get(each.get("client"), each.get("client", "library"))} for each in found["cells"]
    ]
    return {**found, "schema": NEW_SCHEMA, "warnings": warnings, "cells": cells}


def _warning(found: dict[str, Any]) -> dict[str, Any]:
    cell = found.get("cell")
    return {"code": found.get("code"), "text": found.get("text"), "cells": [] if cell is None else [cell]}


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _FIELDS.get(name, name): each
            if name in _FREE_TEXT
            else "inconclusive"
            if each == "unclear"
            else _renamed(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    return value
