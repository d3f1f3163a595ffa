"""The raw client's HTTP/2 stays within the producer's windows and streams, and opens its own windows in time."""

import asyncio

import pytest
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from bench.clients import http2_connection
from bench.workloads import CreateQuestion
from protos import recipe_pb2
from recipes.errors import InvalidRecipe
from recipes.model import IngredientDraft, RecipeDraft
from tests.support.http2_peer import (
    GRPC_HEAD,
    GRPC_OK,
    Peer,
    prefixed,
    speaking_http2,
)
from tests.support.http2_scripts import whole
from tests.support.single_requests import failure_of, raw_client, request_for

LONG = RecipeDraft("Long", "x" * 100_000, (IngredientDraft("a", "b"),))


@pytest.mark.parametrize(
    ("stream_window", "frame_at_most", "opened"),
    [(65_535, 16_384, 10_000), (1, 16_384, 999), (0, 16_384, 50_000), (200_000, 32_768, 7_777)],
)
async def test_a_long_request_stays_within_the_producers_windows(
    stream_window: int, frame_at_most: int, opened: int
) -> None:
    bodies: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.start(
            {SettingsFrame.INITIAL_WINDOW_SIZE: stream_window, SettingsFrame.MAX_FRAME_SIZE: frame_at_most}
        )
        for_stream, for_all, body = stream_window, 65_535, b""
        while True:
            frame = await peer.frame()
            if not isinstance(frame, DataFrame):
                if isinstance(frame, HeadersFrame):
                    peer.decoder.decode(frame.data)
                    for_stream += 1
                    # Windows may be changed while the request waits for them.
                    peer.send(SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: stream_window + 1}))
                    peer.send(WindowUpdateFrame(frame.stream_id, window_increment=opened))
                    for_stream += opened
                continue
            assert len(frame.data) <= min(for_stream, for_all, frame_at_most)
            body += frame.data
            if "END_STREAM" in frame.flags:
                break
            for_stream += opened - len(frame.data)
            for_all += opened - len(frame.data)
            peer.send(WindowUpdateFrame(0, window_increment=opened))
            peer.send(WindowUpdateFrame(frame.stream_id, window_increment=opened))
        bodies.append(body)
        created = recipe_pb2.Recipe(id=7, name="Long", steps=LONG.steps)
        created.ingredients.add(id=1, name="a", quantity="b")
        peer.send(peer.whole_answer(frame.stream_id, created.SerializeToString()))
        await peer.frame_of(GoAwayFrame)

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        (request,) = client.requests([CreateQuestion(LONG)])
        assert await failure_of(client, request) is None
        sent = recipe_pb2.CreateRecipeRequest.FromString(bodies[0][5:])
        assert sent.recipe.steps == LONG.steps


async def test_a_response_before_the_whole_request_was_sent_ends_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.start({SettingsFrame.INITIAL_WINDOW_SIZE: 10})
        frame = await peer.frame_of(HeadersFrame)
        peer.decoder.decode(frame.data)
        refusal = (("grpc-status", "3"), ("grpc-message", "too long"))
        peer.send(peer.headers(frame.stream_id, (*GRPC_HEAD, *refusal), "END_STREAM"))
        reset = await peer.frame_of(RstStreamFrame)
        assert (reset.stream_id, reset.error_code) == (frame.stream_id, 8)
        asked = await peer.request()
        peer.send(whole(peer, asked.stream_id))
        await peer.frame()

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        (request,) = client.requests([CreateQuestion(LONG)])
        assert isinstance(await failure_of(client, request), InvalidRecipe)
        assert await failure_of(client, request_for(client)) is None


@pytest.mark.parametrize("before_settings", [True, False])
async def test_no_more_streams_are_open_than_the_producer_allows(before_settings: bool) -> None:
    most = 0

    async def script(peer: Peer) -> None:
        nonlocal most
        settings = {SettingsFrame.MAX_CONCURRENT_STREAMS: 3}
        await peer.start(settings if before_settings else {})
        if not before_settings:
            peer.send(SettingsFrame(0, settings=settings))
        waiting: list[int] = []
        answered = 0
        while True:
            asked = await peer.request()
            waiting.append(asked.stream_id)
            most = max(most, len(waiting))
            # Only when three are open, or no more are to come, is one of them answered.
            if len(waiting) == 3 or answered + len(waiting) >= 20:
                peer.send(whole(peer, waiting.pop(0)))
                answered += 1
            while answered + len(waiting) >= 20 and waiting:
                peer.send(whole(peer, waiting.pop(0)))
                answered += 1

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        ends = await asyncio.gather(*(failure_of(client, request) for _ in range(20)))
        assert ends == [None] * 20
        assert most == 3


async def test_a_window_is_opened_again_before_it_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_connection, "WINDOW_STEP_BYTES", 40_000)

    async def script(peer: Peer) -> None:
        await peer.start()
        await peer.frame_of(WindowUpdateFrame)
        large = recipe_pb2.Recipe(id=1, name="Soup", steps="x" * 100_000).SerializeToString()
        body = prefixed(large)
        asked = await peer.request()
        peer.send(peer.headers(asked.stream_id, GRPC_HEAD))
        for start in range(0, len(body), 16_384):
            peer.send(DataFrame(asked.stream_id, body[start : start + 16_384]))
        peer.send(peer.headers(asked.stream_id, GRPC_OK, "END_STREAM"))
        update = await peer.frame_of(WindowUpdateFrame)
        assert update.stream_id == 0
        assert update.window_increment == 3 * 16_384
        asked = await peer.request()
        peer.send(whole(peer, asked.stream_id))
        await peer.frame()

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        assert await failure_of(client, request_for(client)) is None
        assert await failure_of(client, request_for(client)) is None
