"""Messages between the bench and the host process on a worker's machine: JSON lines, each with a number in front.

Orders of load processes and their answers are passed on as they are.
"""

import msgspec
from msgspec import Raw, Struct

from bench.load import messages
from bench.results import ClusterWorker


class Start(Struct, frozen=True, kw_only=True, tag=True):
    """Start a load process. Replied to by Answered, with the answer to its set-up."""

    load: int
    """The number of the load process."""
    setup: Raw
    files: dict[str, bytes] = {}
    """The content of the files that the set-up names, by their paths on the bench's machine."""


class Give(Struct, frozen=True, kw_only=True, tag=True):
    """Give an order to a load process. Replied to by Answered."""

    load: int
    order: Raw
    timeout_s: float


class Plan(Struct, frozen=True, kw_only=True, tag=True):
    """Give an order to a load process after a time. Replied to by Planned, at once."""

    load: int
    order: Raw
    timeout_s: float
    wait_ns: int
    """Counted from the moment at which this message is read."""


class Await(Struct, frozen=True, kw_only=True, tag=True):
    """Wait until a planned order was carried out. Replied to by Answered."""

    planned: int
    """The number of the message that planned it."""


class Renew(Struct, frozen=True, kw_only=True, tag=True):
    """The bench is still there. Replied to by Planned."""


class Ready(Struct, frozen=True, kw_only=True, tag=True):
    """The first message of a host process, with the number 0."""

    worker: ClusterWorker


class Planned(Struct, frozen=True, kw_only=True, tag=True):
    """The message was read."""


class Answered(Struct, frozen=True, kw_only=True, tag=True):
    """The answer of the load process."""

    answer: Raw
    started_after_ns: int | None = None
    """Of a slice that was planned: from reading the plan until the slice began, on the clock of that machine."""


class Failed(Struct, frozen=True, kw_only=True, tag=True):
    """The load process could not be started, has ended, or did not answer."""

    text: str


Request = Start | Give | Plan | Await | Renew
Reply = Ready | Planned | Answered | Failed

_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """One message as a line, without its number."""
    return msgspec.json.encode(message) + b"\n"


def raw(message: messages.Order | messages.Answer) -> Raw:
    """A message of a load process, to be passed on within another."""
    return Raw(messages.encode(message).rstrip())


def decode_request(line: bytes) -> tuple[int, Request]:
    """The number and the message of a line. Raises ValueError, of which msgspec.DecodeError is one."""
    number, _, text = line.partition(b" ")
    return int(number), _requests.decode(text)


def decode_reply(text: bytes) -> Reply:
    """A reply from its line without the number. Raises msgspec.DecodeError."""
    return _replies.decode(text)
