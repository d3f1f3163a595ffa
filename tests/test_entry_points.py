"""Every program gives plain text and no side effects for `--help`, no arguments and bad arguments."""

import subprocess
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.programs import run_here

ROOT = Path(__file__).parent.parent
SERVED = {
    "bench.cluster.host": ["extra"],
    "bench.load.worker": ["extra"],
    "bench.network.relay": ["--network", "5g", "--to", "http://127.0.0.1:1"],
    "bench.runner.spinner": ["soap"],
    "bench.runner.noop_servers": ["soap"],
}
MEASURING = {
    "benchmarks.ceilings": ["--seconds", "soon"],
    "benchmarks.ceilings.raw_rate": ["{}"],
    "benchmarks.grpc_protections": ["often"],
    "benchmarks.grpc_retries": ["extra"],
    "benchmarks.http_protections": ["8", "soap/get"],
    "benchmarks.alternating": ["HEAD", "--pairs", "none"],
    "benchmarks.bare_producers": ["soap"],
    "benchmarks.delaying_front": ["nowhere.txt"],
    "benchmarks.hop_delays": ["--rounds", "none"],
    "benchmarks.stops_under_load": ["often"],
    "benchmarks.freed_memory": ["--processes", "none"],
    "benchmarks.instruction_spread": ["soap"],
    "benchmarks.instruction_truths": ["--times", "none"],
    "benchmarks.instructions_and_cpu": ["nowhere.json"],
    "benchmarks.node_services": ["often"],
    "benchmarks.interval_coverage": ["--runs", "none"],
    "benchmarks.known_truths": ["--protocol", "soap"],
    "benchmarks.neighbours": ["200%"],
    "benchmarks.model_errors": ["--piece", "soap"],
    "benchmarks.relay_accuracy": ["--network", "5g"],
    "benchmarks.verdicts": ["perhaps"],
}
EDGES = {
    "commands.fetch_wikibooks": ["--force"],
    "commands.pictures": ["nowhere.json"],
    "consumers": ["soap"],
    "producers": ["soap"],
    "producers.certificates": ["--force"],
    "producers.workers": ["{}"],
    "protos.generate": ["--chek"],
}
TESTING = {
    "tests.audit": ["nowhere.txt"],
    "tests.check_run": ["nowhere.json"],
    "tests.check_version": ["nowhere.toml", "CHANGELOG.md"],
    "tests.support.few_resources": ["soap"],
    "tests.hostile.table": ["nowhere.jsonl"],
    "tests.support.known_producer": ["soap"],
    "tests.support.limited_producer": ["soap", ".", "{}"],
}
WITHOUT_ARGUMENTS = {
    "bench.run_file": ["soap"],
    "tests.support.odd_clients": ["soap"],
    "tests.support.own_services": ["soap"],
}
NONSENSE = {"bench": ["soap"], **WITHOUT_ARGUMENTS, **SERVED, **MEASURING, **EDGES, **TESTING}
FOR_CONTRIBUTORS = {*WITHOUT_ARGUMENTS, *TESTING}
"""argparse is enough for them, which writes the usage before the error."""
NEEDS_ARGUMENTS = (
    "bench.network.relay",
    "bench.runner.noop_servers",
    "benchmarks.ceilings.raw_rate",
    "benchmarks.instructions_and_cpu",
    "benchmarks.delaying_front",
    "benchmarks.neighbours",
    "benchmarks.verdicts",
    "commands.pictures",
    "consumers",
    "producers",
    "producers.workers",
    *TESTING,
)
"""The others do their work without any."""


def run(module: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run it, whatever the current directory is."""
    return programs.run(module, *arguments, stdin=stdin, PYTHONPATH=str(ROOT))


def test_every_program_is_tried() -> None:
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for folder in ("bench", "benchmarks", "commands", "consumers", "producers", "protos", "recipes", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
    }
    assert found == set(NONSENSE)


@pytest.mark.no_cover
@pytest.mark.parametrize("module", NONSENSE)
def test_help(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_here(module, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("module", "arguments"),
    [*NONSENSE.items(), *((module, []) for module in NEEDS_ARGUMENTS)],
)
def test_what_is_not_understood(
    module: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_here(module, *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    *usage, error = done.stderr.splitlines()
    assert error.startswith(f"python {'tests/audit.py' if module == 'tests.audit' else f'-m {module}'}: ")
    assert not usage or (module in FOR_CONTRIBUTORS and usage[0].startswith("usage: "))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.no_cover
def test_a_load_process_without_orders_ends_and_one_that_cannot_read_them_says_so() -> None:
    done = run("bench.load.worker")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run("bench.load.worker", stdin="hello\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "stdin: JSON is malformed" in done.stderr
