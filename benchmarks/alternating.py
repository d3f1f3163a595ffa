"""`python -m benchmarks.alternating REF`: is the lab more precise than at an earlier commit?

That commit's lab, unpacked beside this one, and this lab measure in turn, each with the same flags and the same time,
so that both meet the same machine. For each run: the share of its time in which slices were recorded, and the
half-width of the corrected intervals of the headline ratios, the median and the largest. Results are kept in --out;
started again, the program goes on there.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from msgspec import Struct

from bench.plan import Version
from bench.report import units
from bench.runner import versions
from bench.runner.versions import CannotBuild
from bench.stats.wording import percent
from benchmarks.neighbours import SHARE, neighbours
from benchmarks.repeated import REPOSITORY, FoundRun, command_of, keep, kept, measure
from commands import command_line, values
from commands.errors import UsageError

REPORTS = Path("reports")


class Settings(Struct, frozen=True, kw_only=True):
    """What results have in common that are kept in one file."""

    reference: str
    flags: list[str]
    neighbours: float | None


class Pair(Struct, frozen=True, kw_only=True):
    """A run of the earlier lab and one of this lab, one after the other."""

    before: FoundRun
    after: FoundRun


def columns(run: FoundRun) -> str:
    """A run in three columns."""
    half_widths = run.half_widths()
    reaches = [f"±{percent(width)}" for width in (median(half_widths), max(half_widths))] if half_widths else ["–", "–"]
    return f"{run.recorded_share:.0%} | {' | '.join(reaches)}"


def times_narrower(pair: Pair) -> float | None:
    """The median half-width of the earlier lab over that of this lab."""
    before, after = pair.before.half_widths(), pair.after.half_widths()
    return median(before) / median(after) if before and after else None


def table(pairs: Sequence[Pair]) -> str:
    """A row for each pair, in Markdown."""
    of_each = "recorded | median half-width | largest"
    lines = [f"| pair | before: {of_each} | after: {of_each} | before ÷ after |", f"|{'---|' * 8}"]
    for number, pair in enumerate(pairs, 1):
        ratio = times_narrower(pair)
        shown = "–" if ratio is None else units.significant(ratio)
        lines.append(f"| {number} | {columns(pair.before)} | {columns(pair.after)} | {shown} |")
    return "\n".join(lines)


def conclusion(pairs: Sequence[Pair]) -> str:
    """The medians over all pairs, in a sentence."""
    ratios = [ratio for pair in pairs if (ratio := times_narrower(pair)) is not None]
    if not ratios:
        return "No pair has intervals on both sides."
    before, after = (
        median(median(run.half_widths()) for run in runs if run.half_widths())
        for runs in ([pair.before for pair in pairs], [pair.after for pair in pairs])
    )
    return (
        f"Median half-width of headline ratios: ±{percent(before)} before, ±{percent(after)} after; "
        f"before ÷ after {units.significant(median(ratios))} in the median pair."
    )


app = command_line.application("Compare the precision of this lab with that of an earlier commit, in turn.")


@app.command()
def alternating(
    reference: Annotated[str, typer.Argument(metavar="REF", help="A commit, or a directory with a checkout.")],
    pairs: Annotated[int, typer.Option(parser=values.whole_number(1, 1000), metavar="N", help="Runs of each.")] = 6,
    seconds: Annotated[
        float, typer.Option(parser=values.number(1, 86_400), metavar="S", help="The time of each run.")
    ] = 175.0,
    beside: Annotated[
        float | None,
        typer.Option(
            "--neighbours", parser=SHARE, metavar="SHARE", help="Beside programs that want so much of each CPU."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where results are kept.")] = REPORTS / "alternating.jsonl",
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- FLAGS", help="Of `bench run`; both have to know them.", show_default=False),
    ] = None,
) -> None:
    """Print a Markdown table of recorded shares and half-widths. Which of a pair comes first alternates."""
    flags = ["--seconds", f"{seconds:g}", *(arguments or [])]
    found = kept(out, Settings(reference=reference, flags=flags, neighbours=beside), Pair)
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        try:
            before = versions.build(Version(reference=reference), Path(aside))
        except CannotBuild as error:
            raise UsageError(str(error)) from None
        while len(found) < pairs:
            seeded = [*flags, "--seed", str(len(found) + 1)]
            runs: dict[bool, FoundRun] = {}
            for earlier in (True, False) if len(found) % 2 == 0 else (False, True):
                directory = Path(before.directory) if earlier else REPOSITORY
                with neighbours(beside):
                    runs[earlier] = measure(seeded, directory, before.python if earlier else "")
                print(f"{'before' if earlier else 'after'}: {columns(runs[earlier])}", file=sys.stderr, flush=True)
            found.append(Pair(before=runs[True], after=runs[False]))
            keep(out, found[-1])
    print(f"{command_of('benchmarks.alternating')}\n\n{table(found)}\n\n{conclusion(found)}")


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.alternating"))
