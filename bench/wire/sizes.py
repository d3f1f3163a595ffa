"""Measuring the sizes of a cell: a consumer asks through the wire tap, and what went over the wire is taken apart."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bench.results import Bytes, SetupSizes, Sizes, TlsSession
from bench.wire import tap as wire_tap
from bench.wire.codec import Codec
from bench.wire.reading import WARM_UP_REQUESTS, PlainReading, Unreadable, plain_bytes, read_plain
from bench.wire.recording import Recording
from bench.wire.tls_twin import TlsReading, read_tls, tls_bytes, tls_bytes_alone
from consumers.client import RecipeClient
from consumers.errors import ConsumerError
from consumers.target import Target
from recipes.errors import RecipeError

Ask = Callable[[RecipeClient], Awaitable[object]]
"""Sends one request and waits for its answer."""
Connect = Callable[[Target], RecipeClient]
"""A consumer for an address, set as in the cell, with connections of its own, not opened yet."""

ATTEMPTS = 3
"""Connections tried until the sizes inside TLS are proved: pings and window updates may fall otherwise each time."""
CLOSING_S = 1.0
"""How long to wait for a closed connection to end at the producer, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSizes:
    """What was found about one cell."""

    bytes: Bytes
    tls_session: TlsSession | None = None
    warnings: tuple[str, ...] = ()
    """Why a size is null, in words for a report."""
    plain: PlainReading | None = None
    """The connection without TLS, of a TLS cell its twin: every byte by name and request."""
    encrypted: TlsReading | None = None


async def measure_sizes(
    *, connect: Connect, plain: Target | None, tls: Target | None, codec: Codec, asks: Sequence[Ask]
) -> MeasuredSizes:
    """The sizes of a cell, medians over `asks`, which are asked one after the other over one connection.

    A plain cell gives `plain` only. A TLS cell gives `tls`, and as `plain` where the same producer answers without TLS:
    without it nothing but wire bytes can be known. The first WARM_UP_REQUESTS asks are asked twice, so that every one
    counts in steady state. The consumer is pointed at the tap on the loopback address: the name of a producer elsewhere
    is not sent, and its TLS certificate will not do, unless it is for this machine.

    What cannot be measured is null, and `warnings` says why. Raises BytesUnaccounted, and ValueError without asks.
    """
    if not asks or (plain is None and tls is None):
        raise ValueError("sizes need a question to ask and a producer to ask")
    sequence = [asks[index % len(asks)] for index in range(WARM_UP_REQUESTS)] + list(asks)
    warnings: list[str] = []
    twin: PlainReading | None = None
    if plain is not None:
        try:
            twin = read_plain(await record(connect, plain, sequence), codec, len(sequence))
        except (Unreadable, ConsumerError, RecipeError) as error:
            warnings.append(f"without TLS: {error}" if tls is not None else str(error))
    if tls is None:
        found = plain_bytes(twin) if twin is not None else NOTHING_KNOWN
        return MeasuredSizes(bytes=found, plain=twin, warnings=tuple(warnings))
    measured = await _inside_tls(connect, tls, codec, sequence, twin)
    return replace(measured, warnings=(*warnings, *measured.warnings))


NOTHING_KNOWN = Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes())
"""The sizes of a cell about which nothing could be found out."""


async def _inside_tls(
    connect: Connect, target: Target, codec: Codec, sequence: Sequence[Ask], twin: PlainReading | None
) -> MeasuredSizes:
    measured = MeasuredSizes(bytes=NOTHING_KNOWN, plain=twin)
    for _ in range(ATTEMPTS):
        try:
            reading = read_tls(await record(connect, target, sequence), len(sequence))
        except (Unreadable, ConsumerError, RecipeError) as error:
            return replace(measured, warnings=(f"with TLS: {error}",))
        if twin is None:
            found, warnings = tls_bytes_alone(reading), ["there is no answer without TLS to compare with"]
        else:
            found, warnings = tls_bytes(reading, twin, codec.floating_frame_bytes)
        measured = MeasuredSizes(
            bytes=found, tls_session=reading.session, warnings=tuple(warnings), plain=twin, encrypted=reading
        )
        if twin is None or not warnings:
            break
    return measured


async def record(connect: Connect, target: Target, sequence: Sequence[Ask]) -> list[Recording]:
    """Ask everything through a tap, with a mark after each answer, close, and return what was recorded.

    Raises what the consumer raises.
    """
    async with wire_tap.open_tap(target.host, target.port) as tap:
        host = target.host if target.host == "localhost" else wire_tap.HOST
        async with connect(Target(host, tap.port, target.tls)) as client:
            for ask in sequence:
                await ask(client)
                tap.mark()
        with suppress(TimeoutError):
            await asyncio.wait_for(tap.all_closed(), CLOSING_S)
        return tap.take()
