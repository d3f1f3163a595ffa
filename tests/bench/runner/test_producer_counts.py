"""Counts of a producer that does not show them: its process has ended, or ends meanwhile."""

import asyncio
import socket

import pytest

from bench.runner.processes import ProcessFailed
from bench.runner.producer_counts import counts_at


async def test_counts_that_nobody_shows_are_an_error() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(ProcessFailed, match=r"does not show what was counted: .*refused"):
            await counts_at(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncut", b"neither HTTP\r\n\r\n", b""])
async def test_a_response_that_breaks_off_is_an_error(answer: bytes) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ProcessFailed, match="does not show what was counted"):
            await counts_at(f"http://127.0.0.1:{port}")
