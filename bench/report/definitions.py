"""What every figure means and which way is better, in a line each. They stand wherever the figure does."""

INTERVAL = "In parentheses: the 95 % interval."
LATENCY = (
    "p50, p90, p99: half, 90 % and 99 % of the right answers took no longer than this, as the caller waited. "
    "Lower is better."
)
OPEN_LATENCY = (
    "p50, p90, p99: half, 90 % and 99 % of the right answers took no longer than this from the moment their request "
    "was due, sent or not. service: p50 from the moment of sending. Lower is better."
)
ACHIEVED = "achieved: right answers per second; it should be what was asked for."
THROUGHPUT = "requests/s: right answers per second. Higher is better."
ANSWERS = "answers: right ones measured, then those that were not right, by kind."
VERDICTS = (
    "faster, slower: the interval of the ratio excludes 1. same: it lies within 3 % of 1. inconclusive: neither, so no "
    "difference was shown. Intervals of ratios are widened so that all of a run's verdicts are right at once in 99 % "
    "of runs."
)
MESSAGE = "message: the JSON text or protobuf message itself."
COMPRESSED = "compressed: the message as sent, after gzip where it was asked for."
FRAMED = "framed: with HTTP headers, chunks and frames, and gRPC's prefix."
CONNECTION = "connection: frames of the connection itself that go along, such as HTTP/2's flow control."
WIRE = "wire: all bytes handed to TCP, TLS included."
BYTES = f"{MESSAGE} {COMPRESSED} {FRAMED} {CONNECTION} {WIRE} Medians per request. Fewer are better."
CPU = (
    "CPU: user and system time of the whole process per right answer; the producer serves, the consumer asks and "
    "decodes. Lower is better."
)
MEMORY = "peak memory: of the producer's process, which serves all cells of its protocol. Lower is better."
SPECTRUM = (
    "Read a line at 99 %: 99 of 100 answers took no longer than this. Lines end where fewer than ten answers lie "
    "beyond. Lower is better."
)


def latency_ratio(baseline: str) -> str:
    """The ratio of medians at equal gzip and TLS."""
    return (
        f"÷ {baseline}: median latency of a slice divided by that of {baseline} in the same round, at equal gzip and "
        "TLS; over all rounds it need not be the quotient of the medians shown. Below 1 is better."
    )


def throughput_ratio(baseline: str) -> str:
    """The ratio of rates at equal gzip and TLS."""
    return f"÷ {baseline}: requests/s divided by those of {baseline} in the same round. Above 1 is better."


def plain_ratio(baseline: str) -> str:
    """Ratios to the baseline without gzip and TLS."""
    return f"Each figure ÷ that of {baseline} without gzip and TLS: latency below 1 is better, requests/s above 1."
