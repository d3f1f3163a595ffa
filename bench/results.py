"""The run file: everything a run found, as one JSON document. Reports are pure functions of it.

Its JSON Schema is docs/run-file.schema.json (`python -m bench.results` prints it). Fields are only ever added;
whatever changes the meaning of one changes `SCHEMA`.
"""

import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from bench.spec import CellKey

SCHEMA: Literal["recipe-lab/run/2"] = "recipe-lab/run/2"

Status = Literal["measured", "unsupported", "failed", "generator_limited", "interrupted"]
Verdict = Literal["faster", "slower", "same", "inconclusive"]


class Estimate(Struct, frozen=True, kw_only=True):
    """A figure with its 95 % interval. `low` and `high` are null where nothing is known about the spread."""

    value: float
    low: float | None = None
    high: float | None = None


class RatioEstimate(Struct, frozen=True, kw_only=True):
    """A figure of a cell divided by the same figure of its baseline.

    `low` and `high` are corrected for the number of verdicts in the run (family error at most 1 %) and carry the
    verdict; `low_95` and `high_95` are the plain 95 % interval of this one ratio. Null where there is none.
    """

    value: float
    low: float | None
    high: float | None
    low_95: float | None
    high_95: float | None
    verdict: Verdict


class Ratio(Struct, frozen=True, kw_only=True):
    """A cell against its baseline cell. Latency stands where one request was in flight or arrivals were open;
    requests per second where a closed loop kept several in flight."""

    baseline: str
    latency_ns_p50: RatioEstimate | None = None
    requests_per_second: RatioEstimate | None = None


class Quantiles(Struct, frozen=True, kw_only=True):
    """Quantiles in nanoseconds over `ok` answers. Null where too few samples stand behind one."""

    p50: Estimate | None = None
    p90: Estimate | None = None
    p99: Estimate | None = None
    p999: Estimate | None = None
    max: Estimate | None = None


class Sizes(Struct, frozen=True, kw_only=True):
    """Bytes of one request in one direction, each the median over requests; null where it cannot be known."""

    message_bytes: float | None = None
    compressed_bytes: float | None = None
    framed_bytes: float | None = None
    connection_bytes: float | None = None
    """Frames of the connection itself that go along with a request, such as HTTP/2's WINDOW_UPDATE and PING. They are
    in `wire_bytes` and in nothing else here."""
    wire_bytes: float | None = None


class SetupSizes(Struct, frozen=True, kw_only=True):
    """Bytes that one connection takes before its first request, TLS handshake included, seen from the consumer."""

    sent_wire_bytes: float | None = None
    received_wire_bytes: float | None = None


class Bytes(Struct, frozen=True, kw_only=True):
    """What goes over the wire for one request, both ways, and for one connection."""

    request: Sizes
    response: Sizes
    setup: SetupSizes
    coding: str | None = None
    """The content coding of the answers as seen: `gzip`, `identity`, or `mixed` where only some were compressed."""


class BothWays(Struct, frozen=True, kw_only=True):
    """Bytes by the name of the part, seen from the consumer."""

    sent: dict[str, int] = {}
    received: dict[str, int] = {}


class HeaderSection(Struct, frozen=True, kw_only=True):
    """What a message says in its header, trailers included."""

    wire_bytes: int
    """Header lines, or HPACK blocks, as they went over the wire."""
    plain_bytes: int
    """The same fields as `name: value` lines."""
    fields: list[tuple[str, str]] = []


class HeaderPair(Struct, frozen=True, kw_only=True):
    """A request's header and that of its answer."""

    request: HeaderSection
    response: HeaderSection


class GzipFound(Struct, frozen=True, kw_only=True):
    """What gzip made of the answers of the steady state, and what it takes."""

    answers: int
    compressed: int
    """How many of them came compressed."""
    smaller: int
    """How many of these were smaller than without."""
    ratio: float | None = None
    """Message bytes divided by compressed bytes, over those that came compressed."""
    level: int | None = None
    """The level at which zlib gives the very same bytes, or the same number of them; null where none does."""
    compress_us_per_kb: float | None = None
    """CPU time of zlib at that level per 1,000 message bytes, in this process."""
    inflate_us_per_kb: float | None = None


class Anatomy(Struct, frozen=True, kw_only=True):
    """Every byte of one connection by name and phase. The phases sum to `total` in each direction, exactly.

    Requests went one after the other. What went with a request counts there, be it the connection's own.
    """

    requests: int
    steady_requests: int
    inside_tls: Literal["decrypted", "plain_twin"] | None = None
    """How what is inside TLS is known: with the connection's keys, or from a connection without TLS that did the same,
    by its lengths. Null without TLS."""
    setup: BothWays
    first: BothWays
    settling: BothWays
    """The requests between the first and the steady state, together."""
    steady: BothWays
    """All requests of the steady state together."""
    last: BothWays
    """The last request; it counts in `steady`, too."""
    closing: BothWays
    total: dict[str, int]
    """`sent` and `received`: everything that was handed to TCP."""
    first_headers: HeaderPair
    last_headers: HeaderPair
    gzip: GzipFound | None = None


class TlsSession(Struct, frozen=True, kw_only=True):
    """What producer and consumer agreed on, read off the wire."""

    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    alpn: str | None = None


class CpuPerRequest(Struct, frozen=True, kw_only=True):
    """CPU time per `ok` answer in microseconds, user and system, of the whole process."""

    producer: Estimate | None = None
    consumer: Estimate | None = None


