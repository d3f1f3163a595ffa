"""The raw client's gRPC against servers that send wrong responses."""

from collections.abc import Callable

import pytest
from hyperframe.frame import (
    DataFrame,
    RstStreamFrame,
)

from bench.load.recorder import kind_of
from consumers.errors import OperationUnsupported, ProducerTimeout, ProducerUnreachable, UnexpectedResponse
from protos import recipe_pb2
from recipes.errors import InvalidRecipe, RecipeNotFound
from tests.support.http2_peer import (
    GRPC_HEAD,
    GRPC_OK,
    Fields,
    Peer,
    prefixed,
    speaking_http2,
)
from tests.support.http2_scripts import MESSAGE, answering_first, serialized, whole
from tests.support.single_requests import failure_of, raw_client, request_for

TRAILERS = (("grpc-status", "0"), ("grpc-message", ""))


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
        (ended_with(("grpc-status", "13"), ("grpc-status-details-bin", "!!")), UnexpectedResponse),
        (ended_with(("grpc-status", "x")), UnexpectedResponse),
        (ended_with(("grpc-status", "99")), UnexpectedResponse),
        (ended_with(), UnexpectedResponse),
        (ended_with(("grpc-status", "0")), UnexpectedResponse),
        (ended_with(head=((":status", "503"),)), ProducerUnreachable),
        (ended_with(head=((":status", "404"),)), OperationUnsupported),
        (with_body(prefixed(MESSAGE), (("grpc-status", "13"),)), UnexpectedResponse),
        (with_body(prefixed(MESSAGE)[:-1]), UnexpectedResponse),
        (with_body(prefixed(MESSAGE) + b"x"), UnexpectedResponse),
        (with_body(prefixed(MESSAGE) * 2), UnexpectedResponse),
        (with_body(b""), UnexpectedResponse),
        (with_body(prefixed(b"\xff\xff\xff")), UnexpectedResponse),
        (with_body(prefixed(MESSAGE, compressed=True)), UnexpectedResponse),
    ],
)
async def test_a_wrong_response_is_not_accepted(answer: Callable[[Peer, int], bytes], kind: type[Exception]) -> None:
    script = answering_first(whole, answer)
    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        assert await failure_of(client, request_for(client)) is None
        assert isinstance(await failure_of(client, request_for(client)), kind)
        assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 1


@pytest.mark.parametrize("body", [prefixed(MESSAGE, compressed=True), prefixed(b"\x1f\x8b\x08", compressed=True)])
async def test_a_message_falsely_marked_as_compressed_is_a_wrong_response(body: bytes) -> None:
    head = (*GRPC_HEAD, ("grpc-encoding", "gzip"))

    def answer(peer: Peer, stream_id: int) -> bytes:
        return serialized(
            peer.headers(stream_id, head), DataFrame(stream_id, body), peer.headers(stream_id, GRPC_OK, "END_STREAM")
        )

    script = answering_first(answer)
    async with speaking_http2(script) as server, raw_client("grpc", server.port, gzip=True) as client:
        assert isinstance(await failure_of(client, request_for(client)), UnexpectedResponse)


async def test_another_recipe_of_the_same_length_is_a_wrong_response() -> None:
    other = recipe_pb2.Recipe(id=2, name="Soup").SerializeToString()
    longer = recipe_pb2.Recipe(id=3, name="Stew with dumplings").SerializeToString()

    async def script(peer: Peer) -> None:
        await peer.start()
        for message in (longer, MESSAGE, other):
            asked = await peer.request()
            peer.send(peer.whole_answer(asked.stream_id, message))
        await peer.frame()

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        failure = await failure_of(client, request)
        assert failure is not None
        assert kind_of(failure) == "wrong_answer"
        assert await failure_of(client, request) is None
        client.recheck()
        assert await failure_of(client, request) is None
        with pytest.raises(Exception, match="the response has the id 2"):
            client.recheck()
        client.recheck()


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (7, ProducerUnreachable, "REFUSED_STREAM"),
        (2, UnexpectedResponse, "INTERNAL_ERROR"),
        (8, UnexpectedResponse, "CANCEL"),
        (0x77, UnexpectedResponse, "error 0x77"),
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
    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        failure = await failure_of(client, request_for(client))
        assert isinstance(failure, kind)
        assert str(failure).endswith(f"the stream was reset: {text}")
        for _ in range(2):
            assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 1
