"""The wire driver's HTTP/2 and gRPC against servers that frame oddly, answer wrongly, go away, or say nothing."""

import asyncio
from collections.abc import Callable
from struct import pack

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from bench.drive import http2_connection
from bench.drive.http2_connections import Http2Connections
from bench.load.closed_loop import run_closed
from bench.load.outcomes import kind_of
from bench.load.record import SliceRecord
from bench.workloads import CreateQuestion
from consumers.errors import ProducerTimeout, ProducerUnreachable, UnexpectedAnswer
from protos import recipe_pb2
from recipes.errors import InvalidRecipe, RecipeNotFound
from recipes.model import IngredientDraft, RecipeDraft
from tests.support.driving import asking, end_of, until, wire_driver
from tests.support.http2_peer import (
    GRPC_HEAD,
    GRPC_OK,
    Asked,
    Fields,
    Peer,
    Script,
    prefixed,
    speaking_http2,
)

MESSAGE = recipe_pb2.Recipe(id=1, name="Soup").SerializeToString()
TRAILERS = (("grpc-status", "0"), ("grpc-message", ""))


async def right(peer: Peer) -> None:
    """Answers every request with the right recipe."""
    await peer.start()
    while True:
        asked = await peer.request()
        peer.send(peer.whole_answer(asked.stream_id, MESSAGE))


def answering_first(*answers: Callable[[Peer, int], bytes]) -> Script:
    """The first requests are answered so, and those after them rightly."""

    async def script(peer: Peer) -> None:
        await peer.start()
        for answer in answers:
            asked = await peer.request()
            peer.send(answer(peer, asked.stream_id))
        while True:
            asked = await peer.request()
            peer.send(peer.whole_answer(asked.stream_id, MESSAGE))

    return script


def serialized(*frames: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in frames)


