"""The run file: what is written can be read, older schemas are converted, anything else is refused in one line."""

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench import run_file
from bench.load_models import ClosedLoad
from bench.report import markdown
from bench.report.run_document import document_of
from bench.results import SCHEMA
from bench.run_file import RunFileUnreadable
from bench.slices import Slice, Slices
from bench.spec import dimensions
from tests.support.runs import small

SCHEMA_1 = Path(__file__).parent.parent / "data" / "run-schema-1.json"
"""Written by version 0.1.0: HTTP and gRPC, get and list, with and without gzip, two clients, two instances."""


def test_a_written_run_is_read_back() -> None:
    assert run_file.decode(run_file.encode(small())) == small()


def test_every_cell_has_a_line_of_its_own() -> None:
    lines = run_file.encode(small()).decode().splitlines()
    start = lines.index('"cells": [')
    cells = [json.loads(line.removesuffix(",")) for line in lines[start + 1 : start + 1 + len(small().cells)]]
    assert [cell["id"] for cell in cells] == [cell.id for cell in small().cells]
    assert lines[start + 1 + len(small().cells) :] == ["]", "}"]


def test_a_cell_has_a_field_for_every_dimension() -> None:
    (cell, *_) = json.loads(run_file.encode(small()))["cells"]
    assert set(dimensions()) <= set(cell)


def test_a_file_of_schema_1_is_converted() -> None:
    before = json.loads(SCHEMA_1.read_bytes())
    assert before["schema"] == "recipe-lab/run/1"
    run = run_file.read(SCHEMA_1)
    assert run.schema == SCHEMA
    assert (run.plan.instances, run.plan.instances_done) == (2, 2)
    assert [cell.id for cell in run.cells] == [cell["id"] for cell in before["cells"]]
    for cell, old in zip(run.cells, before["cells"], strict=True):
        assert cell.client == {"consumer": "library", "wire": "raw"}[old["driver"]]
        assert (cell.protocol, cell.dialect, cell.gzip, cell.tls) == (
            old["protocol"],
            old["dialect"],
            old["gzip"],
            old["tls"],
        )
        assert cell.slices.instance == old["slices"]["generation"]
        assert cell.slices.p50_ns == old["slices"]["p50_ns"]
        if old["bytes"] is not None:
            assert cell.bytes is not None
            assert cell.bytes.response.compressed_bytes == old["bytes"]["response"]["coded_bytes"]
    verdicts = {
        "inconclusive" if ratio["verdict"] == "unclear" else ratio["verdict"]
        for old in before["cells"]
        for ratio in [(old["ratio"] or {}).get("latency_ns_p50")]
        if ratio
    }
    assert verdicts == {
        cell.ratio.latency_ns_p50.verdict for cell in run.cells if cell.ratio and cell.ratio.latency_ns_p50
    }
    assert [warning.text for warning in run.warnings] == [each["text"] for each in before["doubts"]]
    jsonschema.validate(json.loads(run_file.encode(run)), run_file.json_schema())


def _edited(**fields: Any) -> bytes:
    return json.dumps({**json.loads(run_file.encode(small())), **fields}).encode()


def _with_slices(slices: object) -> bytes:
    document = json.loads(run_file.encode(small()))
    document["cells"][0]["slices"] = slices
    return json.dumps(document).encode()


def _with_bytes_named(name: str) -> bytes:
    header = {"wire_bytes": 0, "plain_bytes": 0}
    headers = {"request": header, "response": header}
    phases = ("setup", "first", "settling", "steady", "last", "closing")
    anatomy = {
        "requests": 1,
        "steady_requests": 0,
        "total": {"sent": 0, "received": 0},
        "first_headers": headers,
        "last_headers": headers,
        **{phase: {"sent": {}, "received": {name: 0}} for phase in phases},
    }
    document = json.loads(run_file.encode(small()))
    document["cells"][0]["anatomy"] = anatomy
    return json.dumps(document).encode()


