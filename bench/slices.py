"""What was measured in one slice of a cell, and slices as columns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct


class LeftOut(Struct, frozen=True, kw_only=True):
    """A worker of a cluster whose part of a slice is in none of its values."""

    worker: int
    """As in the run's `cluster`."""
    reason: str


class Slice(Struct, frozen=True, kw_only=True):
    """One slice of one cell. The load process makes it; the runner adds its place in the run."""

    instance: int = 0
    round: int = 0
    started_ns: int = 0
    """In the run file: since the run began."""
    duration_ns: int = 0
    ok: int = 0
    """Successful requests."""
    failed: int = 0
    p50_ns: float | None = None
    """Median latency of the successful requests; null where there was none."""
    service_p50_ns: float | None = None
    """Open loop only: their median from the moment of sending."""
    producer_cpu_ns: int | None = None
    front_cpu_ns: int | None = None
    consumer_cpu_ns: int | None = None
    send_lag_p50_ns: float | None = None
    """Open loop only: from the moment a request was due to the moment it was sent."""
    send_lag_max_ns: int | None = None
    window_ns: int = 0
    """Open loop: in which requests were due. Closed loop: from when all requests were in flight until the first lane
    stopped sending, so that neither filling nor draining is in it."""
    in_flight: float | None = None
    """Closed loop only: requests in flight or in the client's own queue, on average over the window, from the same
    stamps as the latencies."""
    turnaround_ns: int | None = None
    """Closed loop only: time within the window from a response until the client got the next request, summed over
    requests. It is the load process's own work, and in no latency."""
    queued_ns: int | None = None
    """Time that requests waited in the client's own queue before they were sent, summed over requests. Latencies
    include it. Null where the client can have all of them in flight, or does not show its queue (h2load)."""
    due: int | None = None
    """Open loop only: requests that were due in the window."""
    second_half_due: int | None = None
    """Open loop only: those that were due in its second half."""
    second_half_ended: int | None = None
    """Open loop only: requests that ended in its second half, whenever they were due. Fewer than were due in it when
    the rate was not reached."""
    loop_stall_ns: int = 0
    """The longest time for which the event loop of the load process did not run, known to about 1 ms."""
    connections_opened: int | None = None
    """Connections to the producer that were not there before the slice; null where the system does not report them."""
    failure: str | None = None
    """The kind of outcome of most failed requests; null where all were successful."""
    workers: tuple[int, ...] | None = None
    """Load from a cluster only: the workers whose results these are, by their numbers in the run's `cluster`."""
    left_out: tuple[LeftOut, ...] = ()
    """Load from a cluster only: the other workers that had a part of this slice."""
    start_window_ns: int | None = None
    """Load from a cluster only: within which these workers began, at most, on the bench's clock."""


class Slices:
    """Slices in the order of measuring. The name of a field of Slice gives its column: `slices.p50_ns`.

    In the run file they are columns of equal length.
    """

    __slots__ = ("_columns", "rows")

    def __init__(self, rows: Iterable[Slice] = ()) -> None:
        self.rows = tuple(rows)
        self._columns: dict[str, list[Any]] = {}

    @classmethod
    def of(cls, **columns: Sequence[Any]) -> "Slices":
        """From columns of equal length; a column that is missing has its default. Raises ValueError."""
        lengths: dict[int, str] = {}
        for name, column in columns.items():
            lengths.setdefault(len(column), name)
        if len(lengths) > 1:
            found = ", ".join(f"{name} {length}" for length, name in lengths.items())
            raise ValueError(f"the columns of slices differ in length: {found}")
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        return cls(msgspec.convert(row, Slice) for row in rows)

    def columns(self) -> dict[str, list[Any]]:
        """Every column by its name."""
        return {name: getattr(self, name) for name in Slice.__struct_fields__}

    def with_columns(self, **columns: Sequence[Any]) -> "Slices":
        """The same slices with other values in these columns."""
        return Slices.of(**{**self.columns(), **columns})

    def __getattr__(self, name: str) -> list[Any]:
        if name not in Slice.__struct_fields__:
            raise AttributeError(f"a slice has no {name}")
        if name not in self._columns:
            self._columns[name] = [getattr(row, name) for row in self.rows]
        return self._columns[name]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Slice]:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slices) and self.rows == other.rows

    def __hash__(self) -> int:
        return hash(self.rows)
