"""Measuring the bytes of a connection: a consumer sends requests through the wire tap, and the recording is parsed."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench.wire import tap as wire_tap
from bench.wire.behind_front import bytes_behind
from bench.wire.codec import Codec
from bench.wire.reading import NOTHING_KNOWN, WARM_UP_REQUESTS, Reading, read_decrypted, read_plain, sizes_of
from bench.wire.recording import Recording, Unreadable, only_connection
from bench.wire.results import Bytes
from bench.wire.tls import Undecipherable, decrypt, parse_tls, read_key_log
from bench.wire.tls_twin import read_beside_twin, read_undivided
from consumers.client import RecipeClient
from consumers.errors import ConsumerError, UnexpectedResponse
from consumers.target import Target
from recipes.errors import RecipeError

Ask = Callable[[RecipeClient], Awaitable[object]]
"""Sends one request and waits for its response."""
Connect = Callable[[Target], RecipeClient]
"""Makes a consumer for an address, not opened yet, with connections of its own."""

ATTEMPTS = 3
"""How many connections are tried until no request is refused, and how many TLS connections until one matches its twin:
pings and window updates differ each time."""
CLOSING_S = 1.0
"""How long to wait until a closed connection has ended at the producer, too."""
KEY_LOG_VARIABLE = "SSLKEYLOGFILE"
"""Clients that read it write the secrets of their connections to the file that it names. Python's ssl does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found about one combination."""

    bytes: Bytes = NOTHING_KNOWN
    reading: Reading | None = None
    """None where the connection could not be read."""
    warnings: tuple[str, ...] = ()
    """Why something is not known."""
    behind: Bytes | None = None
    """The bytes between the front and the producer; None without a front."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A tap between a front and a producer."""

    tap: wire_tap.Tap
    tls: bool
    """Whether the front speaks TLS to the producer."""


async def measure(
    *,
    connect: Connect,
    plain: Target | None,
    tls: Target | None,
    codec: Codec,
    asks: Sequence[Ask],
    behind: Behind | None = None,
) -> Measured:
    """Send all `asks` one after the other over one connection, and parse its bytes.

    A plain cell gives `plain` only. A TLS cell gives `tls`, and as `plain` the same producer without TLS, if it has
    such a port. What is inside TLS is decrypted where the client writes a key log. Otherwise the same requests are also
    sent without TLS, and found inside TLS by their lengths. Without either, only the bytes on the wire are known.

    The first WARM_UP_REQUESTS asks are sent twice, so that each of them also counts in steady state. The consumer
    connects to the tap on the loopback address; `connect` has to know what the producer is called.

    `behind`: the tap before the producer of the front at `tls`, or else at `plain`. The bytes there are counted too.

    Where a request is refused, all are sent again, ATTEMPTS times at most. Requests that fail raise nothing: `warnings`
    has the reason. Raises BytesUnaccounted, and ValueError without asks.
    """
    if not asks or (plain is None and tls is None):
        raise ValueError("measuring needs a request to send and a producer")
    sequence = [asks[index % len(asks)] for index in range(WARM_UP_REQUESTS)] + list(asks)
    for attempt in range(ATTEMPTS):
        try:
            if tls is not None:
                found, recorded = await _with_tls(connect, plain, tls, codec, sequence, behind)
            else:
                assert plain is not None
                recorded = await record(connect, plain, sequence, behind)
                found = _measured(read_plain(only_connection(recorded.before), codec, len(sequence)))
            if behind is None:
                return found
            return replace(found, behind=bytes_behind(recorded.behind, codec, len(sequence), tls=behind.tls))
        except (Unreadable, ConsumerError, RecipeError) as error:
            refused = isinstance(error, UnexpectedResponse | RecipeError)
            if not refused or attempt == ATTEMPTS - 1:
                return Measured(warnings=(str(error),))
    raise AssertionError("the last attempt returns")


def _measured(reading: Reading, *reasons: str) -> Measured:
    found, gaps = sizes_of(reading)
    return Measured(bytes=found, reading=reading, warnings=(*reasons, *gaps))


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the taps recorded of the same requests."""

    before: Sequence[Recording]
    """Between the consumer and what it connects to."""
    behind: Sequence[Recording] = ()
    """Between the front and the producer."""


async def _with_tls(
    connect: Connect, plain: Target | None, tls: Target, codec: Codec, sequence: Sequence[Ask], behind: Behind | None
) -> tuple[Measured, Recorded]:
    with key_log() as log:
        recorded = await record(connect, tls, sequence, behind)
        connection = parse_tls(only_connection(recorded.before))
        secrets = read_key_log(log.read_text(encoding="ascii", errors="replace"))
    try:
        return _measured(read_decrypted(connection, decrypt(connection, secrets), codec, len(sequence))), recorded
    except Undecipherable as error:
        reason = str(error)
    if plain is None:
        reason += ", and the producer has no port without TLS to compare with"
        return _measured(read_undivided(connection, len(sequence)), reason), recorded
    try:
        twin = read_plain(only_connection((await record(connect, plain, sequence)).before), codec, len(sequence))
    except (Unreadable, ConsumerError, RecipeError) as error:
        return _measured(read_undivided(connection, len(sequence)), f"{reason}, and without TLS: {error}"), recorded
    measured = _measured(read_beside_twin(connection, twin, codec.floating_frame_bytes))
    for _ in range(ATTEMPTS - 1):
        if not measured.warnings:
            break
        recorded = await record(connect, tls, sequence, behind)
        connection = parse_tls(only_connection(recorded.before))
        measured = _measured(read_beside_twin(connection, twin, codec.floating_frame_bytes))
    return measured, recorded


@contextmanager
def key_log() -> Iterator[Path]:
    """A file for the secrets of the connections that are made in the block, by clients that read the variable."""
    before = os.environ.get(KEY_LOG_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="recipe-lab-keys-") as aside:
        path = Path(aside) / "keys"
        path.touch(mode=0o600)
        os.environ[KEY_LOG_VARIABLE] = str(path)
        try:
            yield path
        finally:
            if before is None:
                del os.environ[KEY_LOG_VARIABLE]
            else:
                os.environ[KEY_LOG_VARIABLE] = before


async def record(connect: Connect, target: Target, sequence: Sequence[Ask], behind: Behind | None = None) -> Recorded:
    """Send everything through a tap, with a mark after each response, close, and return what was recorded.

    Raises what the consumer raises.
    """
    if behind is not None:
        # What the front has open already is closed, so that its connections are recorded from their beginning.
        await behind.tap.drop()
    async with wire_tap.open_tap(target.host, target.port) as tap:
        host = target.host if target.host == "localhost" else wire_tap.HOST
        async with connect(replace(target, host=host, port=tap.port)) as client:
            for ask in sequence:
                await ask(client)
                tap.mark()
                if behind is not None:
                    behind.tap.mark()
        with suppress(TimeoutError):
            await asyncio.wait_for(tap.all_closed(), CLOSING_S)
        return Recorded(tap.take(), () if behind is None else behind.tap.take())