def test_bytes_with_a_declared_name_are_read() -> None:
    (cell, *_) = run_file.decode(_with_bytes_named("status_line")).cells
    assert cell.anatomy is not None
    assert cell.anatomy.first.received == {"status_line": 0}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (_with_bytes_named("cookies"), "it has bytes named 'cookies', which this version does not know"),
        (b"", "truncated"),
        (b"[]", "object"),
        (b"{}", "it has no schema; this version reads recipe-lab/run/2 and recipe-lab/run/1"),
        (b'{"schema": "recipe-lab/run/2"}', "missing"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (_edited(environment="NESTED").replace(b'"NESTED"', b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
        (_edited()[:-100], "truncated"),
        (_edited(duration_s="NUMBER").replace(b'"NUMBER"', b"NaN"), "malformed"),
        (_edited(duration_s="NUMBER").replace(b'"NUMBER"', b"1e400"), "out of range"),
        (b"\xff", "malformed"),
        (_edited(schema="recipe-lab/run/9"), "its schema is 'recipe-lab/run/9'"),
        (_edited(schema="recipe-lab/run/1", doubts=[7]), "warnings is not a list of objects"),
        (_with_slices({"instance": [0, 0], "round": [0]}), "differ in length: instance 2, round 1"),
        (_with_slices({"instance": 3}), "the column instance of slices is not a list"),
        (_with_slices({"instance": ["x"]}), "Expected `int`"),
        (_with_slices([1]), "slices are not columns"),
    ],
)
def test_invalid_run_files_are_a_one_line_error(content: bytes, named: str) -> None:
    with pytest.raises(RunFileUnreadable) as refused:
        run_file.decode(content)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_published_schema_is_up_to_date() -> None:
    published = Path(run_file.__file__).parent.parent / "docs" / "run-file.schema.json"
    assert json.loads(published.read_bytes()) == json.loads(json.dumps(run_file.json_schema()))


def test_slices_are_read_by_column_and_by_row() -> None:
    slices = Slices([Slice(instance=0, p50_ns=1.0), Slice(instance=1)])
    assert slices.instance == [0, 1]
    assert slices.p50_ns == [1.0, None]
    assert [each.instance for each in slices] == [0, 1]
    assert slices.with_columns(ok=[3, 4]).ok == [3, 4]
    assert Slices.of(**slices.columns()) == slices
    with pytest.raises(AttributeError):
        _ = slices.nothing
    with pytest.raises(ValueError, match="differ in length"):
        slices.with_columns(ok=[1])


def test_cores_could_sleep_in_runs_that_do_not_say() -> None:
    document = json.loads(run_file.encode(small()))
    assert {cell.cores for cell in run_file.decode(json.dumps(document).encode()).cells} == {"awake"}
    for cell in document["cells"]:
        del cell["cores"]
    assert {cell.cores for cell in run_file.decode(json.dumps(document).encode()).cells} == {"default"}


def test_what_an_earlier_file_of_schema_2_did_not_record_is_unknown() -> None:
    document = json.loads(run_file.encode(small()))
    for name in ("gzip_level", "timeout_s", "threshold", "expect"):
        del document["plan"][name]
    del document["recipes"]["ids"]
    for cell in document["cells"]:
        for ratio in (cell["ratio"], cell["ratio_to_plain"]):
            for estimate in filter(
                None, ((ratio or {}).get("latency_ns_p50"), (ratio or {}).get("requests_per_second"))
            ):
                del estimate["undecided"], estimate["detectable_change"]
        for name in ("service_p50_ns", "turnaround_ns"):
            del cell["slices"][name]
    run = run_file.decode(json.dumps(document).encode())
    assert (run.plan.gzip_level, run.plan.timeout_s, run.plan.expect, run.recipes.ids) == (None, None, None, None)
    ratios = [cell.ratio.latency_ns_p50 for cell in run.cells if cell.ratio and cell.ratio.latency_ns_p50]
    assert ratios
    assert {(ratio.undecided, ratio.detectable_change) for ratio in ratios} == {(None, None)}
    assert "inconclusive" in markdown.render(document_of(run))


def test_a_cell_has_a_key() -> None:
    (cell, *_) = small().cells
    assert cell.key.label == "http-get-c1"
    assert cell.key.load == ClosedLoad(concurrency=1)
    assert hash(cell.key) == hash(cell.key)


def test_a_device_is_refused_and_a_compressed_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(run_file.RunFileUnreadable, match=r"^/dev/zero: is a device; use a file$"):
        run_file.read(Path("/dev/zero"))
    file = tmp_path / "run.json.gz"
    file.write_bytes(gzip.compress(run_file.encode(small())))
    assert run_file.read(file) == small()
