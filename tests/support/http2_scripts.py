"""Scripts for an HTTP/2 peer: correct gRPC responses, or other responses first."""

from collections.abc import Callable
from struct import pack

from hyperframe.frame import (
    Frame,
)

from protos import recipe_pb2
from tests.support.http2_peer import (
    Peer,
    Script,
)

MESSAGE = recipe_pb2.Recipe(id=1, name="Soup").SerializeToString()


async def right(peer: Peer) -> None:
    """Respond to every request with the correct recipe."""
    await peer.start()
    while True:
        asked = await peer.request()
        peer.send(peer.whole_answer(asked.stream_id, MESSAGE))


def answering_first(*answers: Callable[[Peer, int], bytes]) -> Script:
    """Respond to the first requests with `answers`, and correctly to later ones."""

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
    """A frame that the libraries refuse to build."""
    return pack(">BHBBL", len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream_id) + payload


def whole(peer: Peer, stream_id: int) -> bytes:
    return peer.whole_answer(stream_id, MESSAGE)
