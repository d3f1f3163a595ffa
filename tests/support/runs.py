"""Small hand-made runs for tests of reports: every value is given, nothing is measured."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from bench.load import latency_histogram
from bench.load_models import ClosedLoad, Load
from bench.results import (
    Cell,
    CpuPerRequest,
    Estimate,
    Memory,
    PlanUsed,
    Quantiles,
    Ratio,
    RatioEstimate,
    RecipesUsed,
    Run,
    RunWarning,
    Undecided,
    Verdict,
)
from bench.slices import Slice, Slices
from bench.wire.results import Bytes, SetupSizes, Sizes, TlsSession
from bench.workloads import Workload

ONE = ClosedLoad(concurrency=1)
SIXTEEN = ClosedLoad(concurrency=16)
GET = Workload(name="get")
LIST = Workload(name="list", page_size=20)
HOSTILE = "</td><script>alert(1)</script> | `x` \x1b[31m\u202e\n=1+1"


def estimate(value: float, spread: float = 0.1) -> Estimate:
    return Estimate(value=value, low=value * (1 - spread), high=value * (1 + spread))


def quantiles(p50_ns: float) -> Quantiles:
    return Quantiles(
        p50=estimate(p50_ns),
        p90=estimate(p50_ns * 2),
        p99=estimate(p50_ns * 4),
        max=Estimate(value=p50_ns * 9),
    )


def ratio_estimate(
    value: float,
    verdict: Verdict,
    low: float | None = None,
    high: float | None = None,
    *,
    undecided: Undecided | None = None,
    detectable_change: float | None = None,
) -> RatioEstimate:
    low, high = (value * 0.9 if low is None else low), (value * 1.1 if high is None else high)
    if verdict == "inconclusive" and undecided is None:
        undecided = "too_noisy"
    if undecided != "not_restarted" and detectable_change is None:
        detectable_change = 0.12
    return RatioEstimate(
        value=value,
        low=low,
        high=high,
        low_95=low * 1.01,
        high_95=high * 0.99,
        verdict=verdict,
        undecided=undecided,
        detectable_change=detectable_change,
    )


def latency_ratio(baseline: str, value: float, verdict: Verdict, **given: Any) -> Ratio:
    return Ratio(baseline=baseline, latency_ns_p50=ratio_estimate(value, verdict, **given))


def rate_ratio(baseline: str, value: float, verdict: Verdict, **given: Any) -> Ratio:
    return Ratio(baseline=baseline, requests_per_second=ratio_estimate(value, verdict, **given))


def sizes(message: float, compressed: float, framed: float, wire: float, connection: float = 0.0) -> Sizes:
    return Sizes(
        message_bytes=message,
        compressed_bytes=compressed,
        framed_bytes=framed,
        wire_bytes=wire,
        connection_bytes=connection,
    )


def histogram(latencies_ns: list[int]) -> str:
    made = latency_histogram.new_histogram()
    latency_histogram.record_all(made, latencies_ns)
    return latency_histogram.encode(made)


def cell(
    protocol: str, *, gzip: bool = False, tls: bool = False, load: Load = ONE, workload: Workload = GET, **given: Any
) -> Cell:
    """A measured cell with all results; `given` replaces fields."""
    parts = [protocol, workload.name, *(["gzip"] if gzip else []), *(["tls"] if tls else []), load.label]
    p50_ns = {"http": 150e3, "graphql": 450e3, "grpc": 300e3}.get(protocol, 200e3) + 20e3 * tls + 40e3 * gzip
    compressed = 600.0 if gzip else 1200.0
    overhead = 22.0 if tls else 0.0
    made: dict[str, Any] = {
        "latency_ns": quantiles(p50_ns),
        "requests_per_second": estimate(1e9 / p50_ns),
        "outcomes": {"ok": 2000},
        "bytes": Bytes(
            request=sizes(0, 0, 120, 120 + overhead),
            response=sizes(1200, compressed, compressed + 150, compressed + 160 + overhead, connection=10),
            setup=SetupSizes(sent_wire_bytes=500, received_wire_bytes=1500),
            coding="gzip" if gzip else "identity",
        ),
        "cpu_us_per_request": CpuPerRequest(producer=estimate(p50_ns / 2e3), consumer=estimate(p50_ns / 3e3)),
        "memory_bytes": Memory(producer_peak=72_777_728),
        "tls_session": TlsSession(version="TLSv1.3", cipher="AES", group="x25519", alpn="h2") if tls else None,
        "latency_histogram": histogram([int(p50_ns * (0.5 + index / 500)) for index in range(1000)]),
    }
    return Cell(
        id="-".join(parts), protocol=protocol, gzip=gzip, tls=tls, load=load, workload=workload, **(made | given)
    )


def without_figures(protocol: str, status: str, reason: str | None, **given: Any) -> Cell:
    """A cell that was not measured."""
    nothing = dict.fromkeys(
        ("latency_ns", "requests_per_second", "bytes", "cpu_us_per_request", "memory_bytes", "latency_histogram")
    )
    return cell(protocol, **{**nothing, "outcomes": {}, "status": status, "reason": reason, **given})


def client_limited(found: Cell) -> Cell:
    """The cell with a slice in which the client used 97 % of its core and the producer half of its own."""
    busy = Slice(duration_ns=10**9, ok=100, consumer_cpu_ns=970_000_000, producer_cpu_ns=500_000_000)
    return replace(found, slices=Slices([busy]))


def run(cells: list[Cell], *, warnings: list[RunWarning] | None = None, **given: Any) -> Run:
    made: dict[str, Any] = {
        "started_at": "2026-01-01T00:00:00+00:00",
        "duration_s": 150.0,
        "command": "python -m bench run",
        "seed": 1,
        "environment": {"host": "here", "cpu": {"model": "x", "count": 2, "governor": None}, "foreign_target": False},
        "recipes": RecipesUsed(source="generated:1000:1", count=1000, digest="d1"),
        "plan": PlanUsed(instances=8, rounds=15, seconds=None, slice_ms=12, instances_done=8),
    }
    return Run(warnings=warnings or [], cells=cells, **(made | given))


def small() -> Run:
    """Three protocols, plain, one workload, latency and throughput; HTTP fastest, gRPC inconclusive in throughput."""
    return run(
        [
            cell("http"),
            cell(
                "graphql",
                ratio=latency_ratio("http-get-c1", 3.0, "slower"),
                ratio_to_plain=latency_ratio("http-get-c1", 3.0, "slower"),
            ),
            cell(
                "grpc",
                ratio=latency_ratio("http-get-c1", 2.0, "slower"),
                ratio_to_plain=latency_ratio("http-get-c1", 2.0, "slower"),
            ),
            cell("http", load=SIXTEEN),
            cell("graphql", load=SIXTEEN, ratio=rate_ratio("http-get-c16", 0.25, "slower")),
            cell("grpc", load=SIXTEEN, ratio=rate_ratio("http-get-c16", 0.95, "inconclusive", low=0.8, high=1.1)),
        ],
        warnings=[RunWarning(code="busy_machine", text="The load average was 2.6, so others were at work. Stop them.")],
    )


def two_variants(grpc_verdicts: tuple[Verdict, Verdict] = ("faster", "inconclusive")) -> Run:
    """HTTP and gRPC, with and without gzip."""
    plain, gzip = grpc_verdicts
    ends: Callable[[Verdict], tuple[float, dict[str, float]]] = {
        "faster": (0.8, {"low": 0.7, "high": 0.9}),
        "slower": (1.5, {"low": 1.3, "high": 1.7}),
        "same": (1.0, {"low": 0.99, "high": 1.01}),
        "inconclusive": (1.02, {"low": 0.9, "high": 1.2}),
    }.__getitem__
    return run(
        [
            cell("http"),
            cell("http", gzip=True, ratio=latency_ratio("http-get-c1", 1.3, "slower")),
            cell("grpc", ratio=latency_ratio("http-get-c1", ends(plain)[0], plain, **ends(plain)[1])),
            cell("grpc", gzip=True, ratio=latency_ratio("http-get-gzip-c1", ends(gzip)[0], gzip, **ends(gzip)[1])),
        ]
    )


def set_fields(result: Struct, **fields: Any) -> None:
    """Change a frozen result in place, to prepare the input of a test."""
    for name, value in fields.items():
        force_setattr(result, name, value)
