"""TLS records and hellos: hand-made ones, and those of Python's ssl in memory."""

import contextlib
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.wire.recording import Chunk, Direction, Recording, Unreadable
from bench.wire.tls import APPLICATION_DATA, TlsConnection, parse_tls, split_records
from bench.wire.tls_hello import ServerHello, client_hello, server_hello
from producers import certificates

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2) + payload


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2) + len(content).to_bytes(2) + content


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def server_hello_bytes(*extensions: bytes, cipher: int = 0x1301, random: bytes = bytes(32)) -> bytes:
    joined = b"".join(extensions)
    tail = len(joined).to_bytes(2) + joined if joined else b""
    return message(2, b"\x03\x03" + random + b"\x00" + cipher.to_bytes(2) + b"\x00" + tail)


def alpn_extension(*names: bytes) -> bytes:
    joined = b"".join(bytes([len(name)]) + name for name in names)
    return extension(16, len(joined).to_bytes(2) + joined)


def client_hello_bytes(*extensions: bytes) -> bytes:
    joined = b"".join(extensions)
    return message(1, b"\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00" + len(joined).to_bytes(2) + joined)


TLS_1_3 = extension(43, b"\x03\x04")
KEY_SHARE = extension(51, b"\x00\x1d\x00\x01x")
SERVER = (
    record(22, server_hello_bytes(TLS_1_3, KEY_SHARE))
    + record(20, b"\x01")
    + record(23, b"x" * 100)
    + record(21, b"ab")
)


CLIENT = record(22, client_hello_bytes())


def recorded(sent: bytes, received: bytes) -> Recording:
    return Recording([Chunk(Direction.SENT, 0, sent), Chunk(Direction.RECEIVED, 0, received)])


def connection(sent: bytes, received: bytes) -> TlsConnection:
    return parse_tls(recorded(sent, received))


def test_records_by_type() -> None:
    found = connection(CLIENT, SERVER)
    records = found.records[Direction.RECEIVED]
    hello_bytes = len(server_hello_bytes(TLS_1_3, KEY_SHARE))
    assert [one.kind for one in records] == [22, 20, 23, 21]
    assert [one.wire_bytes for one in records] == [5 + hello_bytes, 6, 105, 7]
    assert b"".join(one.header + one.fragment for one in records) == SERVER
    assert found.protection_bytes == 17
    assert [found.content_bytes(one) for one in records] == [None, None, 83, None]


JUNK = [
    b"GET / HTTP/1.1",
    b"\x17\x02\x03\x00\x01x",
    b"\x17\x03\x03\xff\xffx",
    b"\x17\x03",
    b"\x17\x03\x03\x00\x10short",
]


@pytest.mark.parametrize("junk", JUNK)
def test_bytes_that_are_not_a_record_are_counted(junk: bytes) -> None:
    records, rest_bytes = split_records(SERVER + junk)
    assert (len(records), rest_bytes) == (4, len(junk))
    with pytest.raises(Unreadable, match=f"{len(junk)} bytes are not TLS records"):
        connection(CLIENT, SERVER + junk)


def test_nothing_is_parsed_after_bytes_that_are_not_a_record() -> None:
    junk = b"GET / HTTP/1.1"
    assert split_records(junk + SERVER) == ([], len(junk + SERVER))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9))
def test_a_record_belongs_to_the_interval_of_its_last_byte(cuts: list[int]) -> None:
    chunks, start = [], 0
    for interval in range(len(SERVER)):
        size = cuts[interval % len(cuts)]
        chunks.append(Chunk(Direction.RECEIVED, interval, SERVER[start : start + size]))
        start += size
    found = parse_tls(Recording([chunk for chunk in chunks if chunk.data]))
    end = 0
    for one in found.records[Direction.RECEIVED]:
        end += one.wire_bytes
        before_bytes = sum(len(chunk.data) for chunk in chunks if chunk.interval < one.interval)
        assert before_bytes < end <= before_bytes + len(chunks[one.interval].data)
    assert end == len(SERVER)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda body: message(1, body) + message(2, body)))
def test_garbage_is_not_a_hello_and_raises_nothing(handshake: bytes) -> None:
    client_hello(handshake)
    server_hello(handshake)
    records, rest_bytes = split_records(handshake)
    assert sum(one.wire_bytes for one in records) + rest_bytes == len(handshake)


