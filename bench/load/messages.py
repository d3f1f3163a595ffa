"""Messages between the bench and a load process: JSON, one message a line, one answer to each order that says so."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.load.bursts import Bursts
from bench.load_models import Load
from bench.plan import Addresses
from bench.request_log import RequestLog
from bench.results import Cause, Side
from bench.slices import Slice
from bench.spec import CellKey
from bench.wire.results import Anatomy, Bytes, TlsSession
from consumers import access
from consumers.access import Access, Header
from consumers.own_requests import OwnRequests
from consumers.target import Target


class Route(Struct, frozen=True, kw_only=True):
    """How clients reach what serves a cell, and which processes serve it."""

    target: Target | None
    """What they call: the producer, or the front before it. Null where there is no address like that."""
    reason: str = ""
    """Why there is none, where that is known."""
    via: Target | None = None
    """The relay that they connect to instead; null: to `target` itself."""
    plain: Target | None = None
    """What serves the same without TLS on the client's side."""
    producer_pids: tuple[int, ...] = ()
    """Whose CPU clocks are read. Empty: the producer is a target, which may run anywhere."""
    front_pids: tuple[int, ...] = ()
    """The same of the front; empty without one."""


class Setup(Struct, frozen=True, kw_only=True, tag=True):
    """The first order: the producer and the recipes. Answered by Done."""

    protocol: str
    direct: Addresses
    """Of the first producer."""
    routes: dict[str, Route] = {}
    """Of cells that are not connected to the first producer directly, by the label of CellKey.path."""
    access: Access = Access()
    """What the producer demands; `headers` are those of the protocol."""
    recipes: str
    """The source of the producer's recipes."""
    own_ids: dict[int, str] = {}
    """The ids that requested recipes had before they were renumbered, to name them in problems."""
    ids: list[int]
    known: bool
    """Whether responses must equal the recipes of the source, or only be well-formed."""
    timeout_s: float
    producer_pids: tuple[int, ...] = ()
    """The processes of the first producer, whose CPU clocks are read. Empty: it is a target, which may run anywhere."""
    own_requests: OwnRequests | None = None
    """What is requested instead of recipes."""
    keep_alive_s: float | None = None
    """How long consumers keep an idle connection; null: for their own time."""


class Verify(Struct, frozen=True, kw_only=True, tag=True):
    """Connect for a cell and compare whole responses with what is expected. Answered by Verification."""

    key: CellKey
    questions_at_most: int
    """How many of the workload's questions are asked."""
    within_s: float | None = None
    """After this time no more questions are asked. One is asked in any case. Null: all of them."""


class ReadSizes(Struct, frozen=True, kw_only=True, tag=True):
    """Send requests through a wire tap, over a connection of its own, and count the bytes. Answered by SizesRead.

    The workload must have been verified for a cell before.
    """

    key: CellKey
    requests: int
    """How many requests are sent, one after the other, including the warm-up."""
    anatomy: bool = False
    """Whether every byte is wanted by name, too."""
    front: Target | None = None
    """A front whose producer is the tap that `TapProducer` opened, to send the requests through. Null without a front.
    """


class TapProducer(Struct, frozen=True, kw_only=True, tag=True):
    """Open a wire tap before the first producer, to which a front can connect. Answered by ProducerTapped."""

    tls: bool
    """Before which port of the producer."""


class CountInFlight(Struct, frozen=True, kw_only=True, tag=True):
    """Count on the wire how many requests the cell's client can have in flight, over connections of its own.

    The cell must have been verified before. Answered by InFlightCounted.
    """

    key: CellKey


class RunSlice(Struct, frozen=True, kw_only=True, tag=True):
    """Measure one slice of a cell that was verified. Answered by SliceDone."""

    cell: str
    seed: str
    """Decides the order of the questions, and when they are due. The same seed means the same work."""
    duration_ns: int
    requests_at_least: int
    within_ns: int | None = None
    """After this time no further request is sent, however few they were. Null: until there were enough."""
    in_flight_at_most: int | None = None
    """How many requests the client can have in flight; the others wait in its queue. Null: as many as there are."""
    recorded: bool = True
    """False during the warm-up: the latencies are not added to the histogram."""
    verified: bool = True
    """Whether one more response is verified as a whole after the slice."""
    load: Load | None = None
    """The part of the cell's load that this process has; null: all of it."""
    apart: bool = False
    """Whether the histograms of the slice come back with its result, instead of being added to those of the cell."""


class LogRequests(Struct, frozen=True, kw_only=True, tag=True):
    """Send the requests of a verified cell in open loop, and log each. Answered by RequestsLogged.

    It goes on until StopRequests comes.
    """

    cell: str
    seed: str
    """As in RunSlice."""
    at_most_ns: int
    """It ends by itself after this time."""
    bursts: Bursts | None = None
    """When requests fall due; null: at the rate of the cell's load."""


class StopRequests(Struct, frozen=True, kw_only=True, tag=True):
    """Let no further request of LogRequests fall due. It has no answer of its own."""


class SendRequests(Struct, frozen=True, kw_only=True, tag=True):
    """Send requests of a cell that was verified one after the other, always the same. Answered by RequestsSent."""

    cell: str
    requests_at_most: int
    """How many of the cell's requests are sent, in order."""
    passes: int
    """How many times each is sent."""
    counted: Side
    """Which side is counted. A producer or front that is has to be idle before each."""


