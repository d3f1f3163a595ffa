"""How a request can end. Every request ends in exactly one of these and is counted there."""

from collections.abc import Iterable

from consumers.errors import OperationUnsupported, ProducerTimeout, ProducerUnreachable, UnexpectedAnswer
from recipes.errors import RecipeError

OK = "ok"
WRONG_ANSWER = "wrong_answer"
UNSENT = "unsent"
"""Open loop: due, and not sent when the slice was over."""
PROCESS_LOST = "process_lost"
"""The producer or the load process ended, or stopped talking, in the middle of a slice."""

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (ProducerTimeout, "timeout"),
    (ProducerUnreachable, "unreachable"),
    (OperationUnsupported, "unsupported"),
    (UnexpectedAnswer, "unexpected_answer"),
    (RecipeError, "error_answer"),
)


def kind_of(error: Exception) -> str:
    """The kind under which a failed request is counted."""
    return next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), "client_error")


def failed(outcomes: dict[str, int]) -> int:
    """How many requests did not end in the right answer."""
    return sum(count for kind, count in outcomes.items() if kind != OK)


def added(all_outcomes: Iterable[dict[str, int]]) -> dict[str, int]:
    """Outcomes summed by kind; `ok` always stands."""
    total = {OK: 0}
    for outcomes in all_outcomes:
        for kind, count in outcomes.items():
            total[kind] = total.get(kind, 0) + count
    return total
