"""Decrypting a recorded TLS 1.3 connection with the secrets of its key log (RFC 8446, sections 5.2 and 7.3). Pure.

What comes out is the recording that would have been made without TLS: the same content at the same times. So it is
read by the same parsers, and what TLS adds is known to the byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from bench.wire.key_log import ConnectionSecrets, TrafficSecrets
from bench.wire.recording import Chunk, Direction, Recording
from bench.wire.tls import APPLICATION_DATA, HANDSHAKE, RECORD_HEADER_BYTES, TlsParser
from bench.wire.tls_hello import MESSAGE_HEADER_BYTES, client_hello, server_hello

HANDSHAKE_CONTENT = "tls.handshake"
"""Encrypted handshake messages: extensions, certificates, Finished, session tickets, key updates."""
ALERT_CONTENT = "tls.alert"
PADDING = "tls.padding"

_FINISHED, _KEY_UPDATE = 20, 24
_NONCE_BYTES = 12


class Undecipherable(Exception):
    """The secrets do not open the recording. The text says why, in words for a report."""


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What was inside TLS."""

    recording: Recording
    """The content, as if it had been recorded without TLS."""
    own: Mapping[Direction, Mapping[int, Mapping[str, int]]]
    """What is inside records and TLS's own, in bytes by interval and name: handshake, alerts, padding."""


@dataclass(frozen=True, slots=True)
class _Suite:
    aead: type[AESGCM] | type[ChaCha20Poly1305]
    key_bytes: int
    hash: HashAlgorithm


_SUITES = {
    "TLS_AES_128_GCM_SHA256": _Suite(AESGCM, 16, SHA256()),
    "TLS_AES_256_GCM_SHA384": _Suite(AESGCM, 32, SHA384()),
    "TLS_CHACHA20_POLY1305_SHA256": _Suite(ChaCha20Poly1305, 32, SHA256()),
}


def secrets_of(recording: Recording, secrets: Mapping[bytes, ConnectionSecrets]) -> ConnectionSecrets | None:
    """The secrets of this connection; None where the log does not hold them."""
    parser = TlsParser()
    parser.feed(recording.content(Direction.SENT))
    hello = client_hello(bytes(parser.handshake))
    return None if hello is None else secrets.get(hello.random)


def decrypt(recording: Recording, secrets: ConnectionSecrets) -> Decrypted:
    """The content of both directions. Raises Undecipherable."""
    parsers = {direction: TlsParser() for direction in Direction}
    contents = {direction: recording.content(direction) for direction in Direction}
    for direction, parser in parsers.items():
        parser.feed(contents[direction])
    chosen = server_hello(bytes(parsers[Direction.RECEIVED].handshake))
    suite = None if chosen is None else _SUITES.get(chosen.cipher_name)
    if chosen is None or suite is None:
        raise Undecipherable(
            "no TLS 1.3 handshake was seen" if chosen is None else f"{chosen.cipher_name} is not known"
        )
    chunks: list[Chunk] = []
    own: dict[Direction, dict[int, dict[str, int]]] = {}
    for direction, parser in parsers.items():
        protection = _Protection(suite, secrets.client if direction is Direction.SENT else secrets.server)
        interval_at = recording.interval_at(direction)
        own[direction] = {}
        for record in parser.records:
            interval = interval_at(record.end - 1)
            if record.kind != APPLICATION_DATA:
                continue
            start = record.end - record.fragment_bytes
            data = contents[direction]
            kind, content, padding_bytes = protection.open(
                data[start - RECORD_HEADER_BYTES : start], data[start : record.end]
            )
            if kind == APPLICATION_DATA:
                chunks.append(Chunk(direction, interval, content))
            else:
                _count(
                    own[direction], interval, HANDSHAKE_CONTENT if kind == HANDSHAKE else ALERT_CONTENT, len(content)
                )
            _count(own[direction], interval, PADDING, padding_bytes)
    return Decrypted(Recording(chunks, recording.from_start, recording.truncated), own)


def _count(own: dict[int, dict[str, int]], interval: int, name: str, size: int) -> None:
    if size:
        named = own.setdefault(interval, {})
        named[name] = named.get(name, 0) + size


class _Protection:
    """The keys of one direction, in the order in which they are used."""

    def __init__(self, suite: _Suite, secrets: TrafficSecrets) -> None:
        self._suite = suite
        self._application_secret = secrets.application
        self._finished = False
        self._messages = bytearray()
        self._use(secrets.handshake)

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        self._aead = self._suite.aead(self._expanded(secret, b"key", self._suite.key_bytes))
        self._iv = int.from_bytes(self._expanded(secret, b"iv", _NONCE_BYTES))
        self._number = 0

    def _expanded(self, secret: bytes, label: bytes, size: int) -> bytes:
        """HKDF-Expand-Label without context (RFC 8446, section 7.1)."""
        name = b"tls13 " + label
        info = size.to_bytes(2) + bytes([len(name)]) + name + b"\0"
        return HKDFExpand(self._suite.hash, size, info).derive(secret)

    def open(self, header: bytes, fragment: bytes) -> tuple[int, bytes, int]:
        """Inner type and content of a record, and how many bytes of padding it holds. Raises Undecipherable."""
        nonce = (self._iv ^ self._number).to_bytes(_NONCE_BYTES)
        try:
            inner = self._aead.decrypt(nonce, fragment, header)
        except (InvalidTag, ValueError):
            raise Undecipherable("the key log does not open every record") from None
        self._number += 1
        padded_bytes = len(inner)
        inner = inner.rstrip(b"\0")
        if not inner:
            raise Undecipherable("a record holds nothing but padding")
        kind, content = inner[-1], inner[:-1]
        if kind == HANDSHAKE:
            self._handshake(content)
        return kind, content, padded_bytes - len(inner)

    def _handshake(self, content: bytes) -> None:
        """Change keys where the messages say so. They may go over several records."""
        self._messages += content
        while len(self._messages) >= MESSAGE_HEADER_BYTES:
            size = MESSAGE_HEADER_BYTES + int.from_bytes(self._messages[1:MESSAGE_HEADER_BYTES])
            if len(self._messages) < size:
                return
            kind = self._messages[0]
            del self._messages[:size]
            if kind == _FINISHED and not self._finished:
                self._finished = True
                self._use(self._application_secret)
            elif kind == _KEY_UPDATE:
                self._use(self._expanded(self._secret, b"traffic upd", self._suite.hash.digest_size))