class Memory(Struct, frozen=True, kw_only=True):
    """Peak resident memory of the producer's process: the same in every cell that one process served."""

    producer_peak: int | None = None


class Slices(Struct, kw_only=True):
    """One entry per measured slice in every column; the order is that of measuring."""

    instance: list[int] = []
    round: list[int] = []
    started_ns: list[int] = []
    """Since the run began."""
    duration_ns: list[int] = []
    ok: list[int] = []
    failed: list[int] = []
    p50_ns: list[float | None] = []
    """Median latency of the slice's `ok` answers; null where there was none."""
    producer_cpu_ns: list[int | None] = []
    consumer_cpu_ns: list[int | None] = []
    send_lag_p50_ns: list[float | None] = []
    """Open loop only: from the moment a request was due to the moment it was sent."""
    send_lag_max_ns: list[int | None] = []
    window_ns: list[int] = []
    """Open loop: in which requests fell due. Closed loop: from when as many were in flight as asked for until the first
    stopped sending, so that neither filling nor draining is in it."""
    in_flight: list[float | None] = []
    """Closed loop only: requests in flight on average over the window, from the same stamps as the latencies."""
    due: list[int | None] = []
    """Open loop only: requests that fell due in the window."""
    second_half_due: list[int | None] = []
    """Open loop only: those that fell due in its second half."""
    second_half_ended: list[int | None] = []
    """Open loop only: requests that ended in its second half, whenever they were due. Fewer than fell due in it when
    the rate was not reached."""
    loop_stall_ns: list[int] = []
    """The longest time for which the load process's event loop was away, known to about 1 ms."""
    connections_opened: list[int | None] = []
    """Connections to the producer that were not there before the slice; null where the system does not tell."""
    failure: list[str | None] = []
    """The kind of outcome in which most of the failed requests ended; null where all were answered rightly."""


class Cell(CellKey, frozen=False, kw_only=True):  # type: ignore[misc]
    """One configuration under one load: one row of the run. Its first fields are those of its key."""

    id: str
    checked: Literal["answer", "status"] = "answer"
    """What was checked of every timed response. `status`: that of HTTP only; whole responses were compared before and
    between slices."""
    status: Status = "measured"
    reason: str | None = None
    """Why the status is not `measured`."""
    latency_ns: Quantiles | None = None
    service_ns: Quantiles | None = None
    """Open loop: from the moment of sending. In a closed loop it would repeat `latency_ns` and is null."""
    requests_per_second: Estimate | None = None
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    bytes: Bytes | None = None
    cpu_us_per_request: CpuPerRequest | None = None
    memory_bytes: Memory | None = None
    tls_session: TlsSession | None = None
    anatomy: Anatomy | None = None
    """Of `sizes` only."""
    ratio: Ratio | None = None
    """Against the baseline protocol at equal gzip, TLS, workload and load; for the baseline protocol itself,
    against its own cell without gzip and TLS. In a run that compares two versions: against the same cell of the
    baseline version."""
    ratio_to_plain: Ratio | None = None
    """Against the baseline protocol without gzip and TLS, same workload and load. Null in a run that compares two
    versions."""
    latency_histogram: str | None = None
    """All `ok` latencies of the cell: HdrHistogram V2, base64, in nanoseconds."""
    slices: Slices = msgspec.field(default_factory=Slices)


class RunWarning(Struct, frozen=True, kw_only=True):
    """A reason to distrust the run, or one of its cells. `code` is stable; `text` says fact, cause and remedy."""

    code: str
    text: str
    cell: str | None = None


class RecipesUsed(Struct, frozen=True, kw_only=True):
    """Which recipes were served and asked for."""

    source: str
    count: int
    digest: str


class PlanUsed(Struct, frozen=True, kw_only=True):
    """How the run was laid out."""

    instances: int
    rounds: int | None
    """Rounds per instance; null where the time decided."""
    seconds: float | None
    slice_ms: float
    instances_done: int
    warm_up_rounds: list[int] = []
    """Rounds that each instance threw away before its latencies had stopped falling."""
    networks: dict[str, str] = {}
    """What stands behind each network's name: round trip, rates of what TCP carries, jitter."""
    interrupted: bool = False


class Run(Struct, kw_only=True):
    """A whole run."""

    schema: Literal["recipe-lab/run/2"] = SCHEMA
    started_at: str
    duration_s: float
    command: str
    seed: int
    environment: dict[str, Any]
    recipes: RecipesUsed
    plan: PlanUsed
    warnings: list[RunWarning]
    cells: list[Cell]


class RunFileUnreadable(Exception):
    """A file that is no run file. The text names the file and the reason."""


def encode(run: Run) -> bytes:
    """The run as JSON, one cell per line so that a text tool can cope with it."""
    return msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n"


def decode(content: bytes) -> Run:
    """A run from its JSON. Raises RunFileUnreadable."""
    try:
        return msgspec.json.decode(content, type=Run)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunFileUnreadable(str(error)) from None


def read(path: Path) -> Run:
    """The run in a file. Raises RunFileUnreadable, naming the file."""
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise RunFileUnreadable(f"{path}: {error.strerror or error}") from None
    except RunFileUnreadable as error:
        raise RunFileUnreadable(f"{path} is no run file: {error}") from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a run file."""
    schema = msgspec.json.schema(Run)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Recipe Lab run file", **schema}


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n")
