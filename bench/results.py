"""What a run found, as values: cells with their estimates and ratios, warnings, and what was used.

They are written as a run file (bench.run_file).
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from bench.slices import LeftOut, Slices
from bench.spec import CellKey
from bench.wire.results import Anatomy, Bytes, TlsSession

SCHEMA: Literal["recipe-lab/run/2"] = "recipe-lab/run/2"

Status = Literal["measured", "unsupported", "failed", "generator_limited", "interrupted"]
Grade = Literal["warning", "note"]
"""`warning`: a verdict or a shown value may be wrong. `note`: something is missing or less precise than it could be."""
Verdict = Literal["faster", "slower", "same", "inconclusive"]
Undecided = Literal["too_few", "too_noisy", "not_restarted"]
"""Why a verdict is inconclusive. `too_few`: too few instances or slices; a run of four times the length would probably
decide. `too_noisy`: they differ too much for that. `not_restarted`: targets were measured, which nobody restarted."""


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
    undecided: Undecided | None = None
    """Why the verdict is `inconclusive`; null for every other, and in files that did not record it."""
    detectable_change: float | None = None
    """The smallest slowdown, as a share, that would have had the verdict `slower` with a probability of 90 %. Null
    where there is no verdict."""


class Ratio(Struct, frozen=True, kw_only=True):
    """A cell against its baseline cell. Latency stands where one request was in flight or arrivals were open;
    requests per second where a closed loop kept several in flight."""

    baseline: str
    latency_ns_p50: RatioEstimate | None = None
    requests_per_second: RatioEstimate | None = None


class Quantiles(Struct, frozen=True, kw_only=True):
    """Quantiles in nanoseconds over `ok` answers. Null where too few samples stand behind one.

    `p50` is the mean over instances of the median over slices of their medians, as in ratios, on the log scale. The
    others are those of all samples together; one that lies below `p50` is null.
    """

    p50: Estimate | None = None
    p90: Estimate | None = None
    p99: Estimate | None = None
    p999: Estimate | None = None
    max: Estimate | None = None


class CpuPerRequest(Struct, frozen=True, kw_only=True):
    """CPU time per `ok` answer in microseconds, user and system, of the whole process."""

    producer: Estimate | None = None
    """Of all producers behind a front together, and of all of their workers."""
    front: Estimate | None = None
    """Null without a front, and in files that did not record it."""
    consumer: Estimate | None = None


class Memory(Struct, frozen=True, kw_only=True):
    """Peak resident memory of processes: the same in every cell that one process served."""

    producer_peak: int | None = None
    """Of all producers behind a front together, and of all of their workers, each at its own peak."""
    front_peak: int | None = None
    """Null without a front, and in files that did not record it."""


class InstructionCount(Struct, frozen=True, kw_only=True):
    """What one side of a request executes in user space, counted by callgrind with one request in flight."""

    per_request: Estimate
    """Instructions. The median over windows, with the interval that holds it with at least 95 %; where versions are
    compared, the median over instances of these medians."""
    system_calls: float
    """Calls of the kernel per request, the median over windows. What they execute in it is not counted."""
    by_library: dict[str, float]
    """Instructions per request in each shared object, in the window nearest to the median."""
    windows: list[float]
    """Instructions per request in each window, in the order of counting."""
    instance: list[int] = []
    """Where versions are compared: the instance of each window, from 1. Those of both versions with the same number
    were counted in turns. Else empty: all windows are of one process."""
    requests_per_window: int
    per_window: float = 0.0
    """What a window without a request executes. It is not part of the other figures."""


Side = Literal["producer", "front", "consumer"]
"""Whose instructions are counted: a field of Instructions."""


class Instructions(Struct, frozen=True, kw_only=True):
    """Instructions per request of each side; null where they were not counted."""

    producer: InstructionCount | None = None
    front: InstructionCount | None = None
    """Null without a front, and in files that did not record it."""
    consumer: InstructionCount | None = None


class CallsCounted(Struct, frozen=True, kw_only=True):
    """How one instance's calls were distributed over replicas, or over the workers of one producer. Counted over the
    cell's own connections, untimed, under its load."""

    instance: int
    sent: int
    """Calls that the client sent."""
    producers: list[int]
    """Calls that each replica counted, in their order; without a front, those of each worker."""
    front: list[int] | None = None
    """Calls that the front counted for each replica; null without a front, and where it does not count them."""
    connections: list[int] | None = None
    """Connections that the front opened to each replica meanwhile; null where it does not count them."""

    @property
    def agree(self) -> bool:
        """Whether the front and the producers counted the same, and as many as were sent."""
        return sum(self.producers) == self.sent and self.front in (None, self.producers)


class InFlight(Struct, frozen=True, kw_only=True):
    """How many requests the client had on the wire: sent, and not answered. Counted through a tap, once per run."""

    wanted: int
    """How many it was given: in a closed loop the concurrency, in an open loop a number for the count only."""
    reached: int
    """How many of these were in flight at the same time. The others waited in the client's own queue."""
    streams_at_most: int | None = None
    """How many the producer allows on one connection; null where it announced nothing."""
    queued_ns: float | None = None
    """Time in the client's own queue, on average over requests. Latencies include it. Null where nothing waits, or it
    is not known."""

    @property
    def limited(self) -> bool:
        """Whether the client queued some of the requests that it was given."""
        return self.reached < self.wanted


class Cause(Struct, frozen=True, kw_only=True):
    """Failed requests with the same cause."""

    kind: str
    """As in `outcomes`."""
    text: str
    """Why, in the same words for all protocols and clients: a status, an error of the kernel, a TLS alert."""
    count: int
    detail: str = ""
    """What the first of them said besides, such as the text of an error response."""


