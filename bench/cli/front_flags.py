"""The flags of a proxy's configuration, and the plan that they make."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bench.fronts.plan import BALANCES, TLS_PLACES
from bench.fronts.registry import FRONTS
from bench.protocols import PROTOCOLS
from commands import values
from commands.errors import UsageError
from consumers.target import BadTarget, parse_target

REPLICAS, TIMES, LIMITS = "Replicas", "Times and retries", "Limits"
FIRST_PORT = 4001
REPLICAS_AT_MOST = 100
LONGEST_S = 86_400.0
LARGEST = 1_000_000
GZIP_PLACES = ("producer", "front")


def _number(panel: str, text: str, low: int, high: int, *, none: str = "") -> Any:
    shown = {"help": f"{text} [default: {none}]", "show_default": False} if none else {"help": text}
    return typer.Option(parser=values.whole_number(low, high), metavar="N", rich_help_panel=panel, **shown)


def _time(panel: str, text: str, low_s: float = 0.001, *, none: str = "") -> Any:
    shown = {"help": f"{text} [default: {none}]", "show_default": False} if none else {"help": text}
    return typer.Option(parser=values.number(low_s, LONGEST_S), metavar="SECONDS", rich_help_panel=panel, **shown)


def _choice(choices: Sequence[str], text: str, panel: str | None = None) -> Any:
    return typer.Option(parser=values.one_of(choices), metavar="|".join(choices), rich_help_panel=panel, help=text)


FrontArgument = Annotated[
    str, typer.Argument(parser=values.one_of(FRONTS), metavar="|".join(FRONTS), help="Which proxy.")
]
ProtocolFlag = Annotated[str, _choice(tuple(PROTOCOLS), "What passes through it.")]
ListenFlag = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where it listens.")]
TlsAtFlag = Annotated[
    str,
    _choice(
        TLS_PLACES,
        "Who serves TLS: nobody; the proxy, which decrypts; the producers, to the proxy alone; proxy and producers; or "
        "the producers, through a proxy that passes it on.",
    ),
]
GzipAtFlag = Annotated[str, _choice(GZIP_PLACES, "Who compresses for clients that accept gzip.")]
GzipLevelFlag = Annotated[
    int, typer.Option(parser=values.whole_number(1, 9), metavar="1..9", help="zlib's level, with --gzip-at front.")
]
DirectoryFlag = Annotated[
    str, typer.Option(metavar="DIRECTORY", help="Where its configuration, certificates, sockets and logs are to be.")
]
AccessLogFlag = Annotated[bool, typer.Option("--access-log", help="Log each request. [default: off]")]
CountCallsFlag = Annotated[
    bool,
    typer.Option("--count-calls", help="Count calls of each replica even where it takes a log. [default: off]"),
]
ReplicasFlag = Annotated[
    int,
    _number(REPLICAS, f"How many there are, on 127.0.0.1:{FIRST_PORT} and up.", 1, REPLICAS_AT_MOST),
]
UpstreamFlag = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST:PORT", rich_help_panel=REPLICAS, help="A replica, instead. Can be repeated."),
]
BalanceFlag = Annotated[
    str,
    _choice(
        BALANCES, "As the proxy does by itself; request by request, in turn; or the one with the fewest.", REPLICAS
    ),
]
CheckIntervalFlag = Annotated[float, _time(REPLICAS, "Between two health checks; 0: none.", 0)]
RiseFlag = Annotated[int, _number(REPLICAS, "So many good checks take a replica in.", 1, 100)]
FallFlag = Annotated[int, _number(REPLICAS, "So many bad checks take a replica out.", 1, 100)]
KeepAliveFlag = Annotated[float, _time(TIMES, "How long an idle connection of a client stays open.")]
UpstreamKeepAliveFlag = Annotated[
    float, _time(TIMES, "How long an idle connection to a replica stays open; 0: a new one for each request.", 0)
]
TimeoutFlag = Annotated[float, _time(TIMES, "How long a replica may take to respond.")]
RetriesFlag = Annotated[int, _number(TIMES, "How often a request is sent again when a replica failed.", 0, 10)]
MaxConnectionsFlag = Annotated[int | None, _number(LIMITS, "Open connections of clients.", 1, LARGEST, none="none")]
MaxInFlightFlag = Annotated[int | None, _number(LIMITS, "Requests in flight at each replica.", 1, LARGEST, none="none")]
QueueFlag = Annotated[
    int | None,
    _number(LIMITS, "Requests that wait for each replica, with --max-in-flight.", 1, LARGEST, none="as the proxy"),
]
QueueTimeFlag = Annotated[
    float | None, _time(LIMITS, "How long a request waits for a replica, with --max-in-flight.", none="as the proxy")
]
RateFlag = Annotated[int | None, _number(LIMITS, "Requests per second. More are refused.", 1, LARGEST, none="none")]
StreamsFlag = Annotated[
    int | None,
    _number(LIMITS, "MAX_CONCURRENT_STREAMS of clients' HTTP/2 connections.", 1, LARGEST, none="as the proxy"),
]
CallStatusFlag = Annotated[
    bool,
    typer.Option(
        "--call-status",
        rich_help_panel=LIMITS,
        help="Refuse gRPC calls with RESOURCE_EXHAUSTED, where the proxy can. [default: off]",
    ),
]


def address(flag: str, text: str) -> str:
    """A host and a port, as proxies write them. Raises UsageError."""
    try:
        target = parse_target(text)
    except BadTarget as error:
        raise UsageError(f"{flag}: {error}") from None
    if "://" in text or target.path:
        raise UsageError(f"{flag}: {text!r} is not HOST:PORT")
    return target.authority
