"""What a call can end in besides an answer and the domain's own errors.

ConsumerError
├── ProducerUnreachable    no connection: refused, unknown host, TLS not agreed on, connection lost
├── ProducerTimeout        no complete answer within the time allowed
├── OperationUnsupported   this producer does not offer the operation
├── NotKnownYet            the producer has to be told first what was only named
└── UnexpectedAnswer       an answer that the contract does not allow: status, coding, shape
"""

from collections.abc import Sequence


class ConsumerError(Exception):
    """A call failed for a reason outside the domain. The text is one line and names the producer."""


class ProducerUnreachable(ConsumerError):
    """No connection could be had, or it was lost."""


class ProducerTimeout(ConsumerError):
    """No complete answer came within the time allowed."""


class OperationUnsupported(ConsumerError):
    """The producer does not offer this operation."""


class NotKnownYet(ConsumerError):
    """The producer has to be told first what was only named, such as a query of which it got the hash."""


class UnexpectedAnswer(ConsumerError):
    """The answer is not one that the contract allows."""


def unknown_id(named: str, asked: Sequence[int]) -> object:
    """The id that the producer `named` in its refusal, as it was asked for; all of them where it named none of them."""
    if len(asked) == 1:
        return asked[0]
    return next((recipe_id for recipe_id in asked if str(recipe_id) == named), " or ".join(map(str, asked)))
