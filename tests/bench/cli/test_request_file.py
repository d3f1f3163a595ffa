"""`--request-file`, as a user gives it."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.support.programs import assert_one_line_error, listening, run, run_here

SCHEMA = json.loads(Path("docs/run-file.schema.json").read_text(encoding="utf-8"))
ORDERS = "docs/examples/orders.toml"
ONE_CELL = ("--protocol", "http", "--gzip", "off", "--tls", "off", "--concurrency", "1", "--client", "library")
LITTLE = ("--instances", "1", "--rounds", "2", "--slice-ms", "2")
OWN = '[http]\npath = "/recipes/{id}"\nignore = ["producer_pid"]\n'


@pytest.fixture(scope="module")
def own_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run file of a request file against the lab's own producer."""
    directory = tmp_path_factory.mktemp("own")
    (directory / "own.toml").write_text(f"[values]\nid = [1, 2]\n{OWN}", encoding="utf-8")
    out = directory / "r.json"
    done = run("bench", "run", "--request-file", str(directory / "own.toml"), *ONE_CELL, *LITTLE, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


def test_the_run_file_and_the_report_say_what_was_requested(own_run: Path) -> None:
    found = json.loads(own_run.read_bytes())
    jsonschema.validate(found, SCHEMA)
    assert [cell["id"] for cell in found["cells"]] == ["http-own-c1"]
    assert found["requests"]["file"] == "own.toml"
    assert found["requests"]["values"] == [{"id": 1}, {"id": 2}]
    assert found["plan"]["expect"] == "none"
    page = own_run.with_suffix(".html").read_text(encoding="utf-8")
    assert "2 requests of own.toml" in page
    assert "GET /recipes/{id}" in page
    assert "a request of the request file" in page
    assert "one recipe" not in page


def test_runs_of_different_requests_are_not_compared(own_run: Path, tmp_path: Path) -> None:
    other, found = tmp_path / "r.json", json.loads(own_run.read_bytes())
    found["requests"]["digest"] = "0" * 64
    other.write_text(json.dumps(found), encoding="utf-8")
    refused = run_here("bench", "compare", str(own_run), str(other))
    assert_one_line_error(refused, 2, "request file: digest")


def test_sizes_of_a_target_are_counted(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"[values]\nid = [1, 2]\n{OWN}", encoding="utf-8")
    out = tmp_path / "s.json"
    with listening("producers", "http", "--port", "0", "--recipes", "generated:60") as producer:
        target = ("--target", f"http={producer.addresses[0]}", "--request-file", str(tmp_path / "own.toml"))
        done = run("bench", "sizes", "--gzip", "off", "--requests", "12", *target, "--out", str(out))
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads(out.read_bytes())["cells"]
    assert cell["status"] == "measured"
    assert cell["anatomy"]["requests"] == 12


def test_a_protocol_without_a_section_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[http]\npath = "/"\n', encoding="utf-8")
    asked = ("--request-file", str(tmp_path / "own.toml"), "--dry-run")
    done = run_here("bench", "run", *asked, "--protocol", "http,grpc")
    assert_one_line_error(done, 2, "own.toml has no [grpc]; add it, or leave grpc out with --protocol")
    assert "protocol: http\n" in run_here("bench", "run", *asked).stdout


@pytest.mark.parametrize("command", ["run", "sizes", "slo"])
def test_a_file_that_cannot_be_used_is_one_line(command: str, tmp_path: Path) -> None:
    done = run_here("bench", command, "--request-file", str(tmp_path / "missing.toml"))
    assert_one_line_error(done, 2, "--request-file: ", "missing.toml: No such file or directory")


def test_a_dry_run_names_the_file() -> None:
    done = run_here("bench", "run", "--request-file", ORDERS, "--dry-run")
    assert done.returncode == 0
    assert "requests: orders.toml\n" in done.stdout
    assert "http-own-c1\n" in done.stdout
