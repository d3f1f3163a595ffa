"""Many runs of the bench, one after the other: each result is kept in a file of JSON lines as soon as it is known.

A program that is stopped goes on where it was when it is started again with the same settings. The file begins with
these; the results of other settings are not mixed in.
"""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec
from msgspec import Struct

from bench import run_file
from bench.results import Cell, RatioEstimate, Run, Verdict
from bench.stats.verdicts import headline_cells
from bench.stats.wording import percent
from commands.errors import ExitCode, UntrustedMeasurement, UsageError

REPOSITORY = Path(__file__).parent.parent
FINISHED = (ExitCode.FINE, ExitCode.REGRESSION, ExitCode.UNTRUSTED)
"""Exit codes of a run that wrote its file. UNTRUSTED also when verdicts were inconclusive."""


class FoundRatio(Struct, frozen=True, kw_only=True):
    """A ratio of one run."""

    cell: str
    value: float
    low: float | None
    high: float | None
    """Of the corrected interval."""
    verdict: Verdict
    headline: bool

    @property
    def half_width(self) -> float | None:
        """Half the width of the corrected interval, as a share."""
        return sqrt(self.high / self.low) - 1 if self.low and self.high else None


class FoundRun(Struct, frozen=True, kw_only=True):
    """What is kept of one run."""

    exit_code: int
    duration_s: float
    recorded_share: float
    """The share of the duration during which slices were recorded."""
    ratios: list[FoundRatio]

    def half_widths(self) -> list[float]:
        """Those of the headline ratios that have an interval."""
        return [each.half_width for each in self.ratios if each.headline and each.half_width is not None]


def found_in(run: Run, exit_code: int) -> FoundRun:
    """What is kept of a run."""
    headline = {cell.id for cell in headline_cells(run.cells)}
    recorded_ns = sum(duration_ns for cell in run.cells for duration_ns in cell.slices.duration_ns)
    ratios = [
        FoundRatio(
            cell=cell.id,
            value=ratio.value,
            low=ratio.low,
            high=ratio.high,
            verdict=ratio.verdict,
            headline=cell.id in headline,
        )
        for cell in run.cells
        if (ratio := _ratio_of(cell)) is not None
    ]
    return FoundRun(
        exit_code=exit_code,
        duration_s=run.duration_s,
        recorded_share=recorded_ns / 1e9 / run.duration_s,
        ratios=ratios,
    )


def _ratio_of(cell: Cell) -> RatioEstimate | None:
    return None if cell.ratio is None else cell.ratio.latency_ns_p50 or cell.ratio.requests_per_second


def run_bench(arguments: Sequence[str], directory: Path = REPOSITORY, python: str = "") -> tuple[int, str]:
    """Run a command of the lab in `directory` to its end: its exit code, and what it wrote on stderr.

    The command ends before KeyboardInterrupt is raised. `python`: the interpreter; empty: this one.
    """
    command = [python or sys.executable, "-m", "bench", *arguments]
    with subprocess.Popen(
        command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            _, error = process.communicate()
        except KeyboardInterrupt:
            # Ctrl-C has reached it as well, but SIGTERM and SIGHUP have not.
            process.terminate()
            process.communicate()
            raise
    if process.returncode == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return process.returncode, error.strip()


def measure(arguments: Sequence[str], directory: Path = REPOSITORY, python: str = "") -> FoundRun:
    """One `bench run` of the lab in `directory`. Raises UntrustedMeasurement when there is no run file.

    `python`: the interpreter; empty: this one.
    """
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        out = Path(aside) / "run.json"
        code, error = run_bench(["run", *arguments, "--out", str(out)], directory, python)
        if code not in FINISHED or not out.exists():
            said = error.splitlines()
            raise UntrustedMeasurement(f"the bench ended with {code}: {said[-1] if said else 'no message'}")
        return found_in(run_file.read(out), code)


Settings = TypeVar("Settings", bound=Struct)
Result = TypeVar("Result", bound=Struct)


def kept(path: Path, settings: Settings, kind: type[Result]) -> list[Result]:
    """The results in a file, which is made if there is none. Raises UsageError when they are of other settings.

    A last line that was not written to its end is removed.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(settings) + b"\n")
    lines = path.read_bytes().splitlines(keepends=True)
    if not lines or lines[0] != msgspec.json.encode(settings) + b"\n":
        raise UsageError(f"{path} holds results of other settings; remove it, or choose another --out")
    if not lines[-1].endswith(b"\n"):
        path.write_bytes(b"".join(lines[:-1]))
        del lines[-1]
    try:
        return [msgspec.json.decode(line, type=kind) for line in lines[1:]]
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}; remove it, or choose another --out") from None


def keep(path: Path, result: Struct) -> None:
    """Append a result."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")


def command_of(module: str) -> str:
    """The command line that started this program, as code in Markdown."""
    return f"`python -m {module} {shlex.join(sys.argv[1:])}`".replace(" `", "`")


def widths(half_widths: Sequence[float]) -> str:
    """The median and the largest half-width: `±2.1 %, ±3.4 %`."""
    if not half_widths:
        return "–"
    return ", ".join(f"±{percent(width)}" for width in (median(half_widths), max(half_widths)))
