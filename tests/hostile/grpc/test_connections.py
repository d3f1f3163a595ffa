"""Connections that are not HTTP/2, or stop after its beginning: closed, at the latest by the server's own deadline."""

import asyncio
import ssl
from contextlib import suppress

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from tests.hostile.attack import AMPLE_S
from tests.hostile.grpc.conftest import Victim, on_every_port, on_tls_ports
from tests.hostile.grpc.test_calls import GET, ID_42, META, OK
from tests.support.raw_http2 import PREFACE, message

HTTP_1 = b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n\r\n"
TLS_HELLO = bytes.fromhex("16030100a5010000a10303") + bytes(154)


def client_hello() -> bytes:
    """The ClientHello of a valid handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    outgoing = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


async def all_said(victim: Victim, sent: bytes) -> bytes:
    """What the server sends in response to these bytes until it closes the connection. Raises TimeoutError."""
    reader, writer = await victim.socket()
    writer.write(sent)
    try:
        async with asyncio.timeout(AMPLE_S):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def is_no_answer(said: bytes) -> bool:
    """Whether this is empty, connection-level frames, or a TLS alert, and no response to a request."""
    headers = any(
        said[at + 3] == HeadersFrame.type for at in frame_starts(said) if not said.startswith((b"\x15", b"\x16"))
    )
    return not headers and not said.startswith((b"HTTP", b"\x16")) and b"Traceback" not in said


def frame_starts(said: bytes) -> list[int]:
    """The offsets at which HTTP/2 frames begin."""
    starts, at = [], 0
    while at + 9 <= len(said):
        starts.append(at)
        at += 9 + int.from_bytes(said[at : at + 3], "big")
    return starts


@on_every_port
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(HTTP_1, id="http-1"),
        pytest.param(b"POST / HTTP/2.0\r\n\r\n", id="http-2-in-words"),
        pytest.param(PREFACE + b"\xff" * 4096, id="preface-and-garbage"),
        pytest.param(PREFACE + DataFrame(1, b"x").serialize(), id="no-settings-first"),
        pytest.param(b"\0" * 4096, id="zeros"),
        pytest.param(bytes(range(256)) * 64, id="garbage"),
    ],
)
async def test_bytes_that_are_not_http_2_close_the_connection(victim: Victim, sent: bytes) -> None:
    said = await all_said(victim, sent)
    assert is_no_answer(said), said
    victim.answers.append("closed")


@on_every_port
async def test_an_incomplete_start_of_a_connection_is_closed(victim: Victim) -> None:
    """Concurrently: nothing, half a preface, only a preface, half a TLS hello, and only a TLS hello."""
    hello = client_hello()
    beginnings = (b"", PREFACE[:10], PREFACE, TLS_HELLO, hello)
    said = await asyncio.gather(*(all_said(victim, sent) for sent in beginnings))
    # On the TLS port the whole hello is answered with the server's part of the handshake, and then nothing follows.
    assert [is_no_answer(each) for each in said[:-1]] == [True] * 4, said
    over_tls = victim.address.startswith("grpcs")
    assert said[-1].startswith(b"\x16") if over_tls else is_no_answer(said[-1])
    victim.answers.append(f"{len(said)} closed")


@on_tls_ports
@pytest.mark.parametrize("protocols", [[], ["http/1.1"]], ids=["no-alpn", "http-1"])
async def test_connections_over_tls_must_negotiate_http_2(victim: Victim, protocols: list[str]) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    reader, writer = await asyncio.open_connection(*victim.place(), ssl=context)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() is None
    async with asyncio.timeout(AMPLE_S):
        with suppress(ConnectionError):
            writer.write(HTTP_1)
            assert not (await reader.read()).startswith(b"HTTP")
    writer.transport.abort()
    victim.answers.append("closed")


@on_tls_ports
@pytest.mark.parametrize("version", [0x0301, 0x0302], ids=["tls-1.0", "tls-1.1"])
async def test_old_tls_is_refused(victim: Victim, version: int) -> None:
    reader, writer = await victim.socket()
    writer.write(hello_of(version))
    async with asyncio.timeout(AMPLE_S):
        answer = await reader.read()
    writer.transport.abort()
    # Closed at once, with or without an alert; a handshake record would begin with 22.
    assert answer[:1] in {b"", b"\x15"}
    victim.answers.append("closed")


def hello_of(version: int) -> bytes:
    """A ClientHello of an old version, which Python's ssl no longer sends: no extensions, two cipher suites."""
    body = version.to_bytes(2, "big") + bytes(32) + b"\0" + b"\0\x04\xc0\x09\xc0\x13" + b"\x01\0"
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake


@on_every_port
async def test_a_client_that_never_acknowledges_settings_is_disconnected(victim: Victim) -> None:
    async with victim.connect() as connection:
        connection.acknowledge_settings = False
        await connection.greet()
        assert (await connection.ask(GET, message(ID_42))).status == OK
        await connection.until(connection.closed.is_set)
    victim.answers.append("closed")


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"\xff\xff\xff\0\0\0\0\0\x01", id="frame-of-16-mib"),
        pytest.param(b"\0\0\x05\x06\0\0\0\0\0hello", id="ping-of-five-bytes"),
        pytest.param(b"\0\0\x05\x04\0\0\0\0\0hello", id="settings-of-five-bytes"),
        pytest.param(b"\0\0\x01\0\0\0\0\0\0x", id="data-on-stream-0"),
        pytest.param(HeadersFrame(2, b"\x82", flags=["END_HEADERS"]).serialize(), id="even-stream"),
        pytest.param(HeadersFrame(1, b"\xff" * 50, flags=["END_HEADERS"]).serialize(), id="no-hpack"),
        pytest.param(b"\0\0\0\x09\x04\0\0\0\x01", id="continuation-of-nothing"),
        pytest.param(SettingsFrame(0, settings={5: 1}).serialize(), id="max-frame-size-of-1"),
        pytest.param(SettingsFrame(0, settings={4: 2**32 - 1}).serialize(), id="window-of-4-gib"),
        pytest.param(RstStreamFrame(99, error_code=0).serialize(), id="reset-of-an-idle-stream"),
        pytest.param(GoAwayFrame(0, error_code=0).serialize(), id="goaway"),
    ],
)
async def test_an_invalid_frame_affects_only_its_own_connection(victim: Victim, frame: bytes) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        with suppress(ConnectionError):
            await connection.send(frame)
            await connection.ping()
        ended = connection.goaway is not None or connection.closed.is_set()
        if not ended:
            assert (await connection.ask(META, message(b""))).status == OK
    async with victim.connect() as another:
        await another.greet()
        assert (await another.ask(META, message(b""))).status == OK
    victim.answers.append("connection ended" if ended else "passed over")
