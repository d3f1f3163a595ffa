"""Are verdicts right? `python -m benchmarks.verdicts same|slowed` runs the whole bench many times and counts them.

    same      two versions that are the same code: every `faster` or `slower` is wrong
    slowed    the second version takes 5 % longer for each response: `slower` is right, and the exit code has to be 1

Each run is a `bench run --ab`, started as a user starts it. The table shows how often each verdict was given.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench import run_file
from bench.report import units
from bench.results import Cell, RatioEstimate, Run
from commands import command_line, values
from commands.errors import ExitCode, UntrustedMeasurement

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("commands", "producers", "protos", "recipes", "requirements")
TRUTHS = ("same", "slowed")
SLOWDOWN = 0.05
SLOWED_BOOK = """

# What follows was appended by benchmarks/verdicts.py, in a copy made for one measurement.
import json as _json
import sys as _sys
from pathlib import Path as _Path
from time import perf_counter_ns as _now_ns

_extra_ns = _json.loads((_Path(__file__).parent / "extra_ns.json").read_text())[_sys.argv[1]]


def _slowed(method, extra_ns):
    async def slowed(*arguments, **named):
        until_ns = _now_ns() + extra_ns
        while _now_ns() < until_ns:
            pass
        return await method(*arguments, **named)

    return slowed


InMemoryRecipeBook.get = _slowed(InMemoryRecipeBook.get, _extra_ns["get"])
InMemoryRecipeBook.page = _slowed(InMemoryRecipeBook.page, _extra_ns["list"])
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run."""

    exit_code: int
    run: Run


def ratio_of(cell: Cell) -> RatioEstimate | None:
    """The ratio to the other version that its verdict is about."""
    return None if cell.ratio is None else cell.ratio.latency_ns_p50 or cell.ratio.requests_per_second


def measure(arguments: Sequence[str], out: Path) -> Outcome:
    """One run of the bench."""
    command = [sys.executable, "-m", "bench", "run", *arguments, "--out", str(out)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (ExitCode.FINE, ExitCode.REGRESSION, ExitCode.UNTRUSTED) or not out.exists():
        error = done.stderr.decode(errors="replace").strip()
        raise UntrustedMeasurement(f"the bench ended with {done.returncode}: {error}")
    return Outcome(done.returncode, run_file.read(out))


def copied(directory: Path) -> Path:
    """A copy of the packages that producers need."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, directory / package)
    return directory


def slowed(directory: Path, plain: Run) -> Path:
    """A copy whose responses take SLOWDOWN of the median latency of their cell in `plain` longer."""
    extra_ns: dict[str, dict[str, int]] = {}
    for cell in plain.cells:
        assert cell.latency_ns is not None
        assert cell.latency_ns.p50 is not None
        of_protocol = extra_ns.setdefault(cell.protocol, {"get": 0, "list": 0})
        of_protocol[cell.workload.name] = round(cell.latency_ns.p50.value * SLOWDOWN)
    copied(directory)
    with (directory / "recipes" / "book.py").open("a", encoding="utf-8") as book:
        book.write(SLOWED_BOOK)
    (directory / "recipes" / "extra_ns.json").write_text(json.dumps(extra_ns), encoding="utf-8")
    return directory


def show(number: int, outcome: Outcome) -> None:
    """One line about a run."""
    verdicts = Counter(found.verdict for cell in outcome.run.cells if (found := ratio_of(cell)) is not None)
    reaches = [
        sqrt(found.high / found.low) - 1
        for cell in outcome.run.cells
        if (found := ratio_of(cell)) is not None and found.low and found.high
    ]
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    widths = f"intervals ±{median(reaches):.1%} (median), ±{max(reaches):.1%} (widest)" if reaches else "no intervals"
    print(f"run {number}: {said}; {widths}; exit {outcome.exit_code}; {outcome.run.duration_s:.0f} s", flush=True)


def summarize(outcomes: Sequence[Outcome]) -> None:
    """How often each cell got each verdict, and the range of its ratios."""
    print(f"\n| cell | faster | slower | same | inconclusive | ratios, least to greatest |\n|{'---|' * 6}")
    ids = [cell.id for cell in outcomes[0].run.cells if ratio_of(cell) is not None]
    for name in ids:
        found = [
            ratio
            for outcome in outcomes
            for cell in outcome.run.cells
            if cell.id == name and (ratio := ratio_of(cell)) is not None
        ]
        counts = Counter(ratio.verdict for ratio in found)
        said = " | ".join(str(counts[verdict]) for verdict in ("faster", "slower", "same", "inconclusive"))
        values = sorted(ratio.value for ratio in found)
        print(f"| {name} | {said} | {units.significant(values[0])}–{units.significant(values[-1])} |")
    wrong = sum(
        any(ratio.verdict in ("faster", "slower") for ratio in map(ratio_of, outcome.run.cells) if ratio is not None)
        for outcome in outcomes
    )
    fired = sum(outcome.exit_code == 1 for outcome in outcomes)
    print(f"\n{wrong} of {len(outcomes)} runs called anything faster or slower; {fired} ended with exit code 1.")


app = command_line.application("Run the whole bench many times where the truth is known, and count its verdicts.")


@app.command()
def verdicts(
    truth: Annotated[str, typer.Argument(parser=values.one_of(TRUTHS), metavar="|".join(TRUTHS))],
    runs: Annotated[int, typer.Option(parser=values.whole_number(1, 1000), metavar="N", help="How many.")] = 20,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- FLAGS", help="Passed on to `bench run`.", show_default=False)
    ] = None,
) -> None:
    """Compare two versions: `same`, the same code twice; `slowed`, the second takes 5 % longer for each response."""
    flags = arguments or []
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        directory, out = Path(aside), Path(aside) / "run.json"
        (directory / "before").mkdir()
        before = copied(directory / "before")
        (directory / "after").mkdir()
        if truth == "slowed":
            flags = ["--gzip", "off", "--tls", "off", "--concurrency", "1", *flags]
            plain = measure([*flags, "--instances", "2", "--seconds", "15"], out).run
            after = slowed(directory / "after", plain)
        else:
            after = copied(directory / "after")
        outcomes = []
        for number in range(1, runs + 1):
            found = measure([*flags, "--ab", f"{before}..{after}", "--seed", str(number)], out)
            show(number, found)
            outcomes.append(found)
    summarize(outcomes)


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.verdicts"))
