"""`python -m bench sizes`, as a user runs it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.programs import assert_one_line_error, interrupted, run, run_here

SCHEMA = json.loads(Path("docs/run-file.schema.json").read_text(encoding="utf-8"))
SMALL = ("--recipes", "generated:60", "--requests", "12")


def test_the_24_combinations_with_every_byte_accounted_for(tmp_path: Path) -> None:
    out = tmp_path / "s.json"
    done = run("bench", "sizes", *SMALL, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "moves the fewest bytes in" in done.stdout
    assert str(out) in done.stdout
    found: dict[str, Any] = json.loads(out.read_bytes())
    jsonschema.validate(found, SCHEMA)
    assert len(found["cells"]) == 24
    for cell in found["cells"]:
        anatomy = cell["anatomy"]
        assert cell["load"] is None
        assert cell["latency_ns"] is None
        for direction, recorded_bytes in anatomy["total"].items():
            phases = (anatomy[phase][direction] for phase in ("setup", "first", "settling", "steady", "closing"))
            assert sum(sum(named.values()) for named in phases) == recorded_bytes > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.html", "s.json"]
    assert "Byte anatomy" in (tmp_path / "s.html").read_text(encoding="utf-8")
    assert run_here("bench", "report", str(out)).returncode == 0


@pytest.mark.usefixtures("traced")
def test_a_difference_is_attributed_when_the_dialects_allow_it(tmp_path: Path) -> None:
    chosen = ("--protocol", "http,grpc", "--dialect", "json,protobuf", "--tls", "off", "--workload", "get")
    done = run("bench", "sizes", *SMALL, *chosen, "--tables", "causes", "--out", str(tmp_path / "s.json"))
    assert done.returncode == 0, done.stderr
    assert "HTTP to gRPC: causes of the difference in wire bytes per request" in done.stdout
    found = json.loads((tmp_path / "s.json").read_bytes())
    combinations = ("http-get", "http-get-protobuf", "grpc-get-json", "grpc-get")
    assert [cell["id"] for cell in found["cells"]] == [name + gzip for name in combinations for gzip in ("", "-gzip")]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--requests", "2"), "'2' is not a whole number from 3 to"),
        (("--protocol", "soap"), "--protocol: 'soap'"),
        (("--page-size", "0"), "--page-size: '0'"),
        (("--dialect", "protobuf"), "--dialect protobuf: graphql speaks none of them"),
        (("--recipes", "no-such.json"), "no-such.json"),
        (("--out", "s.txt"), "--out: 's.txt'"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], named: str) -> None:
    assert_one_line_error(run_here("bench", "sizes", *arguments), 2, named)


def test_ctrl_c_writes_nothing_and_leaves_nothing_running(tmp_path: Path) -> None:
    out = tmp_path / "s.json"
    done = interrupted("bench", "sizes", "--requests", "10000", "--out", str(out), once_started=4)
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert not out.exists()
