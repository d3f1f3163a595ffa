"""The run file: a run as one JSON document. Reports are functions of it and of nothing else.

Its JSON Schema is docs/run-file.schema.json (`python -m bench.run_file` prints it). Fields are only ever added:
changing the meaning of one changes `bench.results.SCHEMA`.
"""

import sys
from argparse import ArgumentParser
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from bench import run_schema_1
from bench.results import SCHEMA, Run
from bench.slices import Slice, Slices
from bench.spec import DEFAULT_CORES
from bench.wire.parts import UnknownPart, category_of
from bench.wire.results import Anatomy
from recipes import content

FAMILY = "recipe-lab/run/"
"""With what the schemas of all run files begin."""
MAXIMUM_BYTES = 1 << 30
"""A run of a day with all of its slices has some hundred MB."""


class RunFileUnreadable(Exception):
    """A file that is no run file. The text names the file and the reason."""

    def __init__(self, text: str, *, foreign: bool = False) -> None:
        super().__init__(text)
        self.foreign = foreign
        """Whether it is a sound file of something else, and no run file that is damaged or of another version."""


def encode(run: Run) -> bytes:
    """The run as JSON: a line for each field, and for each cell, so that line-based tools can read it."""
    cells = b",\n".join(_json(cell) for cell in run.cells)
    fields = [_json(name) + b": " + _json(getattr(run, name)) for name in Run.__struct_fields__ if name != "cells"]
    return b"{\n" + b",\n".join([*fields, b'"cells": [\n' + cells + b"\n]"]) + b"\n}\n"


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=_encode_slices)


def _encode_slices(value: object) -> object:
    if isinstance(value, Slices):
        return value.columns()
    raise NotImplementedError(f"{type(value)} has no place in a run file")


def _decode_slices(kind: type, value: Any) -> object:
    assert kind is Slices
    if not isinstance(value, dict):
        raise ValueError("slices are not columns")  # noqa: TRY004 - msgspec reports a ValueError with its place
    known = {name: column for name, column in value.items() if name in Slice.__struct_fields__}
    for name, column in known.items():
        if not isinstance(column, list):
            raise ValueError(f"the column {name} of slices is not a list")  # noqa: TRY004
    return Slices.of(**known)


def decode(content: bytes) -> Run:
    """A run from its JSON; one of an older schema is converted. Raises RunFileUnreadable."""
    foreign = False
    try:
        document = msgspec.json.decode(content)
        if not isinstance(document, dict):
            raise RunFileUnreadable("it has no JSON object", foreign=True)
        schema = document.get("schema")
        foreign = not str(schema).startswith(FAMILY)
        if schema == run_schema_1.SCHEMA:
            document = run_schema_1.converted(document)
        elif schema != SCHEMA:
            found = "it has no schema" if schema is None else f"its schema is {str(schema)[:60]!r}"
            raise RunFileUnreadable(f"{found}; this version reads {SCHEMA} and {run_schema_1.SCHEMA}", foreign=foreign)
        _complete(document)
        run = msgspec.convert(document, Run, dec_hook=_decode_slices)
        for cell in run.cells:
            if cell.anatomy is not None:
                _check_names(cell.anatomy)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, run_schema_1.NotSchema1) as error:
        raise RunFileUnreadable(str(error), foreign=foreign) from None
    except RecursionError:
        raise RunFileUnreadable("its JSON is nested too deeply", foreign=foreign) from None
    except UnknownPart as error:
        raise RunFileUnreadable(f"it has bytes named {error.name!r}, which this version does not know") from None
    return run


def _complete(document: dict[str, Any]) -> None:
    """Add what a file of an earlier version does not say, and what was otherwise then than it is by default now."""
    cells = document.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict):
            cell.setdefault("cores", DEFAULT_CORES)


def _check_names(anatomy: Anatomy) -> None:
    """Raise UnknownPart for bytes whose kind is not known."""
    for phase in (anatomy.setup, anatomy.first, anatomy.settling, anatomy.steady, anatomy.last, anatomy.closing):
        for name in (*phase.sent, *phase.received):
            category_of(name)


def read(path: Path) -> Run:
    """The run in a file. Raises RunFileUnreadable, naming the file."""
    try:
        return decode(content.read(path, at_most_bytes=MAXIMUM_BYTES))
    except FileNotFoundError as error:
        raise RunFileUnreadable(f"{path}: {error.strerror}") from None
    except content.ContentUnusable as error:
        raise RunFileUnreadable(f"{path}: {error}") from None
    except RunFileUnreadable as error:
        raise RunFileUnreadable(f"{path} is no run file: {error}", foreign=error.foreign) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a run file."""
    schema = _described(msgspec.json.schema(Run, schema_hook=_slices_schema))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Recipe Lab run file", **schema}


def _described(schema: Any) -> Any:
    """The schema with descriptions as Python 3.13 compiles docstrings: without the indentation of their lines."""
    if isinstance(schema, list):
        return [_described(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: cleandoc(value) if name == "description" and isinstance(value, str) else _described(value)
        for name, value in schema.items()
    }


def _slices_schema(kind: type) -> dict[str, Any]:
    """Slices in a run file: a column for each field of Slice."""
    if kind is not Slices:
        raise NotImplementedError(f"{kind} has no place in a run file")
    fields = msgspec.json.schema(Slice)["$defs"]["Slice"]["properties"]
    columns = {
        name: {"type": "array", "items": {key: value for key, value in field.items() if key != "default"}}
        for name, field in fields.items()
    }
    return {"type": "object", "description": "One entry per slice in every column.", "properties": columns}


def main() -> None:
    """Print the JSON Schema."""
    ArgumentParser(prog="python -m bench.run_file", description="Print the JSON Schema of run files.").parse_args()
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n")


if __name__ == "__main__":
    main()
