"""The results of workers become one result without loss: as if one process had recorded every request."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

import pytest
from hdrh.histogram import HdrHistogram

from bench.cluster.merging import Part, merged, merged_verifications
from bench.cluster.parts import parts_of
from bench.cluster.starts import Started
from bench.load import latency_histogram, messages
from bench.load_models import OpenLoad
from bench.results import Cause
from bench.slices import LeftOut, Slice
from bench.stats.estimates import counts_of

MS = 1_000_000
SECOND_NS = 1_000_000_000
STARTED = Started(sent_ns=10 * MS, heard_ns=12 * MS, after_ns=50 * MS)


@dataclass
class Recorded:
    """The requests of one worker in one slice."""

    latency_ns: list[int]
    timeouts: int = 0

    @property
    def done(self) -> messages.SliceDone:
        histogram = latency_histogram.new_histogram()
        latency_histogram.record_all(histogram, self.latency_ns)
        outcomes = {"ok": len(self.latency_ns), "timeout": self.timeouts}
        return messages.SliceDone(
            slice=Slice(
                started_ns=123,
                duration_ns=SECOND_NS,
                ok=len(self.latency_ns),
                failed=self.timeouts,
                p50_ns=median(self.latency_ns) if self.latency_ns else None,
                consumer_cpu_ns=5 * MS,
                window_ns=SECOND_NS,
                due=len(self.latency_ns) + self.timeouts,
                second_half_due=3,
                second_half_ended=2,
                send_lag_p50_ns=1000.0,
                send_lag_max_ns=5000,
                loop_stall_ns=2 * MS,
                connections_opened=1,
            ),
            outcomes=outcomes,
            causes=[Cause(kind="timeout", text="no response", count=self.timeouts)] if self.timeouts else [],
            latency=latency_histogram.encode(histogram),
            service=latency_histogram.encode(histogram),
        )


def simulated(workers: int, rate_hz: float, seed: int = 1) -> list[Recorded]:
    """What so many workers record in a second at their parts of a rate: latencies over five orders of magnitude."""
    random = Random(seed)
    found = []
    for part in parts_of(OpenLoad(rate_hz=rate_hz), workers):
        assert isinstance(part, OpenLoad)
        count = max(0, round(random.gauss(part.rate_hz, part.rate_hz**0.5)))
        found.append(Recorded([round(random.lognormvariate(13, 2)) + 1 for _ in range(count)], random.randrange(2)))
    return found


def merge(recorded: Sequence[Recorded], left_out: Sequence[LeftOut] = ()) -> messages.SliceDone:
    return merged([Part(number, STARTED, each.done) for number, each in enumerate(recorded)], left_out)


def of_one_process(recorded: Sequence[Recorded]) -> HdrHistogram:
    histogram = latency_histogram.new_histogram()
    latency_histogram.record_all(histogram, (ns for each in recorded for ns in each.latency_ns))
    return histogram


@pytest.mark.parametrize("workers", [1, 3, 100])
def test_the_histograms_of_all_workers_merge_exactly(workers: int) -> None:
    recorded = simulated(workers, 20_000)
    done = merge(recorded)
    together, alone = latency_histogram.decode(done.latency or ""), of_one_process(recorded)
    assert counts_of(together).tolist() == counts_of(alone).tolist()
    assert together.total_count == alone.total_count == sum(len(each.latency_ns) for each in recorded)
    assert (together.get_min_value(), together.get_max_value()) == (alone.get_min_value(), alone.get_max_value())
    for percentile in (50, 90, 99, 99.9, 99.99, 100):
        assert together.get_value_at_percentile(percentile) == alone.get_value_at_percentile(percentile)


def test_the_order_and_the_grouping_of_workers_change_nothing() -> None:
    recorded = simulated(100, 5_000)
    forwards, backwards = merge(recorded), merge(recorded[::-1])
    assert forwards.latency == backwards.latency
    halves = [latency_histogram.decode(merge(half).latency or "") for half in (recorded[:37], recorded[37:])]
    total = latency_histogram.new_histogram()
    for half in halves:
        latency_histogram.add(total, half)
    assert latency_histogram.encode(total) == forwards.latency


def test_counts_are_summed_and_the_worst_of_the_generators_is_kept() -> None:
    recorded = simulated(100, 5_000)
    found = merge(recorded).slice
    assert found.ok == sum(len(each.latency_ns) for each in recorded)
    assert found.failed == sum(each.timeouts for each in recorded) > 0
    assert found.due == found.ok + found.failed
    assert (found.second_half_due, found.second_half_ended) == (300, 200)
    assert (found.connections_opened, found.consumer_cpu_ns) == (100, 500 * MS)
    assert (found.loop_stall_ns, found.send_lag_p50_ns, found.send_lag_max_ns) == (2 * MS, 1000.0, 5000)
    assert found.workers == tuple(range(100))
    assert found.started_ns == STARTED.earliest_ns
    assert found.start_window_ns == 2 * MS


def test_the_median_is_that_of_all_requests_within_the_precision_of_a_histogram() -> None:
    recorded = simulated(100, 20_000)
    exact = median(ns for each in recorded for ns in each.latency_ns)
    assert merge(recorded).slice.p50_ns == pytest.approx(exact, rel=1e-3)


def test_failures_are_summed_by_kind_and_cause() -> None:
    done = merge([Recorded([MS], timeouts=2), Recorded([MS, MS], timeouts=3)])
    assert done.outcomes == {"ok": 3, "timeout": 5}
    assert done.causes == [Cause(kind="timeout", text="no response", count=5)]
    assert done.slice.failure == "timeout"


def test_rates_add_up_though_workers_took_different_times() -> None:
    def done(requests: int, duration_ns: int) -> Part:
        slow = Recorded([MS] * requests).done
        return Part(
            0, STARTED, messages.SliceDone(slice=with_duration(slow.slice, duration_ns), outcomes=slow.outcomes)
        )

    found = merged([done(100, SECOND_NS), done(100, 2 * SECOND_NS)], ()).slice
    assert found.ok / found.duration_ns * 1e9 == pytest.approx(150)


def with_duration(measured: Slice, duration_ns: int) -> Slice:
    return Slice(ok=measured.ok, duration_ns=duration_ns, window_ns=duration_ns)


def test_what_one_worker_does_not_know_is_not_known_of_all() -> None:
    parts = [Part(0, STARTED, Recorded([MS]).done), Part(1, STARTED, messages.SliceDone(slice=Slice(), outcomes={}))]
    assert merged(parts, ()).slice.connections_opened is None


def test_who_is_left_out_is_named_and_in_no_value() -> None:
    recorded = simulated(3, 300)
    found = merge(recorded[:2], [LeftOut(worker=2, reason="it ended")]).slice
    assert found.left_out == (LeftOut(worker=2, reason="it ended"),)
    assert found.workers == (0, 1)
    assert found.ok == sum(len(each.latency_ns) for each in recorded[:2])


@pytest.mark.parametrize(("highest_ns", "digits"), [(latency_histogram.HIGHEST_NS, 2), (1_000_000, 3)])
def test_histograms_of_another_range_or_precision_are_refused(highest_ns: int, digits: int) -> None:
    other = HdrHistogram(latency_histogram.LOWEST_NS, highest_ns, digits)
    other.record_value(1234)
    with pytest.raises(latency_histogram.UnlikeHistograms, match="cannot be added"):
        latency_histogram.add(
            latency_histogram.new_histogram(), latency_histogram.decode(latency_histogram.encode(other))
        )


def test_one_worker_that_gets_wrong_answers_decides_and_is_named() -> None:
    good = messages.Verification(request_ns=MS, page_size=20)
    bad = messages.Verification(cause=Cause(kind="unreachable", text="refused", count=1), text="nobody is there")
    found = merged_verifications([("worker 0 (a)", good), ("worker 1 (b)", bad)])
    assert found.text == "seen from worker 1 (b): nobody is there"
    assert merged_verifications([("a", good), ("b", good)]) == good
