"""The open loop: requests fall due on a schedule of their own, whether earlier ones were answered or not.

Latency runs from the moment a request was due. A producer that stalls is so charged for everybody whom it kept
waiting, which a closed loop forgives (coordinated omission).
"""

import asyncio
from collections.abc import Iterator
from time import perf_counter_ns

from bench.load import outcomes
from bench.load.precise_timer import PreciseTimer
from bench.load.record import SliceRecord
from bench.workloads import Question
from consumers.client import RecipeClient

IN_FLIGHT_AT_MOST = 10_000
"""Requests in flight beyond which nothing more is sent: what is due then is counted as unsent."""
CONNECTIONS_AT_MOST = 512
"""Connections that a client may open in open loop. Beyond that requests wait for one, and the wait counts."""


async def run_open(
    client: RecipeClient,
    questions: Iterator[Question[object]],
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
    in_flight: set[asyncio.Task[None]] = set()
    started_ns = perf_counter_ns()
    half_ns, end_ns = started_ns + duration_ns // 2, started_ns + duration_ns
    record.window_ns = duration_ns

    def ended(done_ns: int) -> None:
        if half_ns <= done_ns < end_ns:
            record.second_half_ended += 1

    async def ask(question: Question[object], due_ns: int) -> None:
        sent_ns = perf_counter_ns()
        record.lag_ns.append(sent_ns - due_ns)
        try:
            answer = await question.send(client)
            done_ns = perf_counter_ns()
        except Exception as error:  # whatever a client library raises is this request's outcome
            ended(perf_counter_ns())
            record.fail(outcomes.kind_of(error), str(error))
            return
        ended(done_ns)
        if question.plausible(answer):
            record.outcomes[outcomes.OK] += 1
            record.latency_ns.append(done_ns - due_ns)
            record.service_ns.append(done_ns - sent_ns)
        else:
            record.fail(outcomes.WRONG_ANSWER, "an answer was not the one asked for")

    with PreciseTimer() as timer:
        for offset_ns in due_offsets_ns:
            due_ns = started_ns + offset_ns
            await timer.wait_until(due_ns)
            record.due += 1
            record.second_half_due += due_ns >= half_ns
            question = next(questions)
            if len(in_flight) >= IN_FLIGHT_AT_MOST:
                record.fail(outcomes.UNSENT, "too many requests were in flight to send another")
                await asyncio.sleep(0)
                continue
            task = asyncio.create_task(ask(question, due_ns))
            in_flight.add(task)
            task.add_done_callback(in_flight.discard)
    if in_flight:
        patience_ns = max(0, end_ns + answers_within_ns - perf_counter_ns())
        _, unanswered = await asyncio.wait(in_flight, timeout=patience_ns / 1e9)
        for task in unanswered:
            task.cancel()
            record.fail(outcomes.UNANSWERED, "a request had no answer when waiting for it ended")
        await asyncio.gather(*unanswered, return_exceptions=True)
    return perf_counter_ns() - started_ns
