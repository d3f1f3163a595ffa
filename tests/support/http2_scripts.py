"""Scripts for an HTTP/2 peer that answers gRPC calls: rightly, or the first ones otherwise."""

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
