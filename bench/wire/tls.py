"""TLS on the wire: cuts one direction of a connection into records (RFC 8446, section 5), and reads what is clear text.

Names are `type.piece`: `handshake.record_header`, `application_data.protected` and so on. In TLS 1.3 all that follows
the ServerHello comes as application data: certificates, Finished, session tickets, closing alerts and padding cannot
be told from content without decryption. What is no record, and all that follows it, is `unparsed`.
"""

from typing import NamedTuple

from bench.results import TlsSession
from bench.wire.parts import UNPARSED, Part
from bench.wire.tls_hello import client_hello, server_hello

RECORD_HEADER = "record_header"
RECORD_HEADER_BYTES = 5
PAYLOAD = "payload"
PROTECTED = "protected"
"""What an encrypted record holds: content, and what `ServerHello.protection_bytes` counts."""
APPLICATION_DATA = 23
HANDSHAKE = 22

_NAMES = {20: "change_cipher_spec", 21: "alert", HANDSHAKE: "handshake", APPLICATION_DATA: "application_data"}
_MAJOR_VERSION = 3
_MAXIMUM_FRAGMENT_BYTES = (1 << 14) + 2048
"""TLS 1.2's limit (RFC 5246, section 6.2.3), which is above that of TLS 1.3."""
_HANDSHAKE_KEPT_BYTES = 1 << 16
"""A hello is within the first bytes of a handshake, if there is one."""


class TlsRecord(NamedTuple):
    """One record."""

    kind: int
    """Its type: APPLICATION_DATA, HANDSHAKE, 20 for change_cipher_spec, 21 for an alert in the clear."""
    fragment_bytes: int
    """Without the record header."""
    end: int
    """Offset of the byte behind it."""

    @property
    def wire_bytes(self) -> int:
        """With the record header."""
        return RECORD_HEADER_BYTES + self.fragment_bytes


class TlsParser:
    """One direction of a connection. Bytes may come in any chunking."""

    def __init__(self) -> None:
        self.records: list[TlsRecord] = []
        self.handshake = bytearray()
        """The first bytes of all handshake messages in the clear."""
        self._buffer = bytearray()
        self._offset = 0
        self._broken = False

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are complete with these bytes: whole records."""
        self._buffer += data
        parts: list[Part] = []
        while self._buffer:
            if self._broken:
                parts.append(self._cut(UNPARSED, len(self._buffer)))
            elif len(self._buffer) < RECORD_HEADER_BYTES:
                break
            else:
                kind, size = self._buffer[0], int.from_bytes(self._buffer[3:RECORD_HEADER_BYTES])
                if kind not in _NAMES or self._buffer[1] != _MAJOR_VERSION or size > _MAXIMUM_FRAGMENT_BYTES:
                    self._broken = True
                elif len(self._buffer) < RECORD_HEADER_BYTES + size:
                    break
                else:
                    parts += self._record(kind, size)
        return parts

    def finish(self) -> list[Part]:
        """The stream has ended: what was waited for in vain."""
        return [self._cut(UNPARSED, len(self._buffer))] if self._buffer else []

    def _cut(self, name: str, size: int) -> Part:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._offset += size
        return Part(name, data)

    def _record(self, kind: int, size: int) -> list[Part]:
        name = _NAMES[kind]
        header = self._cut(f"{name}.{RECORD_HEADER}", RECORD_HEADER_BYTES)
        payload = self._cut(f"{name}.{PROTECTED if kind == APPLICATION_DATA else PAYLOAD}", size)
        if kind == HANDSHAKE:
            self.handshake += payload.data[: max(0, _HANDSHAKE_KEPT_BYTES - len(self.handshake))]
        self.records.append(TlsRecord(kind, size, self._offset))
        return [header, payload] if size else [header]


def session(client: TlsParser, server: TlsParser) -> TlsSession | None:
    """What was agreed on. None where no ServerHello could be read.

    TLS 1.3 encrypts the choice of ALPN: where the client offered one name only it is taken for chosen, otherwise null.
    """
    chosen = server_hello(bytes(server.handshake))
    if chosen is None:
        return None
    offered = client_hello(bytes(client.handshake))
    alone = offered.alpn[0] if offered is not None and len(offered.alpn) == 1 else None
    return TlsSession(
        version=chosen.version_name,
        cipher=chosen.cipher_name,
        group=chosen.group_name,
        alpn=chosen.alpn or alone,
    )


def protection_bytes(server: TlsParser) -> int | None:
    """What encryption adds to the content within each record of application data; None where that is not known."""
    chosen = server_hello(bytes(server.handshake))
    return None if chosen is None else chosen.protection_bytes
