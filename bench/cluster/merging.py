"""From what the workers of a cluster measured of a slice to one result, without loss. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace

from bench.cluster.starts import Started, spread_ns
from bench.load import latency_histogram, messages
from bench.load.causes import UNCUT_AT_MOST, Causes
from bench.load.recorder import failures, most_frequent_failure, sum_outcomes
from bench.slices import LeftOut, Slice
from bench.stats.estimates import counts_of


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker measured of a slice."""

    worker: int
    started: Started
    done: messages.SliceDone


def merged(parts: Sequence[Part], left_out: Sequence[LeftOut]) -> messages.SliceDone:
    """The result of a slice of which each of these workers sent a part, at least one, starting on the bench's clock.

    Counts and times in sum are added. Requests per second are those of the workers together, each over its own
    duration. Of what says how well the load was generated, the worst is kept.
    """
    latency = _sum([part.done.latency for part in parts])
    service = _sum([part.done.service for part in parts])
    found = [part.done.slice for part in parts]
    outcomes = sum_outcomes([part.done.outcomes for part in parts])
    causes = Causes(UNCUT_AT_MOST)
    for part in parts:
        for cause in part.done.causes:
            causes.add(cause)
    merged_slice = Slice(
        started_ns=min(part.started.earliest_ns for part in parts),
        duration_ns=_duration_ns(found),
        ok=sum(each.ok for each in found),
        failed=failures(outcomes),
        failure=most_frequent_failure(outcomes),
        p50_ns=_median_ns(latency),
        service_p50_ns=_median_ns(service),
        consumer_cpu_ns=_total([each.consumer_cpu_ns for each in found]),
        send_lag_p50_ns=_worst([each.send_lag_p50_ns for each in found]),
        send_lag_max_ns=_worst([each.send_lag_max_ns for each in found]),
        window_ns=round(sum(each.window_ns for each in found) / len(found)),
        in_flight=_total([each.in_flight for each in found]),
        turnaround_ns=_total([each.turnaround_ns for each in found]),
        queued_ns=_total([each.queued_ns for each in found]),
        due=_total([each.due for each in found]),
        second_half_due=_total([each.second_half_due for each in found]),
        second_half_ended=_total([each.second_half_ended for each in found]),
        loop_stall_ns=max(each.loop_stall_ns for each in found),
        connections_opened=_total([each.connections_opened for each in found]),
        workers=tuple(part.worker for part in parts),
        left_out=tuple(left_out),
        start_window_ns=spread_ns(part.started for part in parts),
    )
    return messages.SliceDone(
        slice=merged_slice,
        outcomes=outcomes,
        causes=causes.found(),
        latency=latency_histogram.encode(latency),
        service=latency_histogram.encode(service),
    )


def _sum(encoded: Sequence[str | None]) -> Any:
    """The histograms as one. Raises UnlikeHistograms."""
    total = latency_histogram.new_histogram()
    for text in encoded:
        if text is not None:
            latency_histogram.add(total, latency_histogram.decode(text))
    return total


def _median_ns(histogram: Any) -> float | None:
    """The middle of the bucket in which the median lies; None without a sample."""
    if not histogram.total_count:
        return None
    rank = (int(histogram.total_count) + 1) // 2
    bucket = int(np.searchsorted(counts_of(histogram).cumsum(), rank))
    value = histogram.get_value_from_index(bucket)
    return float(histogram.get_lowest_equivalent_value(value) + histogram.get_highest_equivalent_value(value)) / 2


def _duration_ns(slices: Sequence[Slice]) -> int:
    """In which all requests at the sum of the workers' rates would have been sent; the longest without requests."""
    sent = [(each.ok + each.failed, each.duration_ns) for each in slices]
    rate = sum(requests / duration_ns for requests, duration_ns in sent if duration_ns)
    return round(sum(requests for requests, _ in sent) / rate) if rate else max(each.duration_ns for each in slices)


def _total(values: Sequence[Any]) -> Any:
    """Their sum; None where one is not known."""
    return None if any(value is None for value in values) else sum(values)


def _worst(values: Sequence[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def merged_verifications(found: Sequence[tuple[str, messages.Verification]]) -> messages.Verification:
    """What the workers found of the responses of a cell, each with its name: the first that is wrong counts."""
    causes = Causes(UNCUT_AT_MOST)
    for name, each in found:
        if each.cause is not None:
            return replace(each, text=f"seen from {name}: {each.text}")
        for cause in each.failed:
            causes.add(cause)
    _, first = found[0]
    times = sorted(each.request_ns for _, each in found if each.request_ns is not None)
    return replace(first, failed=causes.found(), request_ns=times[len(times) // 2] if times else None)
