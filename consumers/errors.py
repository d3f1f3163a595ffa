"""The errors of a call besides domain errors.

ConsumerError
├── ProducerUnreachable    no connection: refused, unknown host, failed TLS handshake, connection lost
├── ProducerTimeout        no complete response in time
├── OperationUnsupported   the producer does not support the operation
├── NotKnownYet            the producer does not know what the request refers to
├── BadOwnRequest          a request of the user's own that cannot be made
└── UnexpectedResponse     a response that violates the contract: status, coding, shape
"""

from collections.abc import Sequence

CLOSED_EARLY = "the connection was closed before the response was complete"
"""Why a producer is unreachable that closed or reset the connection of a request. All clients say it in these words."""


def no_response_within(timeout_s: float) -> str:
    """Why a call ended with ProducerTimeout."""
    return f"no response within {timeout_s:g} s"


class ConsumerError(Exception):
    """A call failed for a reason outside the domain. The text is one line and names the producer."""

    def __init__(self, cause: str, *, producer: str = "", detail: str = "") -> None:
        """`cause`: why, in the words of consumers.causes, the same from call to call. `producer`: its address.
        `detail`: what else is known of this call."""
        self.cause, self.detail = one_line(cause), one_line(detail)
        super().__init__(": ".join(filter(None, (producer, self.cause, self.detail))))


class ProducerUnreachable(ConsumerError):
    """The connection failed or was lost."""


class ProducerTimeout(ConsumerError):
    """No complete response arrived in time."""


class OperationUnsupported(ConsumerError):
    """The producer does not support this operation."""


class NotKnownYet(ConsumerError):
    """The producer does not know what the request refers to, such as the query with a hash."""


class BadOwnRequest(ConsumerError):
    """A request of the user's own that cannot be made. The text names the place in the file, and what would do."""


class UnexpectedResponse(ConsumerError):
    """The response violates the contract."""


def one_line(text: str) -> str:
    """The text without line breaks, and without other characters that have no shape of their own."""
    return " ".join("".join([each if each.isprintable() else " " for each in text]).split())


def unknown_id(named: str, asked: Sequence[int]) -> object:
    """The requested id that the producer `named` as unknown, or all of them if it named none."""
    if len(asked) == 1:
        return asked[0]
    return next((recipe_id for recipe_id in asked if str(recipe_id) == named), " or ".join(map(str, asked)))
