"""`python -m benchmarks.model_errors`: how far the model's predictions are from measurements over networks.

The model gets latencies on loopback only. Its predictions are compared with cells measured through the relay, with page
sizes and kinds of connection that the model did not get. The relay itself is a little late, which a network is not; its
lateness is measured as well, and errors are shown with and without it. Each piece is a `bench run` of its own, started
as a user starts it. Its run file is kept in --runs, and a piece that has one is not measured again. Exits with 1 when
half of the predictions are more than 10 % off.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Annotated, TypeVar

import typer

from bench import protocols, run_file
from bench.load import latency_histogram
from bench.model.choices import OWN_ERROR
from bench.model.parts import Parts, option_of, parts_of
from bench.model.predict import Blend, blend, exactly, predict
from bench.network.profile import parse
from bench.report.grouping import variant_of
from bench.results import Cell, Run
from bench.spec import NEW, PERSISTENT, Connection
from benchmarks import relay_accuracy
from benchmarks.relay_accuracy import Finding
from benchmarks.repeated import run_bench
from commands import command_line, values
from commands.errors import ExitCode, UntrustedMeasurement

TOLERANCE = 0.10
FIT, SET_UP, RELAY = "fit", "fit-set-up", "relay"
_PAGES = ("--workload", "get,list", "--page-size", "30,300", "--instances", "1")
_NEW = ("--workload", "get,list", "--page-size", "30", "--instances", "1", "--connection", "new")
_SLOW, _NARROW = "rtt=40ms,down=20mbit,up=5mbit", "rtt=10ms,down=2mbit,up=1mbit"
PIECES: dict[str, Sequence[str]] = {
    FIT: ("--workload", "get,list", "--page-size", "1,10,100,1000", "--instances", "4", "--rounds", "5"),
    SET_UP: ("--workload", "get", "--connection", "persistent,new", "--instances", "3", "--rounds", "5"),
    "lan": ("--network", "lan", *_PAGES, "--rounds", "4"),
    "wifi": ("--network", "wifi", *_PAGES, "--rounds", "4"),
    "4g": ("--network", "4g", *_PAGES, "--rounds", "3"),
    "intercontinental": ("--network", "intercontinental", *_PAGES, "--rounds", "1"),
    "slow": ("--network", _SLOW, *_PAGES, "--rounds", "1"),
    "narrow": ("--network", _NARROW, *_PAGES[:3], "30", *_PAGES[4:], "--rounds", "2"),
    "lan-new": ("--network", "lan", *_NEW, "--rounds", "4"),
    "wifi-new": ("--network", "wifi", *_NEW, "--rounds", "3"),
    "4g-new": ("--network", "4g", *_NEW, "--rounds", "2"),
    "intercontinental-new": (
        *("--network", "intercontinental", "--connection", "new"),
        *("--workload", "get", "--gzip", "off", "--instances", "1", "--rounds", "1"),
    ),
}
"""What is measured, by name: first what the model gets, then what tests it. Each takes at most two minutes."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One cell over a network, measured and predicted."""

    cell: Cell
    measured_ns: float
    predicted_ns: float
    late_ns: float
    """The lateness of the relay over all round trips."""

    @property
    def off(self) -> float:
        """The error of the prediction as a share; positive where it is too long."""
        return self.predicted_ns / self.measured_ns - 1

    @property
    def off_without_the_relay(self) -> float:
        """The same with the relay's lateness subtracted from the measurement."""
        return self.predicted_ns / (self.measured_ns - self.late_ns) - 1


def measure(name: str, runs: Path) -> Run:
    """The run of a piece; measured now if it has no run file yet."""
    path = runs / f"{name}.json"
    if not path.exists():
        print(f"measuring {name}", file=sys.stderr, flush=True)
        arguments = ["--concurrency", "1", "--client", "library", *PIECES[name], "--out", str(path)]
        code, error = run_bench(["run", *arguments])
        if code:
            raise UntrustedMeasurement(f"{name}: the bench ended with {code}: {error}")
    return run_file.read(path)


def parts_from(fit: Run, set_up: Run) -> Parts:
    """What the model gets: latencies at five payloads, and what a new connection takes."""
    return replace(parts_of(fit), set_ups=parts_of(set_up).set_ups)


def relay_late_ns(runs: Path) -> float:
    """How late the relay is in a round trip: the sum of both directions' medians; measured now if there is no file."""
    path = runs / f"{RELAY}.json"
    if not path.exists():
        print(f"measuring {RELAY}", file=sys.stderr, flush=True)
        found: list[Finding] = []
        asyncio.run(relay_accuracy.measure("lan", found.append))
        path.write_text(json.dumps({finding.direction: median(finding.late_ns) for finding in found}), encoding="utf-8")
    late_ns: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return sum(late_ns.values())


