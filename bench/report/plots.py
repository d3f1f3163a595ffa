"""What charts show, as values: points, intervals, bars, lines and areas. Drawn by bench.report.charts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.results import Verdict

LOG_FROM = 8.0
"""An axis is logarithmic when its largest value is at least this many times its smallest."""
AXIS_BEYOND_VALUES = 3.0
"""An interval may stretch an axis by this factor beyond the values; what reaches further is cut off at the edge."""

FOREST_BEYOND_VALUES = 1.3
"""The same for a forest plot, in which values lie close together."""

Scale = Literal["log", "linear"]


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of a chart of intervals."""

    label: str
    series: int
    value: float
    low: float | None
    high: float | None
    text: str
    """Written at the end of the row."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """A row for each value: a point, its interval, and its text."""

    dots: tuple[Dot, ...]
    axis: str
    scale: Scale
    reference: float | None = None
    """Where a line is drawn through all rows."""

    @property
    def domain(self) -> tuple[float, float]:
        """Both ends of the axis."""
        values = [dot.value for dot in self.dots] + ([self.reference] if self.reference is not None else [])
        least, most = min(values), max(values)
        ends = [end for dot in self.dots for end in (dot.low, dot.high) if end is not None]
        low = max(min([least, *ends]), least / AXIS_BEYOND_VALUES)
        high = min(max([most, *ends]), most * AXIS_BEYOND_VALUES)
        if self.scale == "linear":
            return 0.0, (high or 1.0) * 1.03
        room = (high / low) ** 0.03 if high > low else 1.1
        return low / room, high * room

    @property
    def cuts_off(self) -> bool:
        """Whether an interval reaches beyond the axis."""
        low, high = self.domain
        return any(
            (dot.low is not None and dot.low < low) or (dot.high is not None and dot.high > high) for dot in self.dots
        )


@dataclass(frozen=True, slots=True)
class Segment:
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


@dataclass(frozen=True, slots=True)
class Point:
    """A latency and its percentile. `nines`: −log10 of the share that took longer; 1 is 90 %, 2 is 99 %."""

    nines: float
    latency: float
    """In the unit of the axis; nanoseconds where no axis is chosen yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """The latency distribution of one configuration."""

    series: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latency by percentile, a line for each series."""

    lines: tuple[Line, ...]
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


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of a map, in the units of its axes."""

    x: tuple[float, float]
    y: tuple[float, float]
    series: int
    opacity: float


@dataclass(frozen=True, slots=True)
class Label:
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

    @property
    def domain(self) -> tuple[float, float]:
        """Both ends of the axis."""
        values = [*self.band, *(each.value for each in self.effects)]
        ends = [end for each in self.effects for end in (each.low, each.high) if end is not None]
        low = max(min([*values, *ends]), min(values) / FOREST_BEYOND_VALUES)
        high = min(max([*values, *ends]), max(values) * FOREST_BEYOND_VALUES)
        room = (high / low) ** 0.04
        return low / room, high * room


Plot = Intervals | Bars | Percentiles | LoadCurves | AreaMap | Forest


def scale_for(values: Sequence[float]) -> Scale:
    """Logarithmic where values lie far apart, else linear and from zero."""
    return "log" if min(values) > 0 and max(values) / min(values) >= LOG_FROM else "linear"
