"""A call of grpc.health.v1 as raw bytes, for what can send bytes and cannot speak gRPC.

The call needs nothing of the server first: a client may send its request right behind its own SETTINGS (RFC 9113,
section 3.4). The header block refers to no dynamic table, so the same bytes work on every new connection.
"""

from hpack.hpack import Encoder
from hpack.struct import NeverIndexedHeaderTuple
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CHECK_PATH = "/grpc.health.v1.Health/Check"
STREAM = 1
EMPTY_MESSAGE = bytes(5)
"""A HealthCheckRequest of the whole server: not compressed, no bytes."""
ANSWERED = bytes.fromhex("000000000208")
"""How the response begins: not compressed, two bytes, field 1 (status)."""
SERVING = ANSWERED + b"\x01"


def request(authority: str) -> bytes:
    """A whole connection of a client that asks for the health of the server, from its first byte."""
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", CHECK_PATH),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    )
    headers = HeadersFrame(STREAM, flags=["END_HEADERS"])
    headers.data = Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in fields], huffman=False)
    data = DataFrame(STREAM, flags=["END_STREAM"])
    data.data = EMPTY_MESSAGE
    return PREFACE + b"".join(frame.serialize() for frame in (SettingsFrame(0), headers, data))