def raw(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """A frame that no library would make."""
    return pack(">BHBBL", len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream_id) + payload


def whole(peer: Peer, stream_id: int) -> bytes:
    return peer.whole_answer(stream_id, MESSAGE)


def in_tiny_frames(peer: Peer, stream_id: int) -> bytes:
    body = prefixed(MESSAGE)
    data = [DataFrame(stream_id, body[i : i + 1]) for i in range(len(body))]
    return serialized(
        peer.headers(stream_id, GRPC_HEAD), *data, DataFrame(stream_id), peer.headers(stream_id, GRPC_OK, "END_STREAM")
    )


def continued(peer: Peer, stream_id: int) -> bytes:
    block = peer.encoder.encode(list(GRPC_HEAD))
    pieces = [block[i : i + 1] for i in range(1, len(block))]
    frames: list[Frame] = [HeadersFrame(stream_id, block[:1]), *(ContinuationFrame(stream_id, p) for p in pieces)]
    frames.append(ContinuationFrame(stream_id, b"", flags=["END_HEADERS"]))
    end = peer.encoder.encode(list(GRPC_OK))
    frames += [
        DataFrame(stream_id, prefixed(MESSAGE)),
        HeadersFrame(stream_id, end[:1], flags=["END_STREAM"]),
        ContinuationFrame(stream_id, end[1:], flags=["END_HEADERS"]),
    ]
    return serialized(*frames)


def padded(peer: Peer, stream_id: int) -> bytes:
    head = peer.headers(stream_id, GRPC_HEAD, "PADDED", "PRIORITY")
    head.pad_length, head.depends_on, head.stream_weight = 9, 0, 7
    data = DataFrame(stream_id, prefixed(MESSAGE), flags=["PADDED"], pad_length=200)
    end = peer.headers(stream_id, GRPC_OK, "END_STREAM", "PADDED")
    end.pad_length = 1
    return serialized(head, data, end)


def interim(peer: Peer, stream_id: int) -> bytes:
    early = peer.headers(stream_id, ((":status", "103"), ("link", "</a>")))
    return serialized(early) + whole(peer, stream_id)


def beside_others(peer: Peer, stream_id: int) -> bytes:
    return (
        raw(0xAA, 0xFF, 0, b"grease")
        + serialized(
            PriorityFrame(stream_id, depends_on=0, stream_weight=1),
            SettingsFrame(0, settings={0x0A0A: 1, SettingsFrame.MAX_CONCURRENT_STREAMS: 5}),
            WindowUpdateFrame(0, window_increment=5),
            WindowUpdateFrame(stream_id, window_increment=5),
            PingFrame(0, b"12345678"),
        )
        + whole(peer, stream_id)
    )


def table_changed(peer: Peer, stream_id: int) -> bytes:
    """The producer forgets all that both ends had remembered."""
    peer.encoder.header_table_size = 0
    peer.encoder.header_table_size = 4096
    return whole(peer, stream_id)


ODD = (whole, in_tiny_frames, continued, padded, interim, beside_others, table_changed)


@pytest.mark.parametrize("answer", ODD)
async def test_an_answer_is_taken_however_it_is_framed(answer: Callable[[Peer, int], bytes]) -> None:
    """Twice each, so that blocks that change the table of headers are followed by ones that rely on it."""
    script = answering_first(whole, answer, answer, whole)
    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        for _ in range(6):
            assert await end_of(driver, request) is None
            driver.recheck()
        assert len(request.proved) == 1
        assert (len(server.peers), driver.connections_opened) == (1, 1)


@pytest.mark.parametrize("piece", [1, 5, 11])
async def test_an_answer_is_taken_however_it_is_cut(piece: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.start()
        while True:
            asked = await peer.request()
            content = peer.whole_answer(asked.stream_id, MESSAGE)
            for start in range(0, len(content), piece):
                peer.send(content[start : start + piece])
                await peer.writer.drain()
                await asyncio.sleep(0)

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        for _ in range(3):
            assert await end_of(driver, request) is None


async def test_what_is_sent_is_what_a_grpc_client_sends() -> None:
    asked: list[Asked] = []

    async def script(peer: Peer) -> None:
        await peer.start()
        while True:
            asked.append(await peer.request())
            peer.send(whole(peer, asked[-1].stream_id))

    async with speaking_http2(script) as server, wire_driver("grpc", server.port, gzip=True) as driver:
        request = asking(driver)
        for _ in range(4):
            assert await end_of(driver, request) is None
        port = server.port
        announced = next(f for f in server.peers[0].seen if isinstance(f, SettingsFrame))
        opened = next(f for f in server.peers[0].seen if isinstance(f, WindowUpdateFrame))
    assert [each.stream_id for each in asked] == [1, 3, 5, 7]
    for each in asked:
        assert each.headers == {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/recipe.RecipeService/GetRecipe",
            ":authority": f"127.0.0.1:{port}",
            "te": "trailers",
            "content-type": "application/grpc",
            "user-agent": "recipe-lab",
            "grpc-accept-encoding": "identity, gzip",
            "grpc-timeout": "5000m",
        }
        assert each.body == prefixed(recipe_pb2.RecipeRequest(id=1).SerializeToString())
    # The client's windows are as large as they can be, so that no producer waits for them.
    assert announced.settings[SettingsFrame.INITIAL_WINDOW_SIZE] == 2**31 - 1
    assert announced.settings[SettingsFrame.ENABLE_PUSH] == 0
    assert 65_535 + opened.window_increment == 2**31 - 1


@pytest.mark.parametrize("table_bytes", [0, 60, 200, 4096, 65_536])
async def test_headers_are_readable_whatever_table_the_producer_keeps(table_bytes: int) -> None:
    async def script(peer: Peer) -> None:
        peer.decoder.max_allowed_table_size = table_bytes
        peer.decoder.header_table_size = min(table_bytes, 4096)
        await peer.start({SettingsFrame.HEADER_TABLE_SIZE: table_bytes})
        while True:
            asked = await peer.request()
            assert asked.headers["grpc-accept-encoding"] == "identity"
            peer.send(whole(peer, asked.stream_id))

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        for _ in range(5):
            assert await end_of(driver, request) is None


async def test_pings_and_settings_are_acknowledged() -> None:
    async def script(peer: Peer) -> None:
        await peer.start()
        peer.send(
            PingFrame(0, b"\x00bcdefg\xff"),
            PingFrame(0, b"11111111", flags=["ACK"]),
            SettingsFrame(0, settings={SettingsFrame.MAX_FRAME_SIZE: 20_000}),
        )
        asked = await peer.request()
        while sum(isinstance(frame, SettingsFrame) and "ACK" in frame.flags for frame in peer.seen) < 2:
            await peer.frame()
        pongs = [frame for frame in peer.seen if isinstance(frame, PingFrame)]
        assert [(pong.opaque_data, "ACK" in pong.flags) for pong in pongs] == [(b"\x00bcdefg\xff", True)]
        peer.send(whole(peer, asked.stream_id))
        await peer.reader.read()

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        assert await end_of(driver, asking(driver)) is None


LONG = RecipeDraft("Long", "x" * 100_000, (IngredientDraft("a", "b"),))


@pytest.mark.parametrize(
    ("stream_window", "frame_at_most", "opened"),
    [(65_535, 16_384, 10_000), (1, 16_384, 999), (0, 16_384, 50_000), (200_000, 32_768, 7_777)],
)
async def test_a_long_request_keeps_within_the_producers_windows(
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

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        (request,) = driver.requests([CreateQuestion(LONG)])
        assert await end_of(driver, request) is None
        sent = recipe_pb2.CreateRecipeRequest.FromString(bodies[0][5:])
        assert sent.recipe.steps == LONG.steps


async def test_an_answer_before_the_request_is_out_ends_it() -> None:
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

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        (request,) = driver.requests([CreateQuestion(LONG)])
        assert isinstance(await end_of(driver, request), InvalidRecipe)
        assert await end_of(driver, asking(driver)) is None


@pytest.mark.parametrize("before_settings", [True, False])
async def test_no_more_streams_are_open_than_the_producer_takes(before_settings: bool) -> None:
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

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        ends = await asyncio.gather(*(end_of(driver, request) for _ in range(20)))
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

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        assert await end_of(driver, asking(driver)) is None
        assert await end_of(driver, asking(driver)) is None


def ended_with(*fields: tuple[str, str], head: Fields = GRPC_HEAD) -> Callable[[Peer, int], bytes]:
    """Trailers only."""
    return lambda peer, stream_id: serialized(peer.headers(stream_id, (*head, *fields), "END_STREAM"))


def with_body(body: bytes, end: Fields = GRPC_OK) -> Callable[[Peer, int], bytes]:
    return lambda peer, stream_id: serialized(
        peer.headers(stream_id, GRPC_HEAD), DataFrame(stream_id, body), peer.headers(stream_id, end, "END_STREAM")
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ended_with(("grpc-status", "5")), RecipeNotFound),
        (ended_with(("grpc-status", "3"), ("grpc-message", "not%20so")), InvalidRecipe),
        (ended_with(("grpc-status", "4")), ProducerTimeout),
        (ended_with(("grpc-status", "14")), ProducerUnreachable),
        (ended_with(("grpc-status", "13"), ("grpc-status-details-bin", "!!")), UnexpectedAnswer),
        (ended_with(("grpc-status", "x")), UnexpectedAnswer),
        (ended_with(("grpc-status", "99")), UnexpectedAnswer),
        (ended_with(), UnexpectedAnswer),
        (ended_with(("grpc-status", "0")), UnexpectedAnswer),
        (ended_with(head=((":status", "503"),)), ProducerUnreachable),
        (ended_with(head=((":status", "404"),)), UnexpectedAnswer),
        (with_body(prefixed(MESSAGE), (("grpc-status", "13"),)), UnexpectedAnswer),
        (with_body(prefixed(MESSAGE)[:-1]), UnexpectedAnswer),
        (with_body(prefixed(MESSAGE) + b"x"), UnexpectedAnswer),
        (with_body(prefixed(MESSAGE) * 2), UnexpectedAnswer),
        (with_body(b""), UnexpectedAnswer),
        (with_body(prefixed(b"\xff\xff\xff")), UnexpectedAnswer),
        (with_body(prefixed(MESSAGE, compressed=True)), UnexpectedAnswer),
    ],
)
async def test_what_is_not_the_answer_is_not_taken_for_it(
    answer: Callable[[Peer, int], bytes], kind: type[Exception]
) -> None:
    script = answering_first(whole, answer)
    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        assert await end_of(driver, asking(driver)) is None
        assert isinstance(await end_of(driver, asking(driver)), kind)
        assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 1


@pytest.mark.parametrize("body", [prefixed(MESSAGE, compressed=True), prefixed(b"\x1f\x8b\x08", compressed=True)])
async def test_a_message_that_claims_to_be_compressed(body: bytes) -> None:
    head = (*GRPC_HEAD, ("grpc-encoding", "gzip"))

    def answer(peer: Peer, stream_id: int) -> bytes:
        return serialized(
            peer.headers(stream_id, head), DataFrame(stream_id, body), peer.headers(stream_id, GRPC_OK, "END_STREAM")
        )

    script = answering_first(answer)
    async with speaking_http2(script) as server, wire_driver("grpc", server.port, gzip=True) as driver:
        assert isinstance(await end_of(driver, asking(driver)), UnexpectedAnswer)


async def test_another_recipe_is_a_wrong_answer_although_it_looks_alike() -> None:
    other = recipe_pb2.Recipe(id=2, name="Soup").SerializeToString()
    longer = recipe_pb2.Recipe(id=3, name="Stew with dumplings").SerializeToString()

    async def script(peer: Peer) -> None:
        await peer.start()
        for message in (longer, MESSAGE, other):
            asked = await peer.request()
            peer.send(peer.whole_answer(asked.stream_id, message))
        await peer.frame()

    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        failure = await end_of(driver, request)
        assert failure is not None
        assert kind_of(failure) == "wrong_answer"
        assert await end_of(driver, request) is None
        driver.recheck()
        assert await end_of(driver, request) is None
        with pytest.raises(Exception, match="the answer has the id 2"):
            driver.recheck()
        driver.recheck()


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (7, ProducerUnreachable, "REFUSED_STREAM"),
        (2, UnexpectedAnswer, "INTERNAL_ERROR"),
        (8, UnexpectedAnswer, "CANCEL"),
        (0x77, UnexpectedAnswer, "error 0x77"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
async def test_a_reset_ends_one_request_and_not_the_connection(
    code: int, kind: type[Exception], text: str, begun: bool
) -> None:
    def reset(peer: Peer, stream_id: int) -> bytes:
        head = serialized(peer.headers(stream_id, GRPC_HEAD)) if begun else b""
        return head + serialized(RstStreamFrame(stream_id, error_code=code))

    def answered_then_reset(peer: Peer, stream_id: int) -> bytes:
        return whole(peer, stream_id) + serialized(RstStreamFrame(stream_id, error_code=0))

    script = answering_first(reset, answered_then_reset)
    async with speaking_http2(script) as server, wire_driver("grpc", server.port) as driver:
        failure = await end_of(driver, asking(driver))
        assert isinstance(failure, kind)
        assert str(failure).endswith(f"the stream was reset: {text}")
        for _ in range(2):
            assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 1


async def test_going_away_refuses_some_streams_answers_others_and_ends() -> None:
    async def goes_away(peer: Peer) -> None:
        await peer.start()
        first, second = await peer.request(), await peer.request()
        peer.send(GoAwayFrame(0, last_stream_id=first.stream_id, error_code=0))
        peer.send(whole(peer, first.stream_id))
        assert second.stream_id == 3
        # The client hangs up.
        await peer.reader.read()

    async with speaking_http2(goes_away, right) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        first, second = await asyncio.gather(end_of(driver, request), end_of(driver, request))
        assert first is None
        assert isinstance(second, ProducerUnreachable)
        assert "went away: NO_ERROR" in str(second)
        assert await end_of(driver, request) is None
        assert len(server.peers) == 2


async def test_going_away_at_leisure_loses_nothing() -> None:
    """A first GOAWAY with the highest id, a last one later: the way of producers that limit a connection's age."""

    async def goes_away(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(GoAwayFrame(0, last_stream_id=2**31 - 1), PingFrame(0, b"goodbye!"))
        await peer.frame_of(PingFrame, "ACK")
        peer.send(GoAwayFrame(0, last_stream_id=asked.stream_id), whole(peer, asked.stream_id))
        await peer.frame()

    async with speaking_http2(goes_away, right) as server, wire_driver("grpc", server.port) as driver:
        for _ in range(3):
            assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 2


async def test_an_idle_connection_that_ends_is_opened_again() -> None:
    ended = asyncio.Event()

    async def once(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(whole(peer, asked.stream_id))
        ended.set()

    async with speaking_http2(once, right) as server, wire_driver("grpc", server.port) as driver:
        assert await end_of(driver, asking(driver)) is None
        await ended.wait()
        connections = driver._connections
        assert isinstance(connections, Http2Connections)
        await until(lambda: connections._current is None)
        assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 2


async def closes(peer: Peer) -> None:
    """Closes before it has said anything."""


async def closes_after_settings(peer: Peer) -> None:
    await peer.start()
    await peer.request()


async def closes_within_the_answer(peer: Peer) -> None:
    await peer.start()
    asked = await peer.request()
    peer.send(whole(peer, asked.stream_id)[:-3])


@pytest.mark.parametrize("script", [closes, closes_after_settings, closes_within_the_answer])
async def test_a_connection_that_ends_early_is_counted_and_opened_again(script: Script) -> None:
    async with speaking_http2(script, right) as server, wire_driver("grpc", server.port) as driver:
        failure = await end_of(driver, asking(driver))
        assert isinstance(failure, ProducerUnreachable)
        assert f"127.0.0.1:{server.port}: the connection was " in str(failure)
        assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 2


def instead(content: bytes) -> Script:
    """Says this instead of settings."""

    async def script(peer: Peer) -> None:
        peer.send(content)
        await peer.reader.read()

    return script


def after_settings(frames: Callable[[Peer, int], bytes]) -> Script:
    async def script(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(frames(peer, asked.stream_id))
        goaway = await peer.frame_of(GoAwayFrame)
        assert goaway.error_code != 0
        await peer.reader.read()

    return script


BROKEN = [
    instead(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    instead(b"\x00" * 100),
    instead(serialized(PingFrame(0, b"12345678"))),
    instead(raw(4, 0, 0, b"\x00" * 5)),
    instead(raw(4, 0, 0, pack(">HL", 4, 1 << 31))),
    instead(raw(4, 0, 0, pack(">HL", 5, 100))),
    after_settings(lambda peer, i: serialized(DataFrame(i, b"x"), DataFrame(i, b"x", flags=["END_STREAM"]))),
    after_settings(lambda peer, i: serialized(DataFrame(i + 2, b"x"))),
    after_settings(lambda peer, i: serialized(peer.headers(i + 1, GRPC_HEAD))),
    after_settings(lambda peer, i: serialized(RstStreamFrame(i + 2))),
    after_settings(lambda peer, i: serialized(peer.headers(i, (("a", "b"),)))),
    after_settings(lambda peer, i: serialized(peer.headers(i, GRPC_HEAD), peer.headers(i, (("a", "b"),)))),
    after_settings(lambda peer, i: serialized(PushPromiseFrame(i, promised_stream_id=2, flags=["END_HEADERS"]))),
    after_settings(lambda peer, i: raw(0, 0, i, b"\x00" * 16_385)),
    after_settings(lambda peer, i: raw(0, 8, i, b"\x05abc")),
    after_settings(lambda peer, i: raw(1, 0x24, i, b"abc")),
    after_settings(lambda peer, i: raw(1, 4, i, b"\xff\xff\xff\xff\xff")),
    after_settings(lambda peer, i: raw(1, 4, i, b"\xfe")),
    after_settings(lambda peer, i: raw(3, 0, i, b"\x00")),
    after_settings(lambda peer, i: raw(6, 0, 0, b"1234567")),
    after_settings(lambda peer, i: raw(7, 0, 0, b"\x00" * 7)),
    after_settings(lambda peer, i: raw(9, 4, i, b"")),
    after_settings(lambda peer, i: raw(1, 0, i, b"\x88") + raw(0, 0, i, b"x")),
    after_settings(lambda peer, i: raw(1, 0, i, b"\x88") + raw(9, 0, i, b"\x00" * 16_384) * 65),
    after_settings(lambda peer, i: serialized(*[WindowUpdateFrame(0, window_increment=2**31 - 1)] * 2)),
]


@pytest.mark.parametrize("script", BROKEN)
async def test_whoever_breaks_the_rules_loses_the_connection_and_the_request(script: Script) -> None:
    async with speaking_http2(script, right) as server, wire_driver("grpc", server.port) as driver:
        failure = await end_of(driver, asking(driver))
        assert isinstance(failure, UnexpectedAnswer), failure
        assert str(failure).startswith(f"127.0.0.1:{server.port}: ")
        assert await end_of(driver, asking(driver)) is None


async def silent(peer: Peer) -> None:
    await peer.reader.read()


async def silent_after_settings(peer: Peer) -> None:
    await peer.start()
    await peer.reader.read()


async def no_streams(peer: Peer) -> None:
    await peer.start({SettingsFrame.MAX_CONCURRENT_STREAMS: 0})
    await peer.reader.read()


@pytest.mark.parametrize("script", [silent, silent_after_settings])
async def test_silence_is_a_timeout_and_the_next_request_has_another_connection(script: Script) -> None:
    async with speaking_http2(script, right) as server, wire_driver("grpc", server.port, timeout_s=1.0) as driver:
        failure = await end_of(driver, asking(driver))
        assert isinstance(failure, ProducerTimeout)
        assert str(failure) == f"127.0.0.1:{server.port}: no answer within 1 s"
        assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 2


async def test_a_producer_that_takes_no_streams_is_a_timeout() -> None:
    async with speaking_http2(no_streams) as server, wire_driver("grpc", server.port, timeout_s=0.1) as driver:
        for _ in range(2):
            assert isinstance(await end_of(driver, asking(driver)), ProducerTimeout)


async def test_one_request_without_an_answer_is_cancelled_and_the_others_go_on() -> None:
    reset = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.start()
        unanswered = await peer.request()
        while True:
            frame = await peer.frame()
            if isinstance(frame, HeadersFrame):
                peer.decoder.decode(frame.data)
            if isinstance(frame, DataFrame):
                peer.send(whole(peer, frame.stream_id))
            if isinstance(frame, RstStreamFrame):
                assert (frame.stream_id, frame.error_code) == (unanswered.stream_id, 8)
                reset.set()
                # It comes all the same, too late; its headers count for what both ends remember.
                late = peer.whole_answer(frame.stream_id, MESSAGE, end=(*GRPC_OK, ("late", "yes")))
                peer.send(late)

    async with speaking_http2(script) as server, wire_driver("grpc", server.port, timeout_s=1.0) as driver:
        ends: list[Exception | None] = []
        driver.begin(asking(driver), lambda _sent, _done, failure: ends.append(failure))
        while not reset.is_set():
            assert await end_of(driver, asking(driver)) is None
        for _ in range(3):
            assert await end_of(driver, asking(driver)) is None
        assert [type(end) for end in ends] == [ProducerTimeout]
        assert len(server.peers) == 1


async def test_when_stream_ids_run_out_there_is_another_connection() -> None:
    async with speaking_http2(right) as server, wire_driver("grpc", server.port) as driver:
        assert await end_of(driver, asking(driver)) is None
        connections = driver._connections
        assert isinstance(connections, Http2Connections)
        assert connections._current is not None
        connections._current._next_id = 2**31 - 1
        for _ in range(2):
            assert await end_of(driver, asking(driver)) is None
        assert len(server.peers) == 2


async def test_a_closed_loop_counts_what_a_dying_producer_does_to_it() -> None:
    async def dies(peer: Peer) -> None:
        await peer.start()
        for _ in range(5):
            asked = await peer.request()
            peer.send(whole(peer, asked.stream_id))
        await peer.request()

    async with speaking_http2(dies) as server, wire_driver("grpc", server.port) as driver:
        request = asking(driver)
        record = SliceRecord()
        async with asyncio.timeout(10):
            await run_closed(
                driver, iter(lambda: request, None), concurrency=3, duration_ns=1, requests_at_least=50, record=record
            )
        assert set(record.outcomes) == {"ok", "unreachable"}
        assert record.outcomes["ok"] + record.outcomes["unreachable"] >= 50
        assert record.outcomes["ok"] >= 20
        assert "the connection was" in record.first_failure
