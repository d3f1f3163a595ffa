"""A history of runs as a document: whether the newest is a regression, what changed and when, every series drawn."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.report import history_charts, names, units
from bench.report.document import (
    Bullets,
    Column,
    Conclusion,
    Document,
    Entry,
    Finding,
    Quality,
    Section,
    Table,
    TableBuilder,
)
from bench.report.history_charts import between, differences_in_words, run_name, shown_value
from bench.report.latency_tables import detectable_entry, ratio_entry
from bench.report.text import listed
from bench.stats.change_points import AT_LEAST
from bench.stats.history import Change, History, Series
from bench.stats.verdicts import FAMILY_ERROR, is_usual
from bench.stats.wording import counted, percent, some_of

EVENTS_AT_MOST = 8
"""Places with changes that are listed; all changes are among the details."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is no part of the history, and why."""

    name: str
    reason: str
    damaged: bool = False
    """Whether it may hold a run that should be part of it."""


def document_of(found: History, left_out: Sequence[LeftOut] = (), *, by_time: bool = False) -> Document:
    """The result, the changes and the charts of headline series; everything else as details. At least one run."""
    usual = [each for each in found.series if is_usual(each.key.cell)]
    main = [each for each in usual if _is_current(each, found)] or usual or list(found.series)
    others = [each for each in found.series if each not in main]
    limits = tuple(_limits(found, left_out))
    changes = sorted(found.changes, key=_importance)
    whole = [Section("all-changes", "All changes", (_change_table(changes, found),), detail=True)]
    return Document(
        title=f"History of {counted(len(found.runs), 'run')}",
        subtitle=f"history of {counted(len(found.runs), 'run')}",
        lead=_lead(found),
        quality=Quality.of("Limits of this history", limits) if limits else None,
        sections=(
            Section("changes", "Changes", (_changes(changes, found),)),
            *history_charts.sections("charts", main, found, by_time=by_time, detail=False),
            Section("levels", "Now", (_levels(main, found),)),
            *(whole if changes else []),
            *history_charts.sections("more", others, found, by_time=by_time, detail=True),
            *([Section("all-levels", "Now, other series", (_levels(others, found),), detail=True)] if others else []),
            Section("runs", "Runs", (_runs(found),), detail=True),
            Section("read", "How to read this", (Bullets(tuple(_definitions(found))),), detail=True),
        ),
        conclusion=_conclusion(found),
    )


def _is_current(series: Series, found: History) -> bool:
    """Whether the newest run or every second run has it."""
    return len(found.runs) - 1 in series.points or 2 * len(series.points) >= len(found.runs)


def _importance(change: Change) -> tuple[float, ...]:
    """The latest first, then headline series, then those that got slower, then the largest."""
    headline = is_usual(change.series.cell)
    return -change.after, not headline, not change.is_slower, -abs(math.log(change.ratio))


def _lead(found: History) -> str:
    first, last = found.runs[0], found.runs[-1]
    commits = len({run.commit for run in found.runs if run.commit})
    conditions = len({frozenset(run.conditions.items()) for run in found.runs})
    period = f"{first.started_at:%Y-%m-%d %H:%M} to {last.started_at:%Y-%m-%d %H:%M}"
    return (
        f"{period}, {counted(commits, 'commit')}, {counted(conditions, 'set')} of machine, versions and settings. "
        f"{_what(found)}."
    )


def _what(found: History) -> str:
    if any(each.key.baseline is None for each in found.series):
        return "Latency (ms) and throughput (requests/s) as measured"
    return f"Ratios to {listed(_baselines(found))} of the same run"


def _baselines(found: History) -> list[str]:
    keys = [each.key.baseline for each in found.series if each.key.baseline is not None]
    return list(dict.fromkeys(names.series(key) for key in keys))


def _conclusion(found: History) -> Conclusion:
    if found.gate is not None:
        text = f"Newest run, {run_name(found.runs[-1])}: {found.gate.result()}"
        return Conclusion(text, alarming=found.gate.outcome == "regression")
    slower = sum(each.is_slower for each in found.changes)
    if found.changes:
        return Conclusion(
            f"{counted(len(found.changes), 'change')} that lasted: {slower} slower, "
            f"{len(found.changes) - slower} faster.",
            alarming=False,
        )
    known = any(each.noise is not None for each in found.series)
    return Conclusion(
        "No series changed." if known else "Too few runs under the same conditions to distinguish a change from noise."
    )


def _limits(found: History, left_out: Sequence[LeftOut]) -> Iterator[Finding]:
    for each in left_out:
        yield Finding("warning", f"Left out: {each.name}: {each.reason}.")
    if found.gate is not None:
        for text in (*found.gate.gaps, " ".join(found.gate.open_questions())):
            if text:
                yield Finding("warning", text)


