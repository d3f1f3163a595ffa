"""ClientHello and ServerHello (RFC 8446, section 4.1): what client and server offer and choose in clear text. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

CLIENT_HELLO, SERVER_HELLO = 1, 2
MESSAGE_HEADER_BYTES = 4
_ALPN, _SUPPORTED_VERSIONS, _KEY_SHARE = 16, 43, 51
_TLS_1_3 = 0x0304
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446, section 4.1.3)."""

_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", _TLS_1_3: "TLSv1.3"}
_CIPHERS = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
}
_GROUPS = {
    23: "secp256r1",
    24: "secp384r1",
    25: "secp521r1",
    29: "x25519",
    30: "x448",
    256: "ffdhe2048",
    257: "ffdhe3072",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}
_INNER_TYPE_BYTES = 1
_TAG_BYTES = 16
_SHORT_TAG_BYTES = {0x1305: 8}


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers."""

    alpn: tuple[str, ...]
    random: bytes
    """Identifies the connection in a key log."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chose, as numbers from the IANA registries."""

    version: int
    cipher: int
    group: int | None
    """The group of the key share. None in TLS 1.2, which sends it in another message."""
    alpn: str | None
    """The chosen protocol. None in TLS 1.3, which encrypts it."""

    @property
    def version_name(self) -> str:
        """The name that Python's ssl uses, such as `TLSv1.3`."""
        return _VERSIONS.get(self.version, hex(self.version))

    @property
    def cipher_name(self) -> str:
        """The name in the IANA registry, or the number of a rare one."""
        return _CIPHERS.get(self.cipher, hex(self.cipher))

    @property
    def group_name(self) -> str | None:
        """The name in the IANA registry, or the number of a rare one."""
        return None if self.group is None else _GROUPS.get(self.group, hex(self.group))

    @property
    def protection_bytes(self) -> int | None:
        """What encryption adds within each record: inner type and tag (RFC 8446, section 5.2).

        None before TLS 1.3, where the name of the cipher does not determine it.
        """
        if self.version != _TLS_1_3:
            return None
        return _INNER_TYPE_BYTES + _SHORT_TAG_BYTES.get(self.cipher, _TAG_BYTES)


class _Truncated(Exception):
    """The message is shorter than it declares."""


class _Reader:
    """Reads a message from its beginning."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise _Truncated
        self._at += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, length_size: int) -> bytes:
        return self.take(self.number(length_size))

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)


def client_hello(handshake: bytes) -> ClientHello | None:
    """The first ClientHello in a client's handshake bytes. None where none can be parsed."""
    for kind, body in _messages(handshake):
        if kind == CLIENT_HELLO:
            try:
                return _client_hello(_Reader(body))
            except _Truncated:
                return None
    return None


def server_hello(handshake: bytes) -> ServerHello | None:
    """The ServerHello in a server's handshake bytes, the last one after a HelloRetryRequest.

    None where none can be parsed.
    """
    found: ServerHello | None = None
    for kind, body in _messages(handshake):
        if kind == SERVER_HELLO:
            try:
                found = _server_hello(_Reader(body))
            except _Truncated:
                return found
            if body[2:34] != _RETRY:
                break
    return found


def _messages(handshake: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each complete handshake message."""
    at = 0
    while at + MESSAGE_HEADER_BYTES <= len(handshake):
        size = int.from_bytes(handshake[at + 1 : at + MESSAGE_HEADER_BYTES])
        end = at + MESSAGE_HEADER_BYTES + size
        if end > len(handshake):
            return
        yield handshake[at], handshake[at + MESSAGE_HEADER_BYTES : end]
        at = end


def _client_hello(reader: _Reader) -> ClientHello:
    reader.take(2)
    random = reader.take(32)
    reader.vector(1)  # session id
    reader.vector(2)  # cipher suites
    reader.vector(1)  # compression methods
    return ClientHello(_alpn(_extensions(reader).get(_ALPN)), random)


def _server_hello(reader: _Reader) -> ServerHello:
    version = reader.number(2)
    reader.take(32)
    reader.vector(1)  # session id
    cipher = reader.number(2)
    reader.take(1)  # compression method
    extensions = _extensions(reader)
    if _SUPPORTED_VERSIONS in extensions:
        version = _Reader(extensions[_SUPPORTED_VERSIONS]).number(2)
    group = _Reader(extensions[_KEY_SHARE]).number(2) if _KEY_SHARE in extensions else None
    chosen = _alpn(extensions.get(_ALPN))
    return ServerHello(version, cipher, group, chosen[0] if chosen else None)


def _extensions(reader: _Reader) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    if reader.at_end:
        return found
    inner = _Reader(reader.vector(2))
    while not inner.at_end:
        kind = inner.number(2)
        found[kind] = inner.vector(2)
    return found


def _alpn(extension: bytes | None) -> tuple[str, ...]:
    """The protocol names in an ALPN extension (RFC 7301, section 3.1)."""
    names: list[str] = []
    if extension is not None:
        inner = _Reader(_Reader(extension).vector(2))
        while not inner.at_end:
            names.append(inner.vector(1).decode("ascii", "backslashreplace"))
    return tuple(names)
