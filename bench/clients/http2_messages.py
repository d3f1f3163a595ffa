"""Frames of HTTP/2 (RFC 9113, sections 4, 6 and 7): the numbers, and the frames that a client sends. Pure."""

from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
HEAD = Struct(">BHBBL")
"""Length (upper 8 bits, lower 16), type, flags, stream."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)

DEFAULT_WINDOW_BYTES = 65_535
LARGEST_WINDOW_BYTES = (1 << 31) - 1
DEFAULT_FRAME_BYTES = 16_384
LARGEST_FRAME_BYTES = (1 << 24) - 1
DEFAULT_TABLE_BYTES = 4_096
LARGEST_STREAM_ID = (1 << 31) - 1

NO_ERROR, PROTOCOL_ERROR = 0x0, 0x1
FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL = 0x3, 0x6, 0x7, 0x8
COMPRESSION_ERROR = 0x9

ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

_SETTING = Struct(">HL")


class BrokenConnection(Exception):
    """The peer broke the rules of the connection, which ends. `code` is what to tell it, the text is for the user."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def error_name(code: int) -> str:
    """The name of an error code."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"error {code:#x}"


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream_id) + payload


def number(value: int) -> bytes:
    """32 bits."""
    return value.to_bytes(4, "big")


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*item) for item in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The settings in a SETTINGS frame, in order. Raises BrokenConnection."""
    if len(payload) % _SETTING.size:
        raise BrokenConnection(FRAME_SIZE_ERROR, "the settings cannot be read")
    return list(_SETTING.iter_unpack(payload))


def unpadded(flags: int, payload: bytes) -> bytes:
    """What a HEADERS or DATA frame holds, padding and priority taken off. Raises BrokenConnection."""
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload or payload[0] >= end:
            raise BrokenConnection(PROTOCOL_ERROR, "a frame has more padding than bytes")
        start, end = 1, end - payload[0]
    if flags & WITH_PRIORITY:
        start += 5
        if start > end:
            raise BrokenConnection(FRAME_SIZE_ERROR, "a frame is too short for its priority")
    return payload[start:end]