class Discard(Struct, frozen=True, kw_only=True, tag=True):
    """Forget all latencies that were recorded so far. Answered by Done."""


class Collect(Struct, frozen=True, kw_only=True, tag=True):
    """Return the histograms of a cell, and forget the cell. Answered by Recorded."""

    cell: str


class Finish(Struct, frozen=True, kw_only=True, tag=True):
    """The last order: close every connection. Answered by Recorded; then the process ends."""


class Done(Struct, frozen=True, kw_only=True, tag=True):
    """An order was carried out."""


class Verification(Struct, frozen=True, kw_only=True, tag=True):
    """Whether the responses of a cell are correct, and if not, what came instead."""

    cause: Cause | None = None
    """Null where they are correct."""
    failed: list[Cause] = []
    """Why some of the questions failed, where others were answered correctly."""
    request_ns: int | None = None
    """How long a question took, the median; null where none was answered."""
    text: str = ""
    """The cause with the producer's address."""
    supported: bool = True
    page_size: int | None = None
    """How many recipes the fullest page had; null where the workload has no pages of the producer's own."""


class SizesRead(Struct, frozen=True, kw_only=True, tag=True):
    """The bytes of a combination. What is not known is null, and `warnings` has the reasons."""

    bytes: Bytes
    anatomy: Anatomy | None = None
    """Null where it was not asked for, too."""
    tls_session: TlsSession | None = None
    behind: Bytes | None = None
    """Between the front and the producer; null without a front."""
    warnings: tuple[str, ...] = ()


class ProducerTapped(Struct, frozen=True, kw_only=True, tag=True):
    """There is a tap before the producer."""

    port: int
    """Of the tap, on 127.0.0.1."""


class InFlightCounted(Struct, frozen=True, kw_only=True, tag=True):
    """How many requests a client can have in flight."""

    wanted: int
    """How many it was given."""
    reached: int | None = None
    """How many of these were in flight at the same time; null where that could not be counted."""
    streams_at_most: int | None = None
    """How many the producer allows on one connection; null where it announced nothing."""


class SliceDone(Struct, frozen=True, kw_only=True, tag=True):
    """The result of one slice. Its `started_ns` is on the machine's monotonic clock."""

    slice: Slice
    outcomes: dict[str, int]
    causes: list[Cause] = []
    """Why requests failed."""
    latency: str | None = None
    """Where that was asked for: the latencies of this slice alone, as in Recorded."""
    service: str | None = None


class RequestsSent(Struct, frozen=True, kw_only=True, tag=True):
    """How many requests were successful. `failure` says why the next was not, and no further one was sent."""

    sent: int
    failure: str | None = None


class RequestsLogged(Struct, frozen=True, kw_only=True, tag=True):
    """Every request that was sent."""

    log: RequestLog


class Recorded(Struct, frozen=True, kw_only=True, tag=True):
    """All latencies and service times by cell: HdrHistogram V2, base64, in nanoseconds."""

    latency: dict[str, str]
    service: dict[str, str]
    problems: tuple[str, ...] = ()
    """Why connections could not be closed."""


class Broken(Struct, frozen=True, kw_only=True, tag=True):
    """The order could not be carried out."""

    text: str


Order = (
    Setup
    | Verify
    | TapProducer
    | ReadSizes
    | CountInFlight
    | RunSlice
    | LogRequests
    | StopRequests
    | SendRequests
    | Discard
    | Collect
    | Finish
)
Answer = (
    Done
    | Verification
    | ProducerTapped
    | SizesRead
    | InFlightCounted
    | SliceDone
    | RequestsLogged
    | RequestsSent
    | Recorded
    | Broken
)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"a message holds no {type(value).__name__}")


def _rich(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"a message holds no {kind.__name__}")


_orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order, dec_hook=_rich)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def encode(message: Any) -> bytes:
    """One message as a line."""
    return msgspec.json.encode(message, enc_hook=_plain) + b"\n"


def without_values(answer: Answer, headers: Sequence[Header]) -> Answer:
    """The answer with the values of these headers replaced in every text: a producer may have repeated them."""
    if not headers:
        return answer
    plain = msgspec.to_builtins(answer, enc_hook=_plain)
    # Histograms in base64 are no text.
    histograms = (
        {"latency": answer.latency, "service": answer.service} if isinstance(answer, Recorded | SliceDone) else {}
    )
    return msgspec.convert({**_replaced(plain, headers), **histograms}, type(answer), dec_hook=_rich)


def _replaced(value: Any, headers: Sequence[Header]) -> Any:
    match value:
        case str():
            return access.without_values(value, headers)
        case dict():
            return {access.without_values(name, headers): _replaced(inner, headers) for name, inner in value.items()}
        case list() | tuple():
            return [_replaced(inner, headers) for inner in value]
        case _:
            return value


def decode_order(line: bytes) -> Order:
    """An order from its line. Raises msgspec.DecodeError."""
    return _orders.decode(line)


def decode_answer(line: bytes) -> Answer:
    """An answer from its line. Raises msgspec.DecodeError."""
    return _answers.decode(line)
