"""What charts show, as values: bars, lines and areas. The page draws them (templates/plots.js). Pure."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from bench.results import Verdict


class Segment(NamedTuple):
    """A piece of a stacked bar: the row it belongs to, which piece it is, and its length. Order matters."""

    label: str
    part: int
    value: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each row, of pieces laid end to end, with its total in words at the end."""

    segments: tuple[Segment, ...]
    axis: str
    totals: tuple[tuple[str, str], ...]
    """Label and text."""


class Point(NamedTuple):
    """A latency and its percentile. `nines`: −log10 of the share that took longer; 1 is 90 %, 2 is 99 %."""

    nines: float
    latency: float
    """In the unit of the axis; nanoseconds where no axis is chosen yet."""


class Bin(NamedTuple):
    """Some slices of a series that ran after each other."""

    seconds: float
    """Since the run began."""
    low: float
    median: float
    high: float


P = TypeVar("P", Point, Bin)


@dataclass(frozen=True, slots=True)
class Line(Generic[P]):
    """One series, from left to right."""

    series: int
    points: tuple[P, ...]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latency by percentile, a line for each series."""

    lines: tuple[Line[Point], ...]
    axis: str
    y_domain: tuple[float, float]
    nines: float
    """Where the x axis ends."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Throughput and latency of one configuration under growing load."""

    series: int
    points: tuple[tuple[float, float, str], ...]
    """Requests per second, latency in the unit of the axis, and the load in words."""
    knee: int | None
    """Which point is marked."""


@dataclass(frozen=True, slots=True)
class LoadCurves:
    """Latency over throughput: a line for each series, a point for each load, a ring around the knee."""

    lines: tuple[Growth, ...]
    axis: str


class Area(NamedTuple):
    """A rectangle of a map, in the units of its axes."""

    x: tuple[float, float]
    y: tuple[float, float]
    series: int
    hatched: bool
    clear: bool
    """Whether the series is the clear winner there; grey where not."""


class Label(NamedTuple):
    """Words within a map, centred on a point."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class AreaMap:
    """A map on two logarithmic axes: rectangles side by side, and words within."""

    areas: tuple[Area, ...]
    labels: tuple[Label, ...]
    x_axis: str
    y_axis: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Values over the time of a run: the median of each bin as a line, the least and the greatest as a bar."""

    lines: tuple[Line[Bin], ...]
    axis: str
    y_domain: tuple[float, float]


class Moment(NamedTuple):
    """The requests that were due within a short interval."""

    seconds: float
    """The middle of the interval, since the load began."""
    p50: float | None
    """In the unit of the axis; None where no request was successful."""
    p99: float | None
    highest: float | None
    failed: int


class Mark(NamedTuple):
    """Something that happened while requests were sent."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Events:
    """Latency over time, on a logarithmic axis, with failed requests as bars and events as vertical lines."""

    moments: tuple[Moment, ...]
    marks: tuple[Mark, ...]
    axis: str
    y_domain: tuple[float, float]
    series: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One row of a forest plot: by which factor something changed, with its interval."""

    label: str
    value: float
    low: float | None
    high: float | None
    verdict: Verdict
    text: str
    """Written at the end of the row."""


@dataclass(frozen=True, slots=True)
class Forest:
    """A row for each factor, on a logarithmic axis; a band around 1 shows which changes count as none."""

    effects: tuple[Effect, ...]
    band: tuple[float, float]
    axis: str


class TrendPoint(NamedTuple):
    """A value of one run."""

    run: int
    value: float
    low: float | None
    high: float | None
    several: bool
    """Whether the run had several instances. Hollow where not."""


class TrendLevel(NamedTuple):
    """Runs in a row without a change, and between which values other runs of the same code are expected."""

    first: int
    last: int
    value: float
    low: float | None
    high: float | None


class TrendMark(NamedTuple):
    """A run at which something happened."""

    run: int
    text: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One value from run to run, on a logarithmic axis. A line for each set of runs under the same conditions."""

    lines: tuple[tuple[TrendPoint, ...], ...]
    levels: tuple[TrendLevel, ...]
    changes: tuple[TrendMark, ...]
    breaks: tuple[TrendMark, ...]
    """Where runs begin under conditions that no earlier run had."""
    runs: tuple[str, ...]
    """What each run is called."""
    times_s: tuple[int, ...]
    """Where each run stands on an axis of time, in seconds since 1970; empty where runs stand side by side."""
    series: int
    y_domain: tuple[float, float]


Plot = Bars | Percentiles | LoadCurves | AreaMap | Timeline | Events | Forest | Trend
