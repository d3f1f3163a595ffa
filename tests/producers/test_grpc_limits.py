"""Limits of the gRPC producer that only a raw HTTP/2 connection shows."""

from contextlib import AsyncExitStack

import pytest
from hyperframe.frame import DataFrame, PingFrame

from producers.settings import CallLimits, Limits
from tests.support.books import small_book
from tests.support.raw_http2 import message, raw_http2
from tests.support.serving import serving

META = "/recipe.RecipeService/GetMetaData"
OK, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 0, 4, 8, 12


async def test_an_idle_connection_gets_a_goaway() -> None:
    async with (
        serving("grpc", small_book(), limits=Limits(keep_alive_s=0.2)) as served,
        raw_http2(served.address) as connection,
    ):
        await connection.greet()
        assert (await connection.ask(META, message(b""))).status == 0
        await connection.until(lambda: connection.goaway is not None)
        assert connection.goaway is not None
        assert connection.goaway.additional_data == b"connection idle"


async def test_connections_over_the_limit_are_closed_until_one_is_freed() -> None:
    async with AsyncExitStack() as stack:
        limits = Limits(calls=CallLimits(connections=2))
        served = await stack.enter_async_context(serving("grpc", small_book(), limits=limits))
        last = None
        for _ in range(2):
            last = await stack.enter_async_context(raw_http2(served.address))
            await last.greet()
            assert (await last.ask(META, message(b""))).status == 0
        async with raw_http2(served.address) as beyond:
            await beyond.until(beyond.closed.is_set)
        assert last is not None
        await last.end()
        status = None
        while status != 0:
            async with raw_http2(served.address) as another:
                try:
                    await another.greet()
                    status = (await another.ask(META, message(b""))).status
                except ConnectionError:
                    continue


async def test_a_connection_at_its_maximum_age_gets_a_goaway_and_finishes_its_call() -> None:
    limits = Limits(calls=CallLimits(connection_age_s=0.2))
    async with serving("grpc", small_book(), limits=limits) as served, raw_http2(served.address) as connection:
        await connection.greet()
        call = connection.call(META)
        await connection.send(call)
        await connection.until(lambda: connection.goaway is not None)
        await connection.send(PingFrame(0, b"lab ping"))
        await connection.send(b"\0\0\x05\0\x01" + call.stream_id.to_bytes(4, "big") + message(b""))
        assert (await connection.answer(call.stream_id)).status == 0


async def test_calls_without_a_message_free_their_slots() -> None:
    """With a limit of three calls, three that send nothing block others no longer than the server's own deadline."""
    limits = Limits(body_timeout_s=0.2, calls=CallLimits(concurrent=3))
    async with serving("grpc", small_book(), limits=limits) as served, raw_http2(served.address) as connection:
        await connection.greet()
        await connection.ping()
        ended = [connection.call(META, end=True) for _ in range(3)]
        await connection.send(*ended)
        assert {(await connection.answer(call.stream_id)).status for call in ended} == {UNIMPLEMENTED}
        held = [connection.call(META) for _ in range(3)]
        await connection.send(*held)
        assert (await connection.ask(META, message(b""))).status == RESOURCE_EXHAUSTED
        assert {(await connection.answer(call.stream_id)).status for call in held} == {DEADLINE_EXCEEDED}
        assert (await connection.ask(META, message(b""))).status == OK


@pytest.mark.no_cover
async def test_queued_calls_are_not_dropped() -> None:
    """Three times as many as gRPC's core accepts by default, sent while the producer's event loop is busy."""
    limits = Limits(calls=CallLimits(concurrent=None))
    async with serving("grpc", small_book(), limits=limits) as served, AsyncExitStack() as stack:
        connections = []
        for _ in range(35):
            connections.append(await stack.enter_async_context(raw_http2(served.address)))
            await connections[-1].greet()
            await connections[-1].until(lambda: bool(connections[-1].settings))
        calls = []
        for connection in connections:
            for _ in range(95):
                call = connection.call(META)
                calls.append((connection, call.stream_id))
                # Without yielding to the event loop, in which the producer would accept calls.
                connection.write(call, DataFrame(call.stream_id, message(b""), flags=["END_STREAM"]))
        # The core has read them all, in its own threads, when it acknowledges what was sent after them.
        for connection in connections:
            connection.ping_without_yielding()
        answers = [await connection.answer(stream) for connection, stream in calls]
        assert {answer.status for answer in answers} == {OK}
