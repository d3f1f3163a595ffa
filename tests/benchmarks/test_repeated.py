"""Results of many runs: what is kept of one, and what a program that was stopped finds when it starts again."""

from pathlib import Path

import numpy as np
import pytest
from msgspec import Struct

from benchmarks.repeated import found_in, keep, kept, measure, widths
from commands.errors import UntrustedMeasurement, UsageError
from tests.bench.stats.noise import slices_of
from tests.support.programs import interrupted
from tests.support.runs import SIXTEEN, cell, latency_ratio, rate_ratio, run


class Settings(Struct, frozen=True):
    truth: str


class Result(Struct, frozen=True):
    number: int


HERE = Settings("same")


def results(path: Path, settings: Settings = HERE) -> list[int]:
    return [result.number for result in kept(path, settings, Result)]


def test_results_are_kept_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "x.jsonl"
    assert results(path) == []
    for number in range(3):
        keep(path, Result(number))
    assert results(path) == [0, 1, 2]


def test_a_line_that_was_not_written_to_its_end_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    assert results(path) == []
    keep(path, Result(1))
    with path.open("ab") as file:
        file.write(b'{"num')
    assert results(path) == [1]
    keep(path, Result(2))
    assert results(path) == [1, 2]


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    results(path)
    with pytest.raises(UsageError, match=r"x\.jsonl holds results of other settings; remove it"):
        results(path, Settings("5%"))
    assert results(path) == []


@pytest.mark.parametrize("content", [b"", b"no results\n", b'{"truth":"same"}\n{"number":"x"}\n'])
def test_a_file_of_something_else_is_refused_and_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="remove it"):
        results(path)
    assert path.read_bytes() == content


def test_a_run_is_reduced_to_its_ratios_and_the_share_of_its_time_that_was_recorded() -> None:
    slices = slices_of(np.full((2, 5), 200_000.0))  # ten of 10 ms
    found = found_in(
        run(
            [
                cell("http", slices=slices),
                cell("grpc", slices=slices, ratio=latency_ratio("http-get-c1", 2.0, "slower", low=1.5, high=2.5)),
                cell("http", load=SIXTEEN),
                cell("grpc", load=SIXTEEN, ratio=rate_ratio("http-get-c16", 0.5, "slower")),
            ],
            duration_s=0.8,
        ),
        exit_code=3,
    )
    assert found.recorded_share == pytest.approx(0.2 / 0.8)
    assert [(each.cell, each.value, each.headline) for each in found.ratios] == [
        ("grpc-get-c1", 2.0, True),
        ("grpc-get-c16", 0.5, False),
    ]
    assert found.half_widths() == [pytest.approx((2.5 / 1.5) ** 0.5 - 1)]


def test_widths_are_the_median_and_the_largest() -> None:
    assert widths([0.05, 0.01, 0.02]) == "±2 %, ±5 %"
    assert widths([]) == "–"


def test_a_bench_that_fails_is_an_error_with_its_last_line() -> None:
    with pytest.raises(UntrustedMeasurement, match=r"the bench ended with 2: .*--seconds"):
        measure(["--seconds", "never"])


def test_a_signal_for_the_program_alone_ends_the_bench_that_it_has_started(tmp_path: Path) -> None:
    long = ("--runs", "1", "--seconds", "3600")
    done = interrupted("benchmarks.verdicts", "same", *long, "--out", str(tmp_path / "kept"), once_started=4)
    assert (done.returncode, done.stderr) == (130, "python -m benchmarks.verdicts: interrupted\n")
