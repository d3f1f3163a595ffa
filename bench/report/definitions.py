"""What every column means and which way is better, in a line each. Tables carry those that they need."""

from bench.report import names
from bench.stats.detection import ENOUGH_INSTANCES, MORE, POWER
from bench.stats.estimates import SAMPLES_BEYOND, SAMPLES_FOR_MEDIAN
from bench.stats.verdicts import FAMILY_ERROR, MARGIN
from bench.stats.wording import percent

INTERVAL = "In parentheses after a value: its 95 % confidence interval."
VERDICTS = (
    "Verdict: faster or slower = the interval excludes 1; "
    f"same = it lies within ±{percent(MARGIN)} of 1; else inconclusive, because of too few instances (fewer than "
    f"{ENOUGH_INSTANCES}, or {MORE} times the length would probably decide), too noisy a machine (it would not), or "
    "targets that were not restarted."
)
DETECTABLE = f"detectable: the smallest slowdown that would have been detected with a probability of {percent(POWER)}."
PERCENTILES = (
    "p50 is the mean over instances of the median over slices, as in ratios and in `bench compare`, so disturbed "
    "slices do not move it. Higher percentiles are those of all responses together. "
    f"A percentile is shown where at least {SAMPLES_BEYOND} samples lie beyond it (p50 needs {SAMPLES_FOR_MEDIAN}, "
    "p99 1,000) and where it is not below p50. Columns without any value are left out."
)
BOUND = (
    "≥: the server can serve at least this. The client was the limit, or more processes were busy than there were "
    "cores."
)
LATENCY = "p50 and up: percentiles of successful responses, measured at the client. Lower is better."
OPEN_LATENCY = (
    "p50 and up: percentiles of successful responses, from the time a request was due to its response. "
    "service: p50 from the time it was sent. Lower is better."
)
ACHIEVED = "achieved: successful requests per second; compare it with the requested rate."
THROUGHPUT = "requests/s: successful requests per second. Higher is better."
QUEUE = (
    "in flight: how many of the requests wanted the client had sent and unanswered at the same time, counted on the "
    "wire. in queue: mean time in the client's own queue before that, included in latency. Lower is better."
)
SAMPLES = "n: successful responses (+ errors by type)."
MESSAGE = "message: JSON text or protobuf message."
COMPRESSED = "compressed: the message after gzip, where it is on."
FRAMED = "with headers & framing: plus headers, chunks, HTTP/2 frames and gRPC prefixes."
CONNECTION = "connection overhead: SETTINGS, WINDOW_UPDATE, PING."
WIRE = "wire: everything handed to TCP, including TLS and connection overhead."
BYTES = f"{MESSAGE} {COMPRESSED} {FRAMED} {CONNECTION} {WIRE} Medians per request. Lower is better."
CPU = (
    "CPU: user and system time of the process per successful request. server: the producer; client: the consumer. "
    "Lower is better."
)
MEMORY = (
    "peak memory: of the server process, which serves all configurations of its protocol, so they share one value. "
    "Lower is better."
)
DISTRIBUTION = "Lines stop where fewer than 10 samples remain. Lower is better."


def ratio_interval(ratios: int, where: str = "the run") -> str:
    """What the interval of a ratio covers: it is wider than one of 95 %, which would hold for this ratio alone."""
    return (
        f"In parentheses after a ratio: its interval, corrected for all {ratios} ratios of {where}. "
        f"All of them hold at once in {round(100 * (1 - FAMILY_ERROR))} of 100 runs."
    )


def latency_ratio(baseline: str) -> str:
    """The ratio of medians at equal gzip and TLS."""
    return (
        f"× {baseline}: median latency relative to {baseline} {names.same_variant()}, as a ratio of paired "
        "samples, so it can differ slightly from the ratio of the two medians shown. Below 1 is better."
    )


def throughput_ratio(baseline: str) -> str:
    """The ratio of rates at equal gzip and TLS."""
    return (
        f"× {baseline}: requests/s relative to {baseline} {names.same_variant()}, as a ratio of paired samples. "
        "Above 1 is better."
    )
