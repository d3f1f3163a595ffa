"""TLS 1.3 connections on the wire (RFC 8446): their records, and their content where the client wrote a key log. Pure.

After the ServerHello everything comes as application data. Certificates, Finished, session tickets, closing alerts and
padding can be separated from content only by decrypting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from bench.wire.recording import Chunk, Direction, Recording, Unreadable
from bench.wire.results import TlsSession
from bench.wire.tls_hello import (
    MESSAGE_HEADER_BYTES,
    ClientHello,
    ServerHello,
    client_hello,
    server_hello,
)

RECORD_HEADER_BYTES = 5
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
"""Types of records (RFC 8446, section 5.1)."""

_MAJOR_VERSION = 3
_MAXIMUM_FRAGMENT_BYTES = (1 << 14) + 2048
"""The limit of TLS 1.2 (RFC 5246, section 6.2.3), which is above that of TLS 1.3."""
_FINISHED, _KEY_UPDATE = 20, 24
_NONCE_BYTES = 12
_CLIENT_HANDSHAKE, _SERVER_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
_CLIENT_TRAFFIC, _SERVER_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"


class TlsRecord(NamedTuple):
    """One record."""

    header: bytes
    fragment: bytes
    interval: int = 0
    """The interval in which its last byte was recorded."""

    @property
    def kind(self) -> int:
        """Its type, such as APPLICATION_DATA."""
        return self.header[0]

    @property
    def wire_bytes(self) -> int:
        """Header and fragment."""
        return len(self.header) + len(self.fragment)


@dataclass(frozen=True, slots=True)
class TlsConnection:
    """The records of a recorded connection."""

    records: Mapping[Direction, Sequence[TlsRecord]]
    client: ClientHello | None
    server: ServerHello
    protection_bytes: int
    """What encryption adds to the content within each record of application data."""

    @property
    def session(self) -> TlsSession:
        """What client and server agreed on.

        TLS 1.3 encrypts the choice of ALPN. It is known where the client offered one name only, otherwise null.
        """
        offered = self.client.alpn if self.client is not None else ()
        return TlsSession(
            version=self.server.version_name,
            cipher=self.server.cipher_name,
            group=self.server.group_name,
            alpn=self.server.alpn or (offered[0] if len(offered) == 1 else None),
        )

    def content_bytes(self, record: TlsRecord) -> int | None:
        """The size of what a record holds, padding included. None where it is in the clear."""
        return max(0, len(record.fragment) - self.protection_bytes) if record.kind == APPLICATION_DATA else None


def split_records(stream: bytes) -> tuple[list[TlsRecord], int]:
    """The complete records at the start of a stream, and how many bytes follow that are not."""
    records: list[TlsRecord] = []
    at = 0
    while len(stream) - at >= RECORD_HEADER_BYTES:
        header = stream[at : at + RECORD_HEADER_BYTES]
        end = at + RECORD_HEADER_BYTES + int.from_bytes(header[3:])
        known = CHANGE_CIPHER_SPEC <= header[0] <= APPLICATION_DATA and header[1] == _MAJOR_VERSION
        if not known or end > len(stream) or end - at > RECORD_HEADER_BYTES + _MAXIMUM_FRAGMENT_BYTES:
            break
        records.append(TlsRecord(header, stream[at + RECORD_HEADER_BYTES : end]))
        at = end
    return records, len(stream) - at


def parse_tls(recording: Recording) -> TlsConnection:
    """The records of a connection. Raises Unreadable unless every byte belongs to a record of a TLS 1.3 connection."""
    records: dict[Direction, list[TlsRecord]] = {}
    unparsed_bytes = 0
    for direction in Direction:
        found, rest_bytes = split_records(recording.content(direction))
        unparsed_bytes += rest_bytes
        interval_at = recording.interval_at(direction)
        end = 0
        records[direction] = []
        for record in found:
            end += record.wire_bytes
            records[direction].append(record._replace(interval=interval_at(end - 1)))
    server = server_hello(_handshake_in_the_clear(records[Direction.RECEIVED]))
    if server is None:
        raise Unreadable("no TLS handshake was seen")
    if server.protection_bytes is None:
        raise Unreadable(f"the connection uses {server.version_name}, and only TLS 1.3 can be parsed")
    if unparsed_bytes:
        raise Unreadable(f"{unparsed_bytes} bytes are not TLS records")
    client = client_hello(_handshake_in_the_clear(records[Direction.SENT]))
    return TlsConnection(records, client, server, server.protection_bytes)


def _handshake_in_the_clear(records: Sequence[TlsRecord]) -> bytes:
    return b"".join(record.fragment for record in records if record.kind == HANDSHAKE)


@dataclass(frozen=True, slots=True)
class TrafficSecrets:
    """The secrets of one direction of a connection (RFC 8446, section 7.1)."""

    handshake: bytes
    application: bytes


@dataclass(frozen=True, slots=True)
class ConnectionSecrets:
    """The secrets of one connection."""

    client: TrafficSecrets
    server: TrafficSecrets


def read_key_log(text: str) -> dict[bytes, ConnectionSecrets]:
    """Parse a key log: secrets by the random of the ClientHello. Other and incomplete lines are ignored.

    Source: draft-ietf-tls-keylogfile.
    """
    found: dict[bytes, dict[str, bytes]] = {}
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) != 3:
            continue
        try:
            found.setdefault(bytes.fromhex(words[1]), {})[words[0]] = bytes.fromhex(words[2])
        except ValueError:
            continue
    complete = {random: _secrets(named) for random, named in found.items()}
    return {random: secrets for random, secrets in complete.items() if secrets is not None}


def _secrets(named: Mapping[str, bytes]) -> ConnectionSecrets | None:
    wanted = (_CLIENT_HANDSHAKE, _CLIENT_TRAFFIC, _SERVER_HANDSHAKE, _SERVER_TRAFFIC)
    if any(label not in named for label in wanted):
        return None
    client_handshake, client_traffic, server_handshake, server_traffic = (named[label] for label in wanted)
    return ConnectionSecrets(
        TrafficSecrets(client_handshake, client_traffic), TrafficSecrets(server_handshake, server_traffic)
    )


class Undecipherable(Exception):
    """The secrets do not decrypt the recording. The text says why."""


class Inner(NamedTuple):
    """What one encrypted record holds."""

    kind: int
    """Its inner type, such as APPLICATION_DATA."""
    content_bytes: int
    padding_bytes: int


@dataclass(frozen=True, slots=True)
class Decrypted:
    """The content of a connection."""

    recording: Recording
    """The content as if it had been recorded without TLS."""
    inner: Mapping[Direction, Sequence[Inner | None]]
    """For each record of the connection, what it holds. None where it is in the clear."""


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


def decrypt(connection: TlsConnection, logged: Mapping[bytes, ConnectionSecrets]) -> Decrypted:
    """The content of both directions, with the secrets of a key log. Raises Undecipherable."""
    secrets = None if connection.client is None else logged.get(connection.client.random)
    if secrets is None:
        raise Undecipherable("the client does not write a key log")
    suite = _SUITES.get(connection.server.cipher_name)
    if suite is None:
        raise Undecipherable(f"the cipher suite {connection.server.cipher_name} is not supported")
    chunks: list[Chunk] = []
    inner: dict[Direction, list[Inner | None]] = {}
    for direction, records in connection.records.items():
        protection = _Protection(suite, secrets.client if direction is Direction.SENT else secrets.server)
        inner[direction] = []
        for record in records:
            if record.kind != APPLICATION_DATA:
                inner[direction].append(None)
                continue
            kind, content, padding_bytes = protection.open(record.header, record.fragment)
            if kind == APPLICATION_DATA:
                chunks.append(Chunk(direction, record.interval, content))
            inner[direction].append(Inner(kind, len(content), padding_bytes))
    return Decrypted(Recording(chunks), inner)


class _Protection:
    """The keys of one direction, in the order of their use."""

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
            raise Undecipherable("the key log does not decrypt every record") from None
        self._number += 1
        padded_bytes = len(inner)
        inner = inner.rstrip(b"\0")
        if not inner:
            raise Undecipherable("a record holds only padding")
        kind, content = inner[-1], inner[:-1]
        if kind == HANDSHAKE:
            self._handshake(content)
        return kind, content, padded_bytes - len(inner)

    def _handshake(self, content: bytes) -> None:
        """Change keys after Finished and KeyUpdate messages, which may span several records."""
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
