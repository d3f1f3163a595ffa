"""Are verdicts right? `python -m benchmarks.verdicts same|3%|5%` runs the whole bench many times and counts them.

    same      two versions that are the same code: every `faster` or `slower` is wrong
    3%, 5%    the second version is slower by this share: `slower` is right, `faster` is wrong

Each run is a `bench run --ab`, started as a user starts it. How the slower version is made, and how it is known by how
much it is slower: benchmarks/slowed_producer.py. Results are kept in --out; started again, the program goes on there.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from bench.report import units
from bench.results import Verdict
from benchmarks.repeated import FoundRatio, FoundRun, command_of, keep, kept, measure, widths
from benchmarks.slowed_producer import Slowdown, copied, slow_down_by
from commands import command_line, values
from commands.errors import ExitCode
from producers.registry import PRODUCERS

REPORTS = Path("reports")
SMALL = ("--workload", "get", "--gzip", "off", "--tls", "off", "--concurrency", "1", "--client", "library")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of the second version, and in which share of runs it has to be found."""

    slower: float
    found_at_least: float
    wrong_at_most: float

    def is_found(self, ratio: FoundRatio) -> bool:
        """Whether the verdict shows the difference that there is."""
        return self.slower > 0 and ratio.verdict == "slower"

    def is_wrong(self, ratio: FoundRatio) -> bool:
        """Whether the verdict is a difference that there is not."""
        return ratio.verdict == "faster" or (ratio.verdict == "slower" and not self.slower)


TRUTHS = {
    "same": Truth(slower=0.0, found_at_least=0.0, wrong_at_most=0.05),
    "3%": Truth(slower=0.03, found_at_least=0.6, wrong_at_most=0.0),
    "5%": Truth(slower=0.05, found_at_least=0.95, wrong_at_most=0.0),
}


class Settings(Struct, frozen=True, kw_only=True):
    """What results have in common that are kept in one file."""

    truth: str
    flags: list[str]


class Trial(Struct, frozen=True, kw_only=True):
    """One run, and how much slower the second version was when it was made, measured without the bench."""

    run: FoundRun
    slowdown: Slowdown | None


def line(number: int, run: FoundRun) -> str:
    """A run, in one line."""
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(r.verdict for r in run.ratios).items()))
    widths_found = widths([each.half_width for each in run.ratios if each.half_width is not None])
    return f"run {number}: {said}; {widths_found}; exit {run.exit_code}; {run.duration_s:.0f} s"


def table(runs: Sequence[FoundRun]) -> str:
    """How often each ratio got each verdict, the range of its values, and its corrected half-width, in Markdown."""
    verdicts: tuple[Verdict, ...] = ("faster", "slower", "same", "inconclusive")
    lines = [
        f"| cell | {' | '.join(verdicts)} | ratios, least to greatest | half-width: median, largest |",
        f"|{'---|' * 7}",
    ]
    for name in dict.fromkeys(ratio.cell for run in runs for ratio in run.ratios):
        found = [ratio for run in runs for ratio in run.ratios if ratio.cell == name]
        counts = Counter(ratio.verdict for ratio in found)
        least, greatest = (units.significant(each(ratio.value for ratio in found)) for each in (min, max))
        half_widths = [ratio.half_width for ratio in found if ratio.half_width is not None]
        numbers = " | ".join(str(counts[verdict]) for verdict in verdicts)
        lines.append(f"| {name} | {numbers} | {least}–{greatest} | {widths(half_widths)} |")
    return "\n".join(lines)


def conclusion(truth: Truth, runs: Sequence[FoundRun]) -> tuple[str, bool]:
    """What the runs show, in sentences, and whether that is good enough."""
    wrong = sum(any(map(truth.is_wrong, run.ratios)) for run in runs)
    found = sum(any(map(truth.is_found, run.ratios)) for run in runs)
    allowed, required = int(truth.wrong_at_most * len(runs)), -int(-truth.found_at_least * len(runs) // 1)
    text = f"A wrong verdict in {wrong} of {len(runs)} runs (allowed: {allowed})."
    if truth.slower:
        text += f" The difference was found in {found} of {len(runs)} (required: {required})."
    return text, wrong <= allowed and found >= required


def truth_in_words(truth: Truth, slowdowns: Sequence[Slowdown]) -> str:
    """What is true, and how that is known."""
    if not truth.slower:
        return "Two versions with the same code."
    measured = "; ".join(f"{each.share * 100:.1f} ± {each.error * 100:.1f} %" for each in dict.fromkeys(slowdowns))
    return f"The second version is made to be {truth.slower:.0%} slower. Requests that alternate within it: {measured}."


app = command_line.application("Run the whole bench many times where the truth is known, and count its verdicts.")


@app.command()
def verdicts(
    truth: Annotated[str, typer.Argument(parser=values.one_of(TRUTHS), metavar="|".join(TRUTHS))],
    runs: Annotated[int, typer.Option(parser=values.whole_number(1, 1000), metavar="N", help="How many.")] = 20,
    seconds: Annotated[
        float, typer.Option(parser=values.number(1, 86_400), metavar="S", help="The time of each run.")
    ] = 30.0,
    protocol: Annotated[
        str, typer.Option(parser=values.one_of(PRODUCERS), metavar="|".join(PRODUCERS), help="Measured in one cell.")
    ] = "http",
    requests: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1_000, 10_000_000), metavar="N", help="To find out how long a request takes."
        ),
    ] = 20_000,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where results are kept; by default in reports/, by the truth.")
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- FLAGS", help="Of `bench run`, instead of the one cell.", show_default=False),
    ] = None,
) -> int:
    """Compare two versions whose difference is known; exit 1 when verdicts are wrong or miss it too often.

    By default one cell is measured: GET of one recipe, one request in flight, without gzip and TLS.
    """
    flags = [*(arguments or ["--protocol", protocol, *SMALL]), "--seconds", f"{seconds:g}"]
    path = out or REPORTS / f"verdicts-{truth.rstrip('%')}.jsonl"
    trials = kept(path, Settings(truth=truth, flags=flags), Trial)
    if len(trials) < runs:
        with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
            before, after = copied(Path(aside) / "before"), copied(Path(aside) / "after")
            slower = TRUTHS[truth].slower
            slowdown = asyncio.run(slow_down_by(slower, after, protocol, requests)) if slower else None
            while len(trials) < runs:
                number = len(trials) + 1
                run = measure([*flags, "--ab", f"{before}..{after}", "--seed", str(number)])
                trials.append(Trial(run=run, slowdown=slowdown))
                keep(path, trials[-1])
                print(line(number, run), file=sys.stderr, flush=True)
    found = [trial.run for trial in trials]
    text, good = conclusion(TRUTHS[truth], found)
    known = truth_in_words(TRUTHS[truth], [trial.slowdown for trial in trials if trial.slowdown])
    print(f"{command_of('benchmarks.verdicts')}\n\n{known}\n\n{table(found)}\n\n{text}")
    return ExitCode.FINE if good else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.verdicts"))