def test_truncated_hellos_are_not_parsed() -> None:
    for whole in (server_hello_bytes(TLS_1_3, KEY_SHARE), client_hello_bytes(alpn_extension(b"h2"))):
        for end in range(len(whole)):
            body = whole[4:end]
            cut = message(whole[0], body)
            assert client_hello(whole[:end]) is None
            assert server_hello(whole[:end]) is None
            # Cut within the body, but with a length that fits, it is no hello or one without its extensions.
            found = server_hello(cut) if whole[0] == 2 else client_hello(cut)
            assert found is None or found in (
                ServerHello(0x0303, 0x1301, None, None),
                client_hello(client_hello_bytes()),
            )


def test_the_last_hello_counts_after_a_retry() -> None:
    retry = server_hello_bytes(TLS_1_3, extension(51, b"\x00\x17"), random=RETRY_RANDOM)
    found = server_hello(retry + server_hello_bytes(TLS_1_3, KEY_SHARE, cipher=0x1303) + server_hello_bytes())
    assert found == ServerHello(0x0304, 0x1303, 29, None)
    assert (found.version_name, found.cipher_name, found.group_name) == (
        "TLSv1.3",
        "TLS_CHACHA20_POLY1305_SHA256",
        "x25519",
    )
    assert server_hello(retry + b"\x02\x00") == ServerHello(0x0304, 0x1301, 23, None)


def test_names_and_overhead_of_rare_choices() -> None:
    rare = ServerHello(0x0304, 0x1399, 0x2A2A, None)
    assert (rare.cipher_name, rare.group_name, rare.protection_bytes) == ("0x1399", "0x2a2a", 17)
    assert ServerHello(0x0304, 0x1305, None, None).protection_bytes == 9
    old = ServerHello(0x0303, 0xC02B, None, "h2")
    assert (old.version_name, old.group_name, old.protection_bytes) == ("TLSv1.2", None, None)


@pytest.mark.parametrize(("offered", "alpn"), [((b"h2",), "h2"), ((b"h2", b"http/1.1"), None), ((), None)])
def test_alpn_is_known_where_one_name_is_offered(offered: tuple[bytes, ...], alpn: str | None) -> None:
    client = record(22, client_hello_bytes(extension(0, b"name"), alpn_extension(*offered)))
    found = connection(client, SERVER).session
    assert found.alpn == alpn
    assert (found.version, found.cipher, found.group) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519")


def test_other_versions_of_tls_and_other_protocols_are_not_read() -> None:
    with pytest.raises(Unreadable, match=r"the connection uses TLSv1\.2, and only TLS 1\.3 can be parsed"):
        connection(CLIENT, record(22, server_hello_bytes(alpn_extension(b"h2"), cipher=0xC02F)))
    for sent, received in ((b"", b""), (CLIENT, record(23, b"x")), (b"GET / HTTP/1.1", b"HTTP/1.1 200 OK")):
        with pytest.raises(Unreadable, match="no TLS handshake was seen"):
            connection(sent, received)


def test_a_handshake_of_pythons_ssl(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.server, files.server_key)
    client_context = ssl.create_default_context(cafile=str(files.ca))
    client_context.set_alpn_protocols(["http/1.1"])
    server_context.set_alpn_protocols(["http/1.1"])
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    chunks: list[Chunk] = []
    content = b"x" * 40_000

    def step(side: ssl.SSLObject, out: ssl.MemoryBIO, into: ssl.MemoryBIO, direction: Direction) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
        chunks.append(Chunk(direction, 0, data := out.read()))
        into.write(data)

    # Each memory is written by one side and read by the other, so what goes out is put back after it was parsed.
    for _ in range(2):
        step(client, to_server, to_server, Direction.SENT)
        step(server, to_client, to_client, Direction.RECEIVED)
    assert client.version() == "TLSv1.3"
    server.write(content)
    chunks.append(Chunk(Direction.RECEIVED, 0, to_client.read()))

    whole = parse_tls(Recording(chunks))
    found = whole.session
    name, version, _ = client.cipher() or ("", "", 0)
    assert (found.version, found.cipher, found.alpn) == (version, name, client.selected_alpn_protocol())
    assert found.group is not None
    received = whole.records[Direction.RECEIVED]
    held = [whole.content_bytes(one) for one in received if one.kind == APPLICATION_DATA]
    # Session tickets come with the first that a server writes.
    assert held[-3:] == [16384, 16384, 40_000 - 2 * 16384]
