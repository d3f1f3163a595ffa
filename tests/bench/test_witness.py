"""An independent check: the bytes that tshark captures on the producer's port equal those of the anatomy."""

import asyncio
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.protocols import protocol as row
from bench.wire.anatomy import anatomy_of
from bench.wire.measure import Ask, measure
from consumers.registry import CONSUMERS
from consumers.target import Target
from producers import certificates
from tests.bench.wire.test_measure import connecting, producing

PATIENCE_S = 30.0
SNAPPED_BYTES = 160
"""Headers are enough: the lengths stand in them."""
FIELDS = ("tcp.srcport", "tcp.stream", "tcp.len", "tcp.flags.fin", "tcp.analysis.retransmission")


def missing() -> str:
    """Why tshark cannot be used; empty when it can."""
    absent = [program for program in ("dumpcap", "tshark") if shutil.which(program) is None]
    return f"{' and '.join(absent)} not installed (Debian: apt-get install tshark)" if absent else ""


@asynccontextmanager
async def captured(port: int, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Capture the traffic of a port on the loopback interface, until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *("dumpcap", "-p", "-i", "lo", "-f", f"tcp port {port}", "-s", str(SNAPPED_BYTES), "-B", "64", "-w", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    try:
        # It prints the name of the file once it captures.
        while b"File:" not in said:
            line = await asyncio.wait_for(process.stderr.readline(), PATIENCE_S)
            if not line:
                pytest.skip(f"dumpcap may not capture here: {said.decode(errors='replace').strip()}")
            said += line
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        rest = await process.stderr.read()
        await process.wait()
    dropped = re.search(rb"Packets received/dropped on interface '.*?': \d+/(\d+)", rest)
    assert dropped is not None, rest
    assert dropped[1] == b"0"


async def packets(file: Path) -> list[dict[str, str]]:
    """The packets in a capture, which may still be growing."""
    process = await asyncio.create_subprocess_exec(
        *("tshark", "-r", str(file), "-T", "fields", *(word for field in FIELDS for word in ("-e", field))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    lines = (line.split("\t") for line in output.decode().splitlines())
    return [dict(zip(FIELDS, line, strict=True)) for line in lines if len(line) == len(FIELDS)]


async def packets_to_the_end(file: Path, connections: int) -> list[dict[str, str]]:
    """The packets, once both ends of so many connections have been seen to finish."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen = await packets(file)
            finished = {
                (packet["tcp.stream"], packet["tcp.srcport"]) for packet in seen if is_true(packet["tcp.flags.fin"])
            }
            if len(finished) >= 2 * connections:
                return seen


def is_true(value: str) -> bool:
    """Whether a flag is set; versions of tshark write it differently."""
    return value in {"1", "True"}


def payload(seen: list[dict[str, str]], port: int) -> dict[str, int]:
    """The bytes sent to the producer's port and from it, without retransmissions."""
    total = Counter({"sent": 0, "received": 0})
    for packet in seen:
        if not packet["tcp.analysis.retransmission"]:
            total["received" if int(packet["tcp.srcport"]) == port else "sent"] += int(packet["tcp.len"])
    return dict(total)


@pytest.mark.skipif(bool(missing()), reason=missing() or "installed")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("protocol", CONSUMERS)
async def test_tshark_counts_the_same_bytes(protocol: str, tls: bool, tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    asks: list[Ask] = [lambda asker: asker.list(20), lambda asker: asker.get(7)] * 4
    async with producing(protocol, files) as (plain, encrypted):
        target: Target = encrypted if tls else plain
        capture = tmp_path / "capture.pcapng"
        async with captured(target.port, capture):
            measured = await measure(
                connect=connecting(protocol, gzip=True, ca=files.ca),
                plain=plain,
                tls=encrypted if tls else None,
                codec=row(protocol).codec(),
                asks=asks,
            )
            seen = await packets_to_the_end(capture, connections=1)
    assert measured.reading is not None, measured.warnings
    found = anatomy_of(measured.reading)
    assert found is not None
    assert payload(seen, target.port) == found.total
