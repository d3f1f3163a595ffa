"""The open loop: requests fall due on a schedule of their own, whether earlier ones were answered or not.

Latency runs from the moment a request was due. A producer that stalls is so charged for everybody whom it kept
waiting, which a closed loop forgives (coordinated omission).
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from time import perf_counter_ns

from bench.clients.base import Ended, LoopClient, Request
from bench.load import outcomes
from bench.load.precise_timer import PreciseTimer
from bench.load.record import SliceRecord

IN_FLIGHT_AT_MOST = 10_000
"""Requests in flight beyond which nothing more is sent: what is due then is counted as unsent."""


async def run_open(
    client: LoopClient,
    requests: Iterator[Request],
    *,
    due_offsets_ns: Iterator[int],
    duration_ns: int,
    answers_within_ns: int,
    record: SliceRecord,
) -> int:
    """Send each request when it is due, then wait for the answers still out.

    `duration_ns`: the window in which requests fall due. `answers_within_ns`: how long after it answers are waited for;
    what has not ended by then is counted as unanswered. Returns the time from the start to the last answer, in
    nanoseconds.
    """
    in_flight = 0
    waiting = True
    all_answered = asyncio.Event()
    started_ns = perf_counter_ns()
    half_ns, end_ns = started_ns + duration_ns // 2, started_ns + duration_ns
    record.window_ns = duration_ns

    def ended_since(due_ns: int) -> Ended:
        def ended(sent_ns: int, done_ns: int, failure: Exception | None) -> None:
            nonlocal in_flight
            if not waiting:
                return
            in_flight -= 1
            if not in_flight:
                all_answered.set()
            record.lag_ns.append(sent_ns - due_ns)
            if half_ns <= done_ns < end_ns:
                record.second_half_ended += 1
            if failure is not None:
                record.fail(outcomes.kind_of(failure), str(failure))
                return
            record.outcomes[outcomes.OK] += 1
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
                record.fail(outcomes.UNSENT, "too many requests were in flight to send another")
                await asyncio.sleep(0)
                continue
            in_flight += 1
            client.begin(request, ended_since(due_ns))
    if in_flight:
        all_answered.clear()
        patience_s = max(0, end_ns + answers_within_ns - perf_counter_ns()) / 1e9
        with suppress(TimeoutError):
            await asyncio.wait_for(all_answered.wait(), patience_s)
    waiting = False
    for _ in range(in_flight):
        record.fail(outcomes.UNANSWERED, "a request had no answer when waiting for it ended")
    if in_flight:
        await client.abandon()
    return perf_counter_ns() - started_ns
