"""Load that is sent while something is done to the servers, and whose every request is logged."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bench.load import messages
from bench.plan import Addresses
from bench.request_log import RequestLog
from bench.runner.job import Job
from bench.runner.processes import LoadProcess
from bench.runner.rig import VERIFY_TIMEOUT_S, order_to_verify
from bench.runner.session import Session
from bench.spec import CellKey
from consumers.target import Target

Result = TypeVar("Result")
QUESTIONS_TO_VERIFY = 3
ANSWER_WITHIN_S = 30.0
"""How long a load process may take to return its log, besides the time for which it sends."""


class NotCarriedOut(Exception):
    """An experiment has no result. The text says why."""


async def start_verified_load(session: Session, job: Job, cell: CellKey, target: Target) -> LoadProcess:
    """Start a load process that sends to this address, and verify a few responses.

    Raises ProcessFailed, and NotCarriedOut where responses are not correct.
    """
    plan = job.plan
    setup = messages.Setup(
        protocol=cell.protocol,
        direct=Addresses(),
        routes={cell.path.label: messages.Route(target=target)},
        access=job.access(cell.protocol),
        recipes=plan.recipes,
        own_ids=dict(job.own_ids),
        ids=list(job.ids),
        known=plan.known,
        timeout_s=plan.timeout_s,
    )
    load = await session.start_load(setup)
    session.pin()
    verification = await load.order(order_to_verify(cell, QUESTIONS_TO_VERIFY), VERIFY_TIMEOUT_S)
    assert isinstance(verification, messages.Verification)
    if verification.cause is not None:
        raise NotCarriedOut(verification.text)
    return load


async def logged(
    load: LoadProcess, cell: CellKey, seed: int, within_s: float, work: Coroutine[Any, Any, Result]
) -> tuple[Result, RequestLog]:
    """What came of some work, and the log of the requests of a verified cell that were due meanwhile.

    Raises what the work raises, ProcessFailed, and NotCarriedOut where the work is not done after `within_s`.
    """
    order = messages.LogRequests(cell=cell.label, seed=str(seed), at_most_ns=round(within_s * 1e9))
    logging = asyncio.create_task(load.order(order, within_s + ANSWER_WITHIN_S))
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({working, logging}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            if logging.done():
                logging.result()  # raises where the load process has ended
            raise NotCarriedOut(f"it was not over after {within_s:g} s; give more --seconds")
        done = working.result()
        await load.stop_requests()
        answer = await logging
    finally:
        working.cancel()
        logging.cancel()
        await asyncio.gather(working, logging, return_exceptions=True)
    assert isinstance(answer, messages.RequestsLogged)
    return done, answer.log
