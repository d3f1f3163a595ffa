"""How a request can end. Every request ends in exactly one of these and is counted there."""

from collections.abc import Iterable

from bench.workloads import WrongAnswer
from consumers.errors import OperationUnsupported, ProducerTimeout, ProducerUnreachable, UnexpectedAnswer
from recipes.errors import RecipeError

OK = "ok"
WRONG_ANSWER = "wrong_answer"
UNSENT = "unsent"
"""Open loop: due, and not sent because too much was in flight."""
UNANSWERED = "unanswered"
"""Open loop: sent, and still without any answer when waiting for it ended."""
PROCESS_LOST = "process_lost"
"""The producer or the load process ended, or stopped talking, in the middle of a slice."""

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (WrongAnswer, WRONG_ANSWER),
    (ProducerTimeout, "timeout"),
    (ProducerUnreachable, "unreachable"),
    (OperationUnsupported, "unsupported"),
    (UnexpectedAnswer, "unexpected_answer"),
    (RecipeError, "error_answer"),
)

SILENCE = frozenset({"timeout", "unreachable", UNANSWERED, UNSENT, PROCESS_LOST})
"""Outcomes of requests to which no answer of any kind came."""


def kind_of(error: Exception) -> str:
    """The kind under which a failed request is counted."""
    return next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), "client_error")


def failed(outcomes: dict[str, int]) -> int:
    """How many requests did not end in the right answer."""
    return sum(count for kind, count in outcomes.items() if kind != OK)


def most_frequent_failure(outcomes: dict[str, int]) -> str | None:
    """The kind in which most requests failed; None where all were answered rightly."""
    failures = {kind: count for kind, count in outcomes.items() if kind != OK and count}
    return max(failures, key=lambda kind: failures[kind]) if failures else None


def added(all_outcomes: Iterable[dict[str, int]]) -> dict[str, int]:
    """Outcomes summed by kind; `ok` always stands."""
    total = {OK: 0}
    for outcomes in all_outcomes:
        for kind, count in outcomes.items():
            total[kind] = total.get(kind, 0) + count
    return total
