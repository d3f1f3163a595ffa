"""Reads gRPC connections: HTTP/2 streams, messages behind a prefix of 5 bytes, coded by grpc-encoding one by one."""

from bench.wire.codec import Codec, Content, Parsed
from bench.wire.http2 import Http2Parser, Http2Stream
from bench.wire.inflation import GZIP, IDENTITY, content_coding, inflated_bytes
from bench.wire.recording import Direction

_SETTINGS_ACK_BYTES, _WINDOW_UPDATE_BYTES, _PING_BYTES = 9, 13, 17


class GrpcCodec(Codec):
    """gRPC over HTTP/2. Frames of stream 0 belong to the connection: settings, pings, its window, its end."""

    floating_frame_bytes = (_SETTINGS_ACK_BYTES, _WINDOW_UPDATE_BYTES, _PING_BYTES)

    def parse(self, sent: bytes, received: bytes) -> Parsed:
        requests, responses = Http2Parser(from_client=True), Http2Parser(from_client=False)
        parts = {
            Direction.SENT: requests.feed(sent) + requests.finish(),
            Direction.RECEIVED: responses.feed(received) + responses.finish(),
        }
        return Parsed(
            parts,
            {
                stream_id: (_content(stream), _content(responses.streams.get(stream_id, Http2Stream())))
                for stream_id, stream in requests.streams.items()
            },
        )


def _content(stream: Http2Stream) -> Content:
    encoding = stream.value(b"grpc-encoding")
    declared = content_coding([encoding.strip().lower()] if encoding else [])
    message_bytes: int | None = 0
    for compressed, coded in stream.data.messages:
        inflated = inflated_bytes(bytes(coded), declared) if compressed else len(coded)
        message_bytes = None if message_bytes is None or inflated is None else message_bytes + inflated
    return Content(
        message_bytes=message_bytes,
        compressed_bytes=sum(len(coded) for _, coded in stream.data.messages),
        coding=declared if any(compressed for compressed, _ in stream.data.messages) else IDENTITY,
        complete=stream.ended and stream.data.complete,
        headers=tuple(pair for block in stream.blocks if block is not None for pair in block.items()),
        compressed=tuple(bytes(coded) for compressed, coded in stream.data.messages if compressed and declared == GZIP),
    )