def _changes(changes: Sequence[Change], found: History) -> Bullets:
    """The latest changes, a line for each direction, and where machine or versions changed."""
    events: dict[tuple[int, int], list[Change]] = {}
    for each in changes:
        events.setdefault((each.before, each.after), []).append(each)
    latest = list(events.items())[:EVENTS_AT_MOST]
    lines = [
        f"{between(found.runs[before], found.runs[after])}: {' '.join(_directions(together))}"
        for (before, after), together in latest
    ]
    if len(events) > len(latest):
        lines.append(f"These are the latest of {len(events)} places with changes.")
    lines += [
        f"New conditions at {run_name(found.runs[each.run])}: {differences_in_words(each)}."
        for each in found.breaks[-EVENTS_AT_MOST:]
    ]
    return Bullets(tuple(lines or ["No series moved to another level and stayed there."]))


def _directions(together: Sequence[Change]) -> Iterator[str]:
    """What got slower, then what got faster: `2 slower: grpc-get-c1 +11 %, grpc-list20-c1 +9.9 %`."""
    for word, slower in (("slower", True), ("faster", False)):
        those = [each for each in together if each.is_slower == slower]
        if those:
            named = some_of([f"{each.series.cell.label} {units.change(1, each.ratio)}" for each in those])
            yield f"{len(those)} {word}: {named}."


def _change_table(changes: Sequence[Change], found: History) -> Table:
    built = TableBuilder(
        "Series that moved to another level and stayed there",
        [Column("between which runs", numeric=False), Column("series", numeric=False), Column("change")],
    )
    for each in changes:
        entry = Entry(units.change(1, each.ratio), "slower" if each.is_slower else "faster")
        built.add((between(found.runs[each.before], found.runs[each.after]), each.series.cell.label), [entry])
    return built.table()


def _levels(series: Sequence[Series], found: History) -> Table:
    """The newest value of each series, its level, and the noise."""
    gated = {cell.key: cell.ratio for cell in found.gate.compared} if found.gate is not None else {}
    columns = [
        Column("series", numeric=False),
        Column("newest"),
        Column("level"),
        Column("noise"),
        *([Column("newest ÷ before"), Column("detectable")] if found.gate is not None else []),
    ]
    built = TableBuilder(_what(found), columns)
    for each in series:
        run, point = max(each.points.items())
        level = next((one for one in reversed(each.levels) if run in one.runs), None)
        noise = "" if level is None or level.high is None else f"±{percent(level.high / level.value - 1)}"
        entries: list[Entry | str] = [
            units.significant(shown_value(each.key, point.value)),
            "" if level is None else units.significant(shown_value(each.key, level.value)),
            noise,
        ]
        if found.gate is not None:
            ratio = gated.get(each.key.cell)
            entries += [ratio_entry(ratio), detectable_entry(ratio)]
        built.add((each.key.cell.label,), entries)
    built.notes.append(
        "level: mean of the runs since the last change, under the conditions of the newest. noise: within it, 95 of "
        "100 runs of the same code are expected."
    )
    return built.table()


def _runs(found: History) -> Table:
    built = TableBuilder(
        "All runs, the newest first",
        [
            Column("started", numeric=False),
            Column("commit", numeric=False),
            Column("note", numeric=False),
            Column("conditions", numeric=False),
            Column("file", numeric=False),
        ],
    )
    order = list(dict.fromkeys(frozenset(run.conditions.items()) for run in found.runs))
    for run in reversed(found.runs):
        place = order.index(frozenset(run.conditions.items())) + 1
        started = f"{run.started_at:%Y-%m-%d %H:%M}"
        built.add((started,), [run.commit or "", run.note or "", f"set {place}", run.name])
    return built.table()


def _definitions(found: History) -> Iterator[str]:
    yield (
        "Charts: one value of every run, with its 95 % interval within the run; hollow: a single instance. All charts "
        "of a section have the same logarithmic scale, so the same slope is the same change."
    )
    yield "Shaded: where 95 of 100 runs of the same code are expected, around the mean of the runs without a change."
    noises = {each.noise for each in found.series if each.noise is not None}
    for noise in sorted(noises, key=lambda each: each.factor):
        runs = "runs of the same commit" if noise.same_code else "runs that followed each other"
        yield (
            f"Noise between runs: {units.significant(noise.factor)} times what the intervals within runs explain, from "
            f"{counted(noise.pairs, 'pair')} of {runs}."
        )
    yield (
        f"A change: a series is divided into levels of at least {AT_LEAST} runs so that the squared distances and a "
        "penalty for each division are least (optimal partitioning). With that penalty, no change is found in "
        f"{round(100 * (1 - FAMILY_ERROR))} of 100 histories without one."
    )
    yield "Lines and levels end where recipes, settings, machine, kernel or versions change."
