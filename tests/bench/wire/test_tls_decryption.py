"""Decrypting connections that Python's ssl made in memory, with its key log, and with wrong bytes and keys."""

import ssl
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.wire.recording import Chunk, Direction, Recording, Unreadable
from bench.wire.tls import (
    APPLICATION_DATA,
    ConnectionSecrets,
    Decrypted,
    TrafficSecrets,
    Undecipherable,
    decrypt,
    parse_tls,
    read_key_log,
)
from producers import certificates

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
QUESTION, ANSWER = b"what is for dinner?", b"onion soup " * 4_000


@cache
def conversation() -> tuple[Recording, str]:
    """A recorded TLS connection, with a request and its response in interval 0 and the end in 1; and its key log."""
    with tempfile.TemporaryDirectory() as aside:
        files = certificates.write(Path(aside))
        keys = Path(aside) / "keys"
        client_context = ssl.create_default_context(cafile=str(files.ca))
        client_context.keylog_filename = str(keys)
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(files.server, files.server_key)
        recording = converse(client_context, server_context)
        return recording, keys.read_text(encoding="ascii")


def converse(client_context: ssl.SSLContext, server_context: ssl.SSLContext) -> Recording:
    ends = {SENT: (ssl.MemoryBIO(), ssl.MemoryBIO()), RECEIVED: (ssl.MemoryBIO(), ssl.MemoryBIO())}
    """Where the writer puts bytes, and where the reader takes them from."""
    client = client_context.wrap_bio(ends[RECEIVED][1], ends[SENT][0], server_hostname="localhost")
    server = server_context.wrap_bio(ends[SENT][1], ends[RECEIVED][0], server_side=True)
    chunks: list[Chunk] = []

    def carry(interval: int) -> None:
        for direction, (written, readable) in ends.items():
            if data := written.read():
                chunks.append(Chunk(direction, interval, data))
                readable.write(data)

    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
                waiting.remove(side)
            carry(0)
    client.write(QUESTION)
    carry(0)
    assert server.read(100) == QUESTION
    server.write(ANSWER)
    carry(0)
    got = b""
    while len(got) < len(ANSWER):
        got += client.read(1 << 16)
    assert got == ANSWER
    for side in (client, server):
        with suppress(ssl.SSLWantReadError):
            side.unwrap()
        carry(1)
    return Recording(chunks)


def secrets() -> dict[bytes, ConnectionSecrets]:
    return read_key_log(conversation()[1])


def decrypted(recording: Recording) -> Decrypted:
    return decrypt(parse_tls(recording), secrets())


def test_decrypted_content_keeps_its_interval() -> None:
    recording, _ = conversation()
    found = decrypted(recording)
    assert found.recording.content(SENT) == QUESTION
    assert found.recording.content(RECEIVED) == ANSWER
    assert {chunk.interval for chunk in found.recording.chunks} == {0}


HANDSHAKE, ALERT = 22, 21


def test_every_record_has_its_inner_type() -> None:
    recording, _ = conversation()
    connection, found = parse_tls(recording), decrypted(recording)
    by_type: dict[tuple[Direction, int, int], int] = {}
    for direction in Direction:
        for record, inner in zip(connection.records[direction], found.inner[direction], strict=True):
            assert (inner is None) == (record.kind != APPLICATION_DATA)
            if inner is not None:
                assert len(record.fragment) == inner.content_bytes + inner.padding_bytes + connection.protection_bytes
                key = (direction, record.interval, inner.kind)
                by_type[key] = by_type.get(key, 0) + inner.content_bytes
    assert by_type[SENT, 0, HANDSHAKE] in (36, 52)
    assert by_type[RECEIVED, 0, HANDSHAKE] > 500
    assert by_type[SENT, 1, ALERT] == 2
    assert by_type[SENT, 0, APPLICATION_DATA] == len(QUESTION)
    assert by_type[RECEIVED, 0, APPLICATION_DATA] == len(ANSWER)


def test_any_chunking_gives_the_same() -> None:
    recording, _ = conversation()
    single = Recording(
        [
            Chunk(chunk.direction, chunk.interval, chunk.data[at : at + 1])
            for chunk in recording.chunks
            for at in range(len(chunk.data))
        ]
    )
    assert decrypted(single) == decrypted(recording)


def test_a_key_log_that_does_not_hold_the_connection() -> None:
    recording, _ = conversation()
    with pytest.raises(Undecipherable, match="the client does not write a key log"):
        decrypt(parse_tls(recording), {})


def test_other_lines_in_a_key_log_are_ignored() -> None:
    _, log = conversation()
    lines = ["# a comment", "CLIENT_RANDOM 00 zz", "CLIENT_TRAFFIC_SECRET_0 aa bb", "", "one two three four"]
    assert read_key_log("\n".join([*lines, log])) == read_key_log(log)
    assert len(read_key_log(log)) == 1


@given(st.text())
def test_any_text_can_be_read_as_a_key_log(text: str) -> None:
    assert read_key_log(text) == {}


@pytest.mark.parametrize("direction", ["client", "server"])
@pytest.mark.parametrize("stage", ["handshake", "application"])
def test_wrong_keys_decrypt_nothing(direction: str, stage: str) -> None:
    recording, _ = conversation()
    ((random, right),) = secrets().items()
    of_direction: TrafficSecrets = getattr(right, direction)
    wrong = replace(of_direction, **{stage: bytes(len(of_direction.handshake))})
    with pytest.raises(Undecipherable, match="does not decrypt every record"):
        decrypt(parse_tls(recording), {random: replace(right, **{direction: wrong})})


@given(st.data())
def test_truncated_and_damaged_recordings_raise_documented_errors_only(data: st.DataObject) -> None:
    recording, _ = conversation()
    damaged = []
    for chunk in recording.chunks[: data.draw(st.integers(1, len(recording.chunks)))]:
        content = bytearray(chunk.data[: data.draw(st.integers(1, len(chunk.data)))])
        for _ in range(data.draw(st.integers(0, 2))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        damaged.append(Chunk(chunk.direction, chunk.interval, bytes(content)))
    with suppress(Undecipherable, Unreadable):
        found = decrypted(Recording(damaged))
        assert ANSWER.startswith(found.recording.content(RECEIVED))
