"""Floods of frames, each valid by itself: resources stay within bounds, and another client is served."""

import asyncio
from collections.abc import Iterator

import pytest
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from producers.settings import CallLimits
from tests.hostile.attack import AMPLE_S, until
from tests.hostile.grpc.conftest import LIMITS, Victim, on_every_port, on_strict_ports
from tests.hostile.grpc.test_calls import DEADLINE_EXCEEDED, GET, ID_42, META, OK
from tests.support.raw_http2 import FRAME_BYTES, RawHttp2, message

ENHANCE_YOUR_CALM = 11
CANCEL = 8
REFUSED_STREAM = 7
LIST = "/recipe.RecipeService/ListRecipes"


async def flood(connection: RawHttp2, frames: Iterator[Frame | bytes]) -> str:
    """Send frames until all are sent or the producer ends the connection; return which."""
    sent: list[Frame | bytes] = []
    try:
        for frame in frames:
            sent.append(frame)
            if len(sent) == 500:
                await connection.send(*sent)
                sent.clear()
                # Lets received frames be read, a GOAWAY in particular.
                await asyncio.sleep(0)
        await connection.send(*sent)
        await connection.ping()
    except ConnectionError:
        await connection.until(connection.closed.is_set)
    if connection.goaway is not None:
        return f"GOAWAY {connection.goaway.error_code} {connection.goaway.additional_data.decode()}".strip()
    return "closed" if connection.closed.is_set() else "survived"


async def status_after(victim: Victim, connection: RawHttp2, frames: Iterator[Frame | bytes]) -> int | None:
    """Send frames, all of which must be accepted. Return the status of the next call that is not refused.

    Until the producer notices that calls were abandoned, they count as open, and the next one may exceed the limit.
    """
    outcome = await flood(connection, frames)
    victim.answers.append(outcome)
    assert outcome == "survived"
    async with asyncio.timeout(AMPLE_S):
        while (answer := await connection.ask(META, message(b""))).reset == REFUSED_STREAM:
            pass
    return answer.status


CUT_OFF = {f"GOAWAY {ENHANCE_YOUR_CALM}", "closed"}
"""The GOAWAY is lost when this process is delayed for longer than the filter waits for a client to end."""


async def assert_survives_or_is_cut_off(victim: Victim, connection: RawHttp2, frames: Iterator[Frame | bytes]) -> None:
    """The core tolerates resets; the filter disconnects clients that abandon far more calls than are answered."""
    if victim.strict:
        outcome = await flood(connection, frames)
        victim.answers.append(outcome)
        assert outcome in CUT_OFF
    else:
        assert await status_after(victim, connection, frames) == OK


