"""Verifying a cell: some of its questions are asked, and the whole responses compared, before anything is timed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter_ns

from bench.clients.base import LoadClient, Request
from bench.load import messages
from bench.load.causes import UNCUT_AT_MOST, Causes
from bench.load.recorder import SILENCE, cause_of
from bench.network.profile import LOOPBACK
from consumers.errors import ConsumerError, OperationUnsupported
from recipes.errors import RecipeError

FAILURES_AT_FIRST = 3
"""A producer that refuses so many questions in a row before it has answered any will refuse the others, too."""


@dataclass(slots=True)
class Asked:
    """What came of the questions of a verification."""

    answered: list[Request] = field(default_factory=list)
    """Those that were answered correctly."""
    took_ns: list[int] = field(default_factory=list)
    causes: Causes = field(default_factory=lambda: Causes(UNCUT_AT_MOST))
    """Why others failed."""
    broken_off: bool = False
    """Whether there was no time for all of them."""

    @property
    def request_ns(self) -> int | None:
        """The median time of a question."""
        return round(median(self.took_ns)) if self.took_ns else None


async def ask_some(client: LoadClient, requests: Sequence[Request], order: messages.Verify) -> Asked:
    """Verify as many requests as the order says.

    A producer may fail now and then, which is counted. Raises WrongAnswer, and what the client raises where the
    producer does not answer, or refuses all questions, or FAILURES_AT_FIRST of them before it has answered any.
    """

    def wanted() -> Iterator[Request]:
        yield from requests[: order.questions_at_most]
        # Over a network every question takes long, and the responses are the same.
        yield from client.unverified(requests) if order.key.network == LOOPBACK else ()

    asked, began_ns = Asked(), perf_counter_ns()
    last: Exception | None = None
    for request in wanted():
        started_ns = perf_counter_ns()
        if asked.answered and order.within_s is not None and started_ns - began_ns >= order.within_s * 1e9:
            asked.broken_off = True
            break
        try:
            await client.verify(request)
        except (ConsumerError, RecipeError) as error:
            last, cause = error, cause_of(error)
            asked.causes.add(cause)
            hopeless = isinstance(error, OperationUnsupported) or (not asked.answered and cause.kind in SILENCE)
            if hopeless or (not asked.answered and len(asked.took_ns) + 1 >= FAILURES_AT_FIRST):
                raise
        else:
            asked.answered.append(request)
        asked.took_ns.append(perf_counter_ns() - started_ns)
    if last is not None and not asked.answered:
        raise last
    return asked
