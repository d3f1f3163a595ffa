"""The link: departure and delivery times of bytes, computed from their arrival times alone."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.network.link import QUEUE_BYTES, SEGMENT_BYTES, Delay, Link, held_bytes_at_most, set_up, uplink
from bench.network.profile import PROFILES, Profile, parse

MILLISECOND = 1_000_000
MEGABIT = 1_000_000


def link(bits_per_second: int | None, delay_ms: int = 20, swing_ms: int = 0) -> Link:
    return Link(bits_per_second, Delay(delay_ms * MILLISECOND, swing_ms * MILLISECOND, "seed"))


def test_without_a_rate_bytes_take_the_delay_and_nothing_else() -> None:
    assert list(link(None).send(1_000_000, 5)) == [(1_000_000, 20 * MILLISECOND + 5)]


def test_serialisation_time_is_bits_divided_by_the_rate() -> None:
    # 1,000 bytes are 8,000 bits: a millisecond at 8 Mbit/s.
    assert list(link(8 * MEGABIT).send(1_000, 0)) == [(1_000, 21 * MILLISECOND)]


def test_bytes_wait_in_the_queue_while_the_link_is_busy() -> None:
    busy = link(8 * MEGABIT)
    delivered = [piece.delivered_ns for at in (0, 0, 500_000) for piece in busy.send(1_000, at)]
    assert delivered == [21 * MILLISECOND, 22 * MILLISECOND, 23 * MILLISECOND]


def test_idle_time_is_not_carried_over() -> None:
    idle = link(8 * MEGABIT)
    list(idle.send(1_000, 0))
    assert list(idle.send(1_000, 70 * MILLISECOND)) == [(1_000, 91 * MILLISECOND)]


def test_large_data_is_delivered_in_segments() -> None:
    pieces = list(link(1 * MEGABIT).send(3 * SEGMENT_BYTES + 10, 0))
    assert [piece.size_bytes for piece in pieces] == [SEGMENT_BYTES] * 3 + [10]
    assert [piece.delivered_ns - 20 * MILLISECOND for piece in pieces] == [
        11_584_000,
        23_168_000,
        34_752_000,
        34_832_000,
    ]


def test_on_a_fast_link_trains_of_segments_are_delivered_at_once() -> None:
    pieces = list(link(1_000 * MEGABIT).send(100_000, 0))
    assert [piece.size_bytes for piece in pieces] == [31_250] * 3 + [6_250]
    assert pieces[-1].delivered_ns == 20 * MILLISECOND + 800_000


def test_an_end_of_stream_is_delivered_after_earlier_bytes() -> None:
    busy = link(8 * MEGABIT)
    list(busy.send(1_000, 0))
    assert list(busy.send(0, 1)) == [(0, 21 * MILLISECOND)]


def test_rounding_errors_do_not_accumulate() -> None:
    slow = link(7 * MEGABIT, delay_ms=0)
    last = [piece for _ in range(100_000) for piece in slow.send(1, 0)][-1]
    assert last.delivered_ns == -(-800_000 * 1_000 // 7)


arrivals = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 30 * MILLISECOND)), min_size=1, max_size=30)


@given(arrivals=arrivals, rate=st.none() | st.integers(1_000, 10**9), swing_ms=st.integers(0, 20))
def test_bytes_are_delivered_completely_in_order_and_not_early(
    arrivals: list[tuple[int, int]], rate: int | None, swing_ms: int
) -> None:
    shared = link(rate, swing_ms=swing_ms)
    at_ns, delivered = 0, []
    for size, pause_ns in arrivals:
        at_ns += pause_ns
        pieces = list(shared.send(size, at_ns))
        assert sum(piece.size_bytes for piece in pieces) == size
        own_ns = size * 8_000_000_000 // rate if rate else 0
        assert pieces[-1].delivered_ns >= at_ns + own_ns + (20 - swing_ms) * MILLISECOND
        delivered += [piece.delivered_ns for piece in pieces]
    assert all(earlier <= later for earlier, later in pairwise(delivered))


@given(cuts=st.lists(st.integers(1, 5_000), min_size=1, max_size=20), rate=st.integers(10_000, 10**9))
def test_the_delivery_time_does_not_depend_on_the_chunking(cuts: list[int], rate: int) -> None:
    whole, cut = link(rate), link(rate)
    last = [piece for size in cuts for piece in cut.send(size, 7)][-1]
    assert list(whole.send(sum(cuts), 7))[-1].delivered_ns == last.delivered_ns


@given(st.integers(0, 10**12), st.integers(1, 50 * MILLISECOND))
def test_jitter_stays_within_its_bounds_and_keeps_the_order(at_ns: int, step_ns: int) -> None:
    delay = Delay(20 * MILLISECOND, 20 * MILLISECOND, "seed")
    earlier, later = delay.at(at_ns), delay.at(at_ns + step_ns)
    assert 0 <= earlier <= 40 * MILLISECOND
    assert at_ns + earlier <= at_ns + step_ns + later


def test_jitter_depends_on_the_seed_only() -> None:
    times = range(0, 10**10, 7 * MILLISECOND)
    same, again, other = (Delay(0, MILLISECOND, seed) for seed in ("1/up", "1/up", "1/down"))
    swings = [same.at(time) for time in times]
    assert swings == [again.at(time) for time in times]
    assert swings != [other.at(time) for time in times]
    assert max(swings) > 0.8 * MILLISECOND
    assert min(swings) < -0.8 * MILLISECOND
    assert abs(sum(swings)) / len(swings) < 0.1 * MILLISECOND


def test_connection_set_up_takes_one_round_trip() -> None:
    steps = set_up(Profile(rtt_ns=40 * MILLISECOND), 1)
    assert steps.producer_asked_ns == 20 * MILLISECOND + 1
    assert steps.consumer_may_send_ns == 40 * MILLISECOND + 1
    assert steps.producer_may_send_ns == 60 * MILLISECOND + 1


def test_each_direction_has_half_of_the_round_trip_and_of_its_jitter() -> None:
    link_up = uplink(parse("rtt=40ms,jitter=40ms"), seed=1)
    delays = [piece.delivered_ns - at for at in range(0, 10**11, 50 * MILLISECOND) for piece in link_up.send(1, at)]
    assert 0 <= min(delays) < 2 * MILLISECOND
    assert 38 * MILLISECOND < max(delays) <= 40 * MILLISECOND


@pytest.mark.parametrize("name", PROFILES)
def test_buffers_are_bounded_and_keep_the_link_busy(name: str) -> None:
    profile = PROFILES[name]
    for rate in (profile.up_bits_per_second, profile.down_bits_per_second):
        assert rate is not None
        under_way = rate * profile.one_way_ns / 8e9
        assert under_way + QUEUE_BYTES / 2 < held_bytes_at_most(profile, rate) < 2 * under_way + 2 * QUEUE_BYTES
