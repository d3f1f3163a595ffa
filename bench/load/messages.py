"""What the conductor and a load process say to each other: JSON, one message a line, an answer to each order."""

from typing import Any

import msgspec
from msgspec import Struct

from bench.results import Anatomy, Bytes, Slice, TlsSession
from bench.spec import CellKey


class Route(Struct, frozen=True, kw_only=True):
    """Addresses of one producer."""

    plain: str | None
    """Of the plain port as announced; None: not served."""
    tls: str | None


class Setup(Struct, frozen=True, kw_only=True, tag=True):
    """First order: who to ask, and about what. Answered by Done."""

    protocol: str
    direct: Route
    """Nothing in between."""
    networks: dict[str, Route] = {}
    """Relays before the producer, by the network that they stand for."""
    ca: str | None
    recipes: str
    """The source of the recipes, as the producer was given it."""
    ids: list[int]
    known: bool
    """Whether answers must equal the recipes of the source, or only be well-formed."""
    timeout_s: float
    producer_pid: int | None
    """To read its CPU clock; None: it is not this machine's to read."""


class Prove(Struct, frozen=True, kw_only=True, tag=True):
    """Connect for a cell, and check whole responses. Answered by Proof."""

    key: CellKey
    questions_at_most: int
    """How many of the workload's questions are asked, and their whole answers compared."""


class ReadSizes(Struct, frozen=True, kw_only=True, tag=True):
    """Send requests through a wire tap, over a connection of its own, and count the bytes. Answered by SizesRead.

    The workload must have been proved for a cell before.
    """

    key: CellKey
    requests: int
    """How many requests are sent, one after the other, including the warm-up."""
    anatomy: bool = False
    """Whether every byte is wanted by name, too."""


class RunSlice(Struct, frozen=True, kw_only=True, tag=True):
    """Measure one slice of a cell that was proved. Answered by SliceDone."""

    cell: str
    seed: str
    """Decides which questions are asked in which order, and when they are due: the same text, the same work."""
    duration_ns: int
    requests_at_least: int
    recorded: bool = True
    """False while the cell warms up: its latencies stay out of the histogram."""


class Collect(Struct, frozen=True, kw_only=True, tag=True):
    """Hand over what a cell recorded, and forget the cell. Answered by Recorded."""

    cell: str


class Finish(Struct, frozen=True, kw_only=True, tag=True):
    """Last order: close every connection. Answered by Recorded, then the process ends."""


class Done(Struct, frozen=True, kw_only=True, tag=True):
    """An order was carried out."""


class Proof(Struct, frozen=True, kw_only=True, tag=True):
    """Whether the answers of a cell are right, and if not, what came instead."""

    outcome: str
    text: str = ""
    supported: bool = True


class SizesRead(Struct, frozen=True, kw_only=True, tag=True):
    """The bytes of a combination. What is not known is null, and `warnings` has the reasons."""

    bytes: Bytes
    anatomy: Anatomy | None = None
    """Null where it was not asked for, too."""
    tls_session: TlsSession | None = None
    warnings: tuple[str, ...] = ()


class SliceDone(Struct, frozen=True, kw_only=True, tag=True):
    """What one slice found. Its `started_ns` is on the machine's monotonic clock."""

    slice: Slice
    outcomes: dict[str, int]
    text: str = ""
    """The first failure in its own words."""


class Recorded(Struct, frozen=True, kw_only=True, tag=True):
    """All latencies by cell: HdrHistogram V2, base64, in nanoseconds."""

    latency: dict[str, str]
    service: dict[str, str]
    problems: tuple[str, ...] = ()
    """Why connections could not be closed."""


class Broken(Struct, frozen=True, kw_only=True, tag=True):
    """The order could not be carried out at all."""

    text: str


Order = Setup | Prove | ReadSizes | RunSlice | Collect | Finish
Answer = Done | Proof | SizesRead | SliceDone | Recorded | Broken

_orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def encode(message: Any) -> bytes:
    """One message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> Order:
    """An order from its line. Raises msgspec.DecodeError."""
    return _orders.decode(line)


def decode_answer(line: bytes) -> Answer:
    """An answer from its line. Raises msgspec.DecodeError."""
    return _answers.decode(line)
