"""`python -m bench advise`, as a user runs it."""

from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from bench import run_file
from bench.cli import advice_parts
from bench.cli.advice_parts import Wanted, kept_or_measured
from bench.cli.measure import measured_run
from bench.cli.show import put
from bench.model.parts import parts_of
from bench.plan import RunPlan
from bench.protocols import PROTOCOLS
from bench.results import Run
from recipes import sources
from recipes.sources import LoadedRecipes
from tests.support.model_runs import Asked, known_run
from tests.support.programs import assert_one_line_error, run_here
from tests.support.runs import set_fields


@pytest.fixture
def known(tmp_path: Path) -> str:
    path = tmp_path / "known.json"
    path.write_bytes(run_file.encode(known_run()))
    return str(path)


def test_the_recommendation_is_printed_with_its_numbers(known: str) -> None:
    done = run_here(
        "bench", "advise", "--payload", "20kB", "--rtt", "40ms", "--down", "20mbit", "--tls", "--run", known
    )
    assert done.returncode == 0, done.stderr
    for expected in (
        "20.0 Mbit/s bandwidth, TLS, keep-alive connection.",
        "gRPC with gzip, with a predicted latency of 42",
        "gzip helps HTTP/JSON on links slower than 27",
        "RTT dominates",
        "GraphQL with gzip is never faster than gRPC with gzip",
        "Predicted latency",
        "Based on",
        "may not hold here",
    ):
        assert expected in " ".join(done.stdout.split())


def test_untrusted_measurements_give_exit_code_3(tmp_path: Path) -> None:
    failing = known_run()
    set_fields(failing.cells[-1], status="failed")
    set_fields(failing.cells[-1], reason="the producer ended")
    path = tmp_path / "failing.json"
    path.write_bytes(run_file.encode(failing))
    done = run_here("bench", "advise", "--payload", "20kB", "--rtt", "40ms", "--run", str(path))
    assert done.returncode == 3, done.stderr
    assert "Predicted latency" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--payload", "20", "--rtt", "1ms"), "'20' is not a size from 1 to"),
        (("--payload", "20kB"), "--rtt"),
        (("--payload", "20kB", "--rtt", "40"), "'rtt=40' is not a time"),
        (("--payload", "20kB", "--rtt", "1ms", "--down", "3"), "'down=3' is not a rate"),
        (("--payload", "20kB", "--rtt", "1ms", "--up", "0mbit"), "'up=0mbit' is not a rate"),
        (("--payload", "20kB", "--rtt", "1ms,down=3mbit"), "--rtt: '1ms,down=3mbit' is not a single value"),
        (("--payload", "20kB", "--rtt", "1ms", "--connection", "kept"), "--connection: 'kept'"),
        (("--payload", "20kB", "--rtt", "1ms", "--connection", "persistent,new"), "names two"),
        (("--payload", "20kB", "--rtt", "1ms", "--run", "no-such.json"), "--run: no-such.json"),
        (
            ("--payload", "20kB", "--rtt", "1ms", "--run", "x.json", "--measure"),
            "--measure has no effect beside --run",
        ),
        (("--payload", "20kB", "--rtt", "1ms", "--recipes", "no-such.json"), "no-such.json"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], named: str) -> None:
    assert_one_line_error(run_here("bench", "advise", *arguments), 2, named)


def test_a_payload_out_of_range_is_an_error_with_the_range(known: str) -> None:
    done = run_here("bench", "advise", "--payload", "50MB", "--rtt", "1ms", "--run", known)
    assert_one_line_error(
        done, 2, "--payload: 50,000,000 bytes are too far from what was measured; give 500 to 200,000"
    )


def test_a_run_without_the_required_measurements_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    path.write_bytes(run_file.encode(known_run(Asked(tls=(False,)))))
    done = run_here("bench", "advise", "--payload", "20kB", "--rtt", "1ms", "--tls", "--run", str(path))
    assert_one_line_error(done, 2, "it has no measurements with TLS")


@pytest.fixture
def quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Measure one protocol only, in two rounds, and keep it in a temporary directory.

    Within a short time instead, a busy machine would not get to the second instance.
    """

    def in_two_rounds(plan: RunPlan, recipes: LoadedRecipes) -> Run:
        return measured_run(replace(plan, rounds=2), recipes)

    monkeypatch.setattr(advice_parts, "REPORTS", tmp_path)
    monkeypatch.setattr(advice_parts, "PROTOCOLS", {"http": PROTOCOLS["http"]})
    monkeypatch.setattr(advice_parts, "INSTANCES", 2)
    monkeypatch.setattr(advice_parts, "measured_run", in_two_rounds)
    return tmp_path


class MeasuredAnew(Exception):
    """Raised instead of measuring again."""


def test_measurements_are_kept_and_reused(
    quickly: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = Wanted(5_000, "new", "generated:30", renumber=False)

    def found(*, anew: bool = False, fits: bool = True) -> tuple[Path, Run]:
        path, run, is_new = kept_or_measured(wanted, anew=anew, fits=lambda _: fits)
        if is_new:
            put(path, run_file.encode(run))
        return path, run

    path, measured = found()
    assert "measuring first, about " in capfd.readouterr().err
    assert path.parent == quickly
    assert [each.name for each in quickly.iterdir()] == [path.name]
    parts = parts_of(measured)
    assert parts.restarted
    assert {workload.page_size for workload in parts.payload_bytes} == {None, 10}
    assert all(set_up.latency_ns is not None for set_up in parts.set_ups.values())
    (quickly / "advise-9.json").write_text("torn")
    again, kept = found()
    assert again == path
    assert run_file.encode(kept) == run_file.encode(measured)
    assert "measuring" not in capfd.readouterr().err
    monkeypatch.setattr(advice_parts, "measured_run", mock.Mock(side_effect=MeasuredAnew))
    with pytest.raises(MeasuredAnew):
        kept_or_measured(Wanted(5_000, "new", "generated:20", renumber=False), anew=False, fits=lambda _: True)


def test_large_pages_are_measured_for_large_payloads() -> None:
    recipes = sources.load("generated:1200")
    assert advice_parts.pages_for(20_000, recipes) == [10, 100]
    assert advice_parts.pages_for(1_000_000, recipes) == [10, 100, 1000]
    assert advice_parts.pages_for(1_000_000, sources.load("generated:7")) == [7]
    assert advice_parts.pages_for(90_000, sources.load("generated:50")) == [10, 50]


def test_a_directory_that_cannot_be_written_is_named_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").touch()
    done = run_here("bench", "advise", "--payload", "1kB", "--rtt", "1ms", "--measure")
    assert_one_line_error(done, 2, "python -m bench: reports cannot be written: File exists")
