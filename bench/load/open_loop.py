"""The open loop: requests fall due on a schedule of their own, whether earlier ones were answered or not.

Latency runs from the time at which a request was due. So a stall of the producer counts for every request that waited
because of it; a closed loop would not send them at all (coordinated omission).
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from time import perf_counter_ns
from typing import Literal

from bench.clients.base import Ended, LoopClient, Request
from bench.load.recorder import OK, UNANSWERED, UNSENT, SliceRecord
from bench.load.request_logging import OpenLog
from bench.load.timer import PreciseTimer

Arrivals = Literal["poisson", "constant"]


def due_offsets_ns(rate_hz: float, duration_ns: int, arrivals: Arrivals, seed: str) -> Iterator[int]:
    """Ascending offsets from the start of the slice, in nanoseconds, all below `duration_ns`.

    They are drawn from the seed before the first request is sent, and do not depend on responses. `poisson`:
    independent exponential gaps with the mean 1/rate, as between independent callers. `constant`: equal gaps.
    """
    mean_gap_ns = 1e9 / rate_hz
    if arrivals == "constant":
        number = 0
        while (due_ns := round(number * mean_gap_ns)) < duration_ns:
            yield due_ns
            number += 1
        return
    random = Random(seed)
    elapsed_ns = random.expovariate(1.0) * mean_gap_ns
    while elapsed_ns < duration_ns:
        yield round(elapsed_ns)
        elapsed_ns += random.expovariate(1.0) * mean_gap_ns


IN_FLIGHT_AT_MOST = 10_000
"""With so many requests in flight no more are sent; those that fall due are counted as unsent."""
NOT_SENT = "too many requests were in flight to send another"
NO_RESPONSE = "a request had no response when the loop stopped waiting"


async def run_open(
    client: LoopClient,
    requests: Iterator[Request],
    *,
    due_offsets_ns: Iterator[int],
    duration_ns: int,
    answers_within_ns: int,
    record: SliceRecord,
    log: OpenLog | None = None,
) -> int:
    """Send each request when it is due, then wait for the responses that are missing.

    `duration_ns`: the window in which requests fall due. `answers_within_ns`: how long to wait for responses after the
    last of them; requests that have not ended by then are counted as unanswered. `log`: where every request is noted,
    too. Returns the time from the start to the last response, in nanoseconds.
    """
    in_flight = 0
    queue = record.queue
    waiting = True
    all_answered = asyncio.Event()
    started_ns = perf_counter_ns()
    half_ns, end_ns = started_ns + duration_ns // 2, started_ns + duration_ns
    record.window_ns = duration_ns

    def ended_since(due_ns: int, number: int) -> Ended:
        def ended(sent_ns: int, done_ns: int, failure: Exception | None) -> None:
            nonlocal in_flight
            if not waiting:
                return
            in_flight -= 1
            if not in_flight:
                all_answered.set()
            if queue is not None:
                queue.change(done_ns, -1)
            if log is not None:
                log.end(number, sent_ns, done_ns, failure)
            record.lag_ns.append(sent_ns - due_ns)
            if half_ns <= done_ns < end_ns:
                record.second_half_ended += 1
            if failure is not None:
                record.fail_with(failure)
                return
            record.outcomes[OK] += 1
            record.latency_ns.append(done_ns - due_ns)
            record.service_ns.append(done_ns - sent_ns)

        return ended

    with PreciseTimer() as timer:
        for offset_ns in due_offsets_ns:
            due_ns = started_ns + offset_ns
            await timer.wait_until(due_ns)
            record.due += 1
            record.second_half_due += due_ns >= half_ns
            request = next(requests)
            if in_flight >= IN_FLIGHT_AT_MOST:
                record.fail(UNSENT, NOT_SENT)
                if log is not None:
                    log.fail(log.begin(due_ns), due_ns, UNSENT, NOT_SENT)
                await asyncio.sleep(0)
                continue
            in_flight += 1
            if queue is not None:
                queue.change(perf_counter_ns(), 1)
            client.begin(request, ended_since(due_ns, 0 if log is None else log.begin(due_ns)))
    if in_flight:
        all_answered.clear()
        await _set_within(all_answered, min(end_ns - perf_counter_ns(), 0) + answers_within_ns)
    waiting = False
    for _ in range(in_flight):
        record.fail(UNANSWERED, NO_RESPONSE)
    if in_flight:
        await client.abandon()
    return perf_counter_ns() - started_ns


async def _set_within(event: asyncio.Event, within_ns: int) -> None:
    """Wait for the event, so long at most."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), max(0, within_ns) / 1e9)