def tested(run: Run, parts: Parts, late_ns: float) -> list[Tested]:
    """Every measured cell of a run over networks."""
    payloads = {
        cell.workload: cell.bytes.response.message_bytes
        for cell in run.cells
        if cell.bytes is not None and cell.series == parts.baseline and cell.bytes.response.message_bytes
    }
    found = []
    for cell in run.cells:
        if cell.latency_histogram is None or cell.workload not in payloads:
            print(f"{cell.id} has no result: {cell.reason}", file=sys.stderr)
            continue
        # Over slow networks there are too few requests for an interval of the median, but enough for the median.
        measured_ns = latency_histogram.decode(cell.latency_histogram).get_value_at_percentile(50)
        at: Blend = (
            exactly(parts, cell.workload)
            if cell.workload in parts.payload_bytes
            else blend(parts, payloads[cell.workload] or 0.0)
        )
        connection: Connection = NEW if cell.connection == NEW else PERSISTENT
        predicted = predict(parts, option_of(cell), at, parse(cell.network), connection)
        found.append(Tested(cell, float(measured_ns), predicted.latency_ns.value, predicted.round_trips * late_ns))
    return found


Key = TypeVar("Key")


def grouped(all_tested: Iterable[Tested], by: Sequence[str]) -> dict[tuple[str, ...], list[Tested]]:
    """The cells by these fields, in order of appearance."""
    found: dict[tuple[str, ...], list[Tested]] = {}
    for each in all_tested:
        found.setdefault(tuple(_shown(each.cell, name) for name in by), []).append(each)
    return found


def _shown(cell: Cell, name: str) -> str:
    if name == "workload":
        size = cell.workload.page_size
        return cell.workload.name if size is None else f"{cell.workload.name} of {size}"
    if name == "protocol":
        return protocols.title(cell.protocol)
    return variant_of(cell).label if name == "gzip, TLS" else str(getattr(cell, name))


def table(all_tested: Sequence[Tested], by: Sequence[str]) -> str:
    """Errors by group, as Markdown: the median of absolute errors, the median with its sign, the worst."""
    headings = [*by, "cells", "median error", "median, signed", "worst", "median error without the relay"]
    rows = [headings, ["---"] * len(headings)]
    for key, group in grouped(all_tested, by).items():
        offs = [each.off for each in group]
        worst = max(offs, key=abs)
        but = median(abs(each.off_without_the_relay) for each in group)
        middle = median(map(abs, offs))
        rows.append([*key, str(len(group)), f"{middle:.1%}", f"{median(offs):+.1%}", f"{worst:+.1%}", f"{but:.1%}"])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def table_of_ratios(all_tested: Sequence[Tested]) -> str:
    """How well the model predicts differences, as Markdown.

    For pairs of cells under the same conditions: how far their ratio is off, for half of the pairs and for 90 %. For
    those that are predicted to differ by more than OWN_ERROR, as a verdict needs: how often the opposite is true.
    """
    headings = [
        "network",
        "connection",
        "pairs",
        "half within",
        "90 % within",
        "predicted to differ",
        "measured the other way round",
    ]
    rows = [headings, ["---"] * len(headings)]
    for key, group in grouped(all_tested, ("network", "connection")).items():
        pairs = [
            (ours.predicted_ns / theirs.predicted_ns, ours.measured_ns / theirs.measured_ns)
            for ours, theirs in combinations(group, 2)
            if (ours.cell.workload, ours.cell.tls) == (theirs.cell.workload, theirs.cell.tls)
        ]
        offs = sorted(abs(predicted / measured - 1) for predicted, measured in pairs)
        different = [pair for pair in pairs if max(pair[0], 1 / pair[0]) > 1 + OWN_ERROR]
        wrong = sum((predicted > 1) != (measured > 1) for predicted, measured in different)
        within = [f"{offs[int(share * (len(offs) - 1))]:.1%}" for share in (0.5, 0.9)]
        rows.append([*key, str(len(pairs)), *within, str(len(different)), str(wrong)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


app = command_line.application("Measure how far the model's predictions are from what the lab measures over networks.")


@app.command()
def model_errors(
    runs: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where run files are kept.")] = Path("reports/model"),
    piece: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help=f"Measure these only, without a table: {','.join((RELAY, *PIECES))}."),
    ] = None,
) -> int:
    """Measure what has no run file yet, and print the tables."""
    chosen = [values.one_of((RELAY, *PIECES))(name) for name in values.comma_list(piece or [])]
    runs.mkdir(parents=True, exist_ok=True)
    if chosen:
        for name in chosen:
            if name == RELAY:
                relay_late_ns(runs)
            else:
                measure(name, runs)
        return ExitCode.FINE
    parts = parts_from(measure(FIT, runs), measure(SET_UP, runs))
    late_ns = relay_late_ns(runs)
    pieces = [name for name in PIECES if name not in (FIT, SET_UP)]
    found = [each for name in pieces for each in tested(measure(name, runs), parts, late_ns)]
    for by in (("network", "connection"), ("workload", "connection"), ("protocol", "gzip, TLS")):
        print(table(found, by))
    print(table_of_ratios(found))
    middle = median(abs(each.off) for each in found)
    print(
        f"median error over {len(found)} cells: {middle:.1%}; within {TOLERANCE:.0%}: "
        f"{sum(abs(each.off) <= TOLERANCE for each in found) / len(found):.0%} of them"
    )
    return ExitCode.FINE if middle <= TOLERANCE else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.model_errors"))
