"""`python -m tests.check_run RUN.json`: check a run file of the quick matrix and its report. Checks no times."""

import json
import sys
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import typer

from commands import command_line, values
from commands.errors import ExitCode, UsageError

app = command_line.application("Check a run of the quick matrix.")

SCHEMA = Path(__file__).parent.parent / "docs" / "run-file.schema.json"
COMBINATIONS = set(product(("http", "graphql", "grpc"), (False, True), (False, True), ("get", "list")))

TLS_RECORD_BYTES = 22
"""What a record of TLS 1.3 adds (RFC 8446, section 5.2): header 5, inner type 1, tag 16."""


class References(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note every attribute by which a browser fetches something."""
        for name, value in attributes:
            if (
                tag != "a"
                and name in {"src", "href", "data", "poster", "srcset"}
                and value
                and not value.startswith(("data:", "#"))
            ):
                self.fetched.append(f"{tag} {name}={value}")


def complaints(run: dict[str, Any], page: str) -> list[str]:
    """What is wrong with a quick run and its report; empty when all is well."""
    jsonschema.validate(run, json.loads(SCHEMA.read_text(encoding="utf-8")))
    wrong = []
    found = {(c["protocol"], c["gzip"], c["tls"], c["workload"]["name"]) for c in run["cells"]}
    if found != COMBINATIONS or len(run["cells"]) != len(COMBINATIONS):
        wrong.append(f"{len(run['cells'])} cells of {len(found)} combinations, not the 24 of the matrix")
    for cell in run["cells"]:
        wrong += [f"{cell['id']}: {text}" for text in _cell_complaints(cell)]
    if any(warning["code"] == "one_instance" for warning in run["warnings"]) is False:
        wrong.append("a run of one instance must say that it is one")
    references = References()
    references.feed(page)
    wrong += [f"the report fetches {reference}" for reference in references.fetched]
    wrong += [f"the report lacks {text!r}" for text in ("<h1", "GraphQL", "gRPC") if text not in page]
    return wrong


def _cell_complaints(cell: dict[str, Any]) -> list[str]:
    if cell["status"] != "measured":
        return [f"{cell['status']}: {cell['reason']}"]
    wrong = []
    if set(cell["outcomes"]) != {"ok"} or cell["outcomes"]["ok"] <= 0:
        wrong.append(f"outcomes {cell['outcomes']}")
    if len({len(column) for column in cell["slices"].values()}) != 1:
        wrong.append("the columns of its slices differ in length")
    if sum(cell["slices"]["ok"]) != cell["outcomes"]["ok"]:
        wrong.append("its slices do not add up to its outcomes")
    p50 = cell["latency_ns"]["p50"]
    if not 0 < p50["low"] <= p50["value"] <= p50["high"]:
        wrong.append(f"p50 {p50}")
    for direction in ("request", "response"):
        sizes = cell["bytes"][direction]
        # A GET has no body; every other message has one.
        empty = direction == "request" and cell["protocol"] == "http"
        ordered = sizes["compressed_bytes"] < sizes["framed_bytes"] <= sizes["wire_bytes"]
        if (sizes["message_bytes"] == 0) != empty or not ordered:
            wrong.append(f"{direction} sizes {sizes}")
        named = sizes["framed_bytes"] + sizes["connection_bytes"]
        if (sizes["wire_bytes"] >= named + TLS_RECORD_BYTES) != cell["tls"]:
            wrong.append(f"{direction}: only TLS adds to frames and the connection's own frames, {sizes}")
    response = cell["bytes"]["response"]
    if (response["compressed_bytes"] < response["message_bytes"]) != cell["gzip"]:
        wrong.append(f"only gzip makes an answer smaller than its message, {response}")
    ratio = cell["ratio"]
    if ratio is not None and ratio["latency_ns_p50"]["verdict"] != "inconclusive":
        wrong.append("one instance carries no verdict")
    return wrong


@app.command()
def check(
    file: Annotated[Path, typer.Argument(parser=values.readable_file, metavar="RUN.json", help="The run file.")],
) -> int:
    """Check a run file of `bench run --quick` and the report beside it."""
    page = values.readable_file(file.with_suffix(".html"))
    try:
        wrong = complaints(json.loads(file.read_bytes()), page.read_text(encoding="utf-8"))
    except (ValueError, jsonschema.ValidationError) as error:
        raise UsageError(f"{file} is not a run file: {getattr(error, 'message', error)}") from None
    for text in wrong:
        print(f"{file}: {text}", file=sys.stderr)
    if not wrong:
        print(f"{file}: all {len(COMBINATIONS)} combinations measured, the report is complete")
    return ExitCode.REGRESSION if wrong else ExitCode.FINE


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m tests.check_run"))
