"""The closed loop: a fixed number of requests in flight, each followed by the next."""

import asyncio
from collections.abc import Iterator
from time import perf_counter_ns

from bench.load import outcomes
from bench.load.full_window import FullWindow
from bench.load.record import SliceRecord
from bench.workloads import Question
from consumers.client import RecipeClient


async def run_closed(
    client: RecipeClient,
    questions: Iterator[Question[object]],
    *,
    concurrency: int,
    duration_ns: int,
    requests_at_least: int,
    record: SliceRecord,
) -> int:
    """Send until `duration_ns` is over and `requests_at_least` were sent; then let what is in flight finish.

    Returns the time from the first request to the last answer, in nanoseconds. Nothing is raised for a request that
    fails: it is counted.
    """
    started_ns = perf_counter_ns()
    deadline_ns = started_ns + duration_ns
    sent = 0
    window = FullWindow(concurrency)

    async def keep_asking() -> None:
        nonlocal sent
        while sent < requests_at_least or perf_counter_ns() < deadline_ns:
            sent += 1
            question = next(questions)
            sent_ns = perf_counter_ns()
            if sent <= concurrency:
                window.began(sent_ns)
            try:
                answer = await question.send(client)
                done_ns = perf_counter_ns()
            except Exception as error:  # whatever a client library raises is this request's outcome
                window.ended(sent_ns, perf_counter_ns())
                record.fail(outcomes.kind_of(error), str(error))
                if sent >= requests_at_least:
                    break
                continue
            window.ended(sent_ns, done_ns)
            if question.plausible(answer):
                record.outcomes[outcomes.OK] += 1
                record.latency_ns.append(done_ns - sent_ns)
            else:
                record.fail(outcomes.WRONG_ANSWER, "an answer was not the one asked for")
        window.close(perf_counter_ns())

    if concurrency == 1:
        await keep_asking()
    else:
        await asyncio.gather(*(keep_asking() for _ in range(concurrency)))
    record.window_ns, record.in_flight_ns = window.window_ns, window.in_flight_ns
    return perf_counter_ns() - started_ns