class Cell(CellKey, frozen=True, kw_only=True):
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
    causes: list[Cause] = msgspec.field(default_factory=list)
    """Why requests failed, the most frequent first. Beyond a number of different texts, the others are counted
    together. Empty in files that did not record them."""
    in_flight: InFlight | None = None
    """Null with one request in flight, and where it could not be counted."""
    bytes: Bytes | None = None
    """Between the client and what it connects to: the producer, or the front."""
    bytes_behind_front: Bytes | None = None
    """Between the front and the producer; null without a front, and in files that did not record it."""
    cpu_us_per_request: CpuPerRequest | None = None
    memory_bytes: Memory | None = None
    calls: list[CallsCounted] = msgspec.field(default_factory=list)
    """Calls by replica, or by worker: an entry for each instance in which they were counted."""
    fewer_cores: str | None = None
    """Why its processes had fewer cores than they needed, so that its throughput is a lower bound; null where each had
    its own."""
    instructions: Instructions | None = None
    """Counted by `instructions`, under no load but one request in flight."""
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
    """A reason not to trust values of the run. `code` is stable; `text` says fact, effect and remedy."""

    code: str
    grade: Grade = "warning"
    text: str
    cells: list[str] = []
    """The ids of the cells that it concerns; empty: the whole run."""


class RecipesUsed(Struct, frozen=True, kw_only=True):
    """Which recipes were served and asked for."""

    source: str
    count: int
    digest: str
    ids: list[int] | None = None
    """Those that workloads of single recipes requested, ascending. Null in files that did not record them."""
    own_ids: dict[int, str] = {}
    """With --renumber: the id of a recipe in its file, by the id that it got instead, its place in the file from 1 on.
    Of all recipes where there are at most 10,000, else of those in `ids`."""


class RequestsUsed(Struct, frozen=True, kw_only=True):
    """The requests of the user's own that were sent: what the request file says."""

    file: str
    """Its name."""
    digest: str
    """Of everything that it says, and of the files that it names."""
    titles: dict[str, str]
    """By protocol: what is requested, in a few words."""
    requests: dict[str, dict[str, Any]]
    """By protocol, as in the file."""
    values: list[dict[str, str | int | float | bool]]
    """What stands for the names in braces: an entry for each request."""


class AccessUsed(Struct, frozen=True, kw_only=True):
    """How clients got access to what was measured. Nothing here is secret."""

    headers: list[str] = []
    """Names of the headers that requests had besides those of the client; `grpc:name` for one protocol only."""
    client_certificate: bool = False
    """Whether clients had a certificate of their own."""
    insecure: bool = False
    """Whether certificates of producers were trusted whatever they were."""
    tls_min: str | None = None
    """The version of TLS that was demanded at least; null for the usual one."""


class PlanUsed(Struct, frozen=True, kw_only=True):
    """How the run was laid out."""

    instances: int
    rounds: int | None
    """Rounds per instance; null where the time decided."""
    seconds: float | None
    slice_ms: float
    instances_done: int
    """How many have results: all of their rounds, or those before an interruption."""
    instances_at_once: int = 1
    """How many instances lived at the same time, at most: as many as fitted into the memory."""
    recorded_share: float | None = None
    """The share of the run's time that went into recorded slices."""
    warm_up_rounds: list[int] = []
    """Rounds of each instance that were not recorded, or discarded because latencies still fell."""
    networks: dict[str, str] = {}
    """What stands behind each network's name: round trip, rates of what TCP carries, jitter."""
    gzip_level: int | None = None
    """zlib level of the producers that the lab started. This and the next three are null in files that did not
    record them."""
    timeout_s: float | None = None
    """Of one request."""
    threshold: float | None = None
    """Where versions are compared: a slowdown by more than this share is a regression."""
    instruction_threshold: float | None = None
    """Where instructions of versions are compared: more of them by more than this share is a regression."""
    expect: Literal["recipes", "none"] | None = None
    """What responses were compared with. `none`: they only had to be well-formed, and with a request file the same from
    call to call."""
    access: AccessUsed = AccessUsed()
    interrupted: bool = False


class ClusterWorker(Struct, frozen=True, kw_only=True):
    """One worker of the cluster that sent the requests, as it was when the run began."""

    number: int = 0
    address: str = ""
    """Of the Dask worker."""
    host: str
    system: str
    cpu: str
    cores: int
    """The CPUs that it may use."""
    memory_bytes: int
    python: str
    lab: str | None
    """The commit or the version of its lab."""
    lab_digest: str
    """Of the lab's code, the same on all workers."""
    libraries: dict[str, str]


class ClusterUsed(Struct, frozen=True, kw_only=True):
    """The Dask cluster from which requests were sent."""

    scheduler: str
    """Its address."""
    distributed: str
    """Its version of Dask."""
    workers: list[ClusterWorker]
    start_window_ns: int
    """Within which the workers of a slice had to begin. What was measured of that is in each slice."""
    lost: list[LeftOut] = []
    """Workers that ended or no longer answered during the run. The slices after that were sent by the others."""


class Run(Struct, frozen=True, kw_only=True):
    """A whole run."""

    schema: Literal["recipe-lab/run/2"] = SCHEMA
    started_at: str
    duration_s: float
    command: str
    note: str | None = None
    """Why the run was made, in the user's words."""
    seed: int
    environment: dict[str, Any]
    recipes: RecipesUsed
    requests: RequestsUsed | None = None
    """What was requested instead of recipes; null in runs without a request file."""
    plan: PlanUsed
    cluster: ClusterUsed | None = None
    """Null where the machine of the bench sent the requests."""
    warnings: list[RunWarning]
    cells: list[Cell]
