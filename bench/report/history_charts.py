"""The charts of a history: one small chart for each series, all of a section on the same scale. Pure."""

import math
from collections.abc import Iterator, Sequence
from statistics import median

from bench.report import names, units
from bench.report.document import Block, Chart, Charts, Section
from bench.report.grouping import variant_of
from bench.report.plots import Trend, TrendLevel, TrendMark, TrendPoint
from bench.report.text import one_line
from bench.spec import CellKey
from bench.stats.estimates import LATENCY, measure_of
from bench.stats.history import Break, History, Series
from bench.stats.snapshot import SeriesKey, Snapshot
from bench.stats.wording import NAMED_AT_MOST

SPAN_AT_LEAST = math.log(1.05)
SPAN_AT_MOST = math.log(3)
"""How far an axis reaches to either side of its middle, on the log scale. It is the same in all charts of a section, so
that the same slope is the same change."""
ROOM = 1.1
COMMIT_DIGITS = 12
NOTE_AT_MOST = 80
MILLISECONDS = 1e6


def sections(
    prefix: str, series: Sequence[Series], found: History, *, by_time: bool, detail: bool
) -> Iterator[Section]:
    """A section for each workload and load, with a chart for each protocol and variant."""
    groups: dict[str, list[Series]] = {}
    for each in series:
        groups.setdefault(group_name(each.key.cell), []).append(each)
    protocols = list(dict.fromkeys(each.key.cell.series for each in found.series))
    for number, (title, members) in enumerate(groups.items()):
        # The baseline's own series last: rows of the others then begin with the same variant.
        members.sort(
            key=lambda each: each.key.baseline is not None and each.key.baseline.series == each.key.cell.series
        )
        span = _span(members)
        charts = [_chart(each, found, span, protocols.index(each.key.cell.series), by_time=by_time) for each in members]
        blocks: tuple[Block, ...] = (_direction(members[0].key), Charts(tuple(charts), (), small=True))
        yield Section(f"{prefix}-{number}", title, blocks, detail=detail, drawn=True)


def group_name(key: CellKey) -> str:
    """What a section is about: `get: one recipe, 1 in flight`."""
    return f"{names.group(key)}, {names.load(key.load)}"


def series_name(key: SeriesKey) -> str:
    """Within a section: `gRPC ÷ HTTP/JSON, gzip`."""
    own, variant = names.series(key.cell), variant_of(key.cell).label
    if key.baseline is None:
        return f"{own}, {variant}"
    if key.baseline.series == key.cell.series:
        return f"{own}: {variant} ÷ {variant_of(key.baseline).label}"
    return f"{own} ÷ {names.series(key.baseline)}, {variant}"


def run_name(run: Snapshot) -> str:
    """Commit, time and note of a run, in a line."""
    note = one_line(run.note or "")
    words = [
        one_line(run.commit or "")[:COMMIT_DIGITS] or "unknown commit",
        f"{run.started_at:%Y-%m-%d %H:%M}",
        *([note if len(note) <= NOTE_AT_MOST else f"{note[: NOTE_AT_MOST - 1]}…"] if note else []),
    ]
    return " · ".join(words)


def between(before: Snapshot, after: Snapshot) -> str:
    """Where something changed: the commit before it, and the first run after it."""
    commit = one_line(before.commit or "unknown commit")[:COMMIT_DIGITS]
    return f"{commit} → {run_name(after)}"


def differences_in_words(found: Break) -> str:
    """`kernel: 6.1 → 6.8; grpcio: 1.85 → 1.86`, and how many more differences there are."""
    words = [
        f"{one.what}: {one.before}{f' → {one.after}' if one.after else ''}" for one in found.differences[:NAMED_AT_MOST]
    ]
    more = len(found.differences) - len(words)
    return one_line("; ".join([*words, *([f"{more} more"] if more > 0 else [])])) or "as in no earlier run"


def shown_value(key: SeriesKey, value: float) -> float:
    """A value in the unit of its axis: ratios as they are, latency in milliseconds."""
    return value / MILLISECONDS if key.baseline is None and measure_of(key.cell) is LATENCY else value


def _span(series: Sequence[Series]) -> float:
    """How far the axes of all charts reach to either side of their middles."""
    needed = [
        abs(math.log(value / middle))
        for each in series
        for middle in [_middle(each)]
        for value in (
            *(point.value for point in each.points.values()),
            *(end for level in each.levels for end in (level.low, level.high) if end is not None),
        )
    ]
    return min(max([SPAN_AT_LEAST, *needed]), SPAN_AT_MOST) * ROOM


def _middle(series: Series) -> float:
    """Halfway between the least and the greatest value, on the log scale."""
    values = [point.value for point in series.points.values()]
    return math.sqrt(min(values)) * math.sqrt(max(values))


def _chart(series: Series, found: History, span: float, number: int, *, by_time: bool) -> Chart:
    key = series.key

    def shown(value: float | None) -> float | None:
        return None if value is None else shown_value(key, value)

    lines: dict[frozenset[tuple[str, str]], list[TrendPoint]] = {}
    for run, point in series.points.items():
        conditions = frozenset(found.runs[run].conditions.items())
        ends = shown(point.low), shown(point.high)
        lines.setdefault(conditions, []).append(
            TrendPoint(run, shown_value(key, point.value), *ends, point.error is not None)
        )
    middle = shown_value(key, _middle(series))
    trend = Trend(
        lines=tuple(map(tuple, lines.values())),
        levels=tuple(
            TrendLevel(
                level.runs[0], level.runs[-1], shown_value(key, level.value), shown(level.low), shown(level.high)
            )
            for level in series.levels
        ),
        changes=tuple(
            TrendMark(each.after, f"{units.change(1, each.ratio)}, {'slower' if each.is_slower else 'faster'}")
            for each in found.changes
            if each.series == key
        ),
        breaks=tuple(TrendMark(each.run, differences_in_words(each)) for each in found.breaks),
        runs=tuple(map(run_name, found.runs)),
        times_s=tuple(round(run.started_at.timestamp()) for run in found.runs) if by_time else (),
        series=number,
        y_domain=(middle / math.exp(span), middle * math.exp(span)),
    )
    return Chart(trend, series_name(key), _in_words(series))


def _direction(key: SeriesKey) -> str:
    """What the axes show, and which way is better."""
    latency = measure_of(key.cell).lower_is_better
    absolute = "Latency in ms" if latency else "Requests per second"
    what = absolute if key.baseline is None else f"Ratios of {'latency' if latency else 'requests per second'}"
    return f"{what}; {'lower' if latency else 'higher'} is better."


def _in_words(series: Series) -> str:
    values = [shown_value(series.key, point.value) for point in series.points.values()]
    least, most, typical = (units.significant(pick(values)) for pick in (min, max, median))
    last = units.significant(values[-1])
    return f"{len(values)} runs from {least} to {most}, median {typical}; the last: {last}"