async def test_rapid_reset(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()

        def resets() -> Iterator[Frame | bytes]:
            for _ in range(20_000):
                headers = connection.call(GET)
                yield headers
                yield RstStreamFrame(headers.stream_id, error_code=CANCEL)

        await assert_survives_or_is_cut_off(victim, connection, resets())


@on_strict_ports
async def test_flood_of_refused_calls(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        calls = (connection.call(GET, content_type="text/plain") for _ in range(20_000))
        outcome = await flood(connection, calls)
        assert outcome in CUT_OFF
    victim.answers.append(outcome)


async def test_rapid_reset_after_the_message(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()

        def resets() -> Iterator[Frame | bytes]:
            for _ in range(10_000):
                headers = connection.call(GET)
                yield headers
                yield DataFrame(headers.stream_id, message(ID_42), flags=["END_STREAM"])
                yield RstStreamFrame(headers.stream_id, error_code=CANCEL)

        await assert_survives_or_is_cut_off(victim, connection, resets())


async def test_streams_over_the_limit_are_refused_one_by_one(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        calls = [connection.call(GET) for _ in range(2000)]
        outcome = await flood(connection, iter(calls))
        answers = [await connection.answer(call.stream_id) for call in calls]
        refused = [answer for answer in answers if answer.reset == REFUSED_STREAM]
        # Held until the server's own deadline for a message had passed.
        held = [answer for answer in answers if answer.status == DEADLINE_EXCEEDED]
        assert outcome == "survived"
        assert len(refused) + len(held) == len(calls)
        assert len(held) <= CallLimits().streams
        assert (await connection.ask(META, message(b""))).status == OK
    victim.answers.append(f"{len(refused)} refused, {len(held)} × grpc-status 4")


async def test_flood_of_pings(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        outcome = await flood(connection, (PingFrame(0, b"%08d" % number) for number in range(20_000)))
        assert outcome in {f"GOAWAY {ENHANCE_YOUR_CALM} too_many_pings", "closed"}
    victim.answers.append(outcome)


async def test_flood_of_settings(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        frames = (SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: number}) for number in range(20_000))
        assert await status_after(victim, connection, frames) == OK


@on_every_port
async def test_unread_acknowledgements(victim: Victim) -> None:
    """PINGs and SETTINGS are acknowledged, which must not fill memory when the client does not read."""
    async with victim.connect() as connection:
        await connection.greet()
        connection.stop_reading()
        frames: list[Frame] = [SettingsFrame(0, settings={SettingsFrame.HEADER_TABLE_SIZE: 4096})] * 1000
        outcome = "survived"
        sent = 0
        try:
            for _ in range(50):
                await connection.send_within(1.0, *frames)
                sent += len(frames)
        except (ConnectionError, TimeoutError) as error:
            outcome = f"no longer read: {type(error).__name__}"
        assert sent > 0, "the first frames are read"
    async with victim.connect() as another:
        await another.greet()
        assert (await another.ask(META, message(b""))).status == OK
    victim.answers.append(outcome)


async def test_endless_headers(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        block = Encoder().encode([("x", "a" * 10_000)], huffman=False)

        def continuations() -> Iterator[Frame]:
            yield HeadersFrame(1, block)
            for _ in range(5000):
                yield ContinuationFrame(1, block)

        outcome = await flood(connection, continuations())
        assert outcome != "survived"
    victim.answers.append(outcome)


async def test_flood_of_empty_continuations(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()

        def continuations() -> Iterator[Frame]:
            yield HeadersFrame(1, b"")
            for _ in range(100_000):
                yield ContinuationFrame(1, b"")

        outcome = await flood(connection, continuations())
        assert outcome != "survived"
    victim.answers.append(outcome)


async def test_repeated_references_to_a_large_hpack_entry(victim: Victim) -> None:
    """One header of 4,000 bytes in the HPACK table, repeated by references of one byte."""
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        first = connection.call(META, extra=[("x", "a" * 4000)])
        await connection.send(first, DataFrame(first.stream_id, message(b""), flags=["END_STREAM"]))
        assert (await connection.answer(first.stream_id)).status == OK
        again = connection.call(META)
        # 62 is the first index of the dynamic table.
        again.data += b"\xbe" * (FRAME_BYTES - len(again.data))
        await connection.send(again, DataFrame(again.stream_id, message(b""), flags=["END_STREAM"]))
        answer = await connection.answer(again.stream_id)
        assert answer.status == (None if victim.strict else 8)
        assert connection.closed.is_set() == victim.strict
    victim.answers.append("closed" if victim.strict else "grpc-status 8")


async def test_flood_of_empty_data(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        call = connection.call(GET)

        def data() -> Iterator[Frame]:
            yield call
            for _ in range(100_000):
                yield DataFrame(call.stream_id, b"")

        outcome = await flood(connection, data())
        assert outcome != "survived"
    victim.answers.append(outcome)


async def test_flood_of_priorities_and_unknown_frames(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()

        def frames() -> Iterator[Frame | bytes]:
            for number in range(20_000):
                yield PriorityFrame(2 * number + 1, depends_on=0, stream_weight=1)
                yield b"\0\0\x08\xfa\0\0\0\0\0" + b"whatever"

        assert await status_after(victim, connection, frames()) == OK


@pytest.mark.parametrize("increment", [1, 2**31 - 1])
async def test_flood_of_window_updates(victim: Victim, increment: int) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        frames = (WindowUpdateFrame(0, window_increment=increment) for _ in range(50_000))
        assert await status_after(victim, connection, frames) == OK


@on_every_port
async def test_clients_with_a_closed_window(victim: Victim) -> None:
    """Large pages requested with a window of 0: held until the connection ends, for a limited number of streams."""
    async with victim.connect() as connection:
        await connection.greet(INITIAL_WINDOW_SIZE=0)
        await connection.ping()
        for _ in range(20):
            call = connection.call(LIST)
            await connection.send(call, DataFrame(call.stream_id, message(b"\x08\x14"), flags=["END_STREAM"]))
        await connection.ping()
        assert not any(answer.ended.is_set() for answer in connection.answers.values())
    victim.answers.append("answers held, and dropped with the connection")


@on_every_port
async def test_many_idle_connections(victim: Victim) -> None:
    before = victim.process.num_fds()
    sockets = [await victim.socket() for _ in range(200)]
    await until(lambda: victim.process.num_fds() >= before + 200)
    async with victim.connect() as connection:
        await connection.greet()
        assert (await connection.ask(META, message(b""))).status == OK
    for _, writer in sockets:
        writer.transport.abort()
    victim.answers.append("200 accepted")


def test_deadlines_are_far_below_the_timeout_of_the_tests() -> None:
    assert max(LIMITS.body_timeout_s, LIMITS.calls.handshake_timeout_s) < AMPLE_S / 4
