"""An independent check: the bytes that tshark captures on the ports of producer and front equal those of the lab."""

import asyncio
import re
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from bench.front_programs import why_not_installed
from bench.fronts.plan import FrontPlan
from bench.fronts.registry import front
from bench.machine import NOT_PINNED
from bench.protocols import protocol as row
from bench.runner.session import Session
from bench.wire.anatomy import anatomy_of
from bench.wire.measure import Ask, Behind, measure, record
from bench.wire.recording import Direction, Recording
from bench.wire.tap import HOST, open_tap
from consumers.registry import CONSUMERS
from consumers.target import Target
from producers import certificates
from tests.bench.wire.test_measure import connecting, producing

PATIENCE_S = 30.0
SNAPPED_BYTES = 160
"""Headers are enough: the lengths stand in them."""
FIELDS = ("tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.flags.fin", "tcp.analysis.retransmission")


def missing() -> str:
    """Why tshark cannot be used; empty when it can."""
    absent = [program for program in ("dumpcap", "tshark") if shutil.which(program) is None]
    return f"{' and '.join(absent)} not installed (Debian: apt-get install tshark)" if absent else ""


@asynccontextmanager
async def captured(file: Path, *ports: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Capture the traffic of ports on the loopback interface, until the end of the block."""
    chosen = " or ".join(f"tcp port {port}" for port in ports)
    process = await asyncio.create_subprocess_exec(
        *("dumpcap", "-p", "-i", "lo", "-f", chosen, "-s", str(SNAPPED_BYTES), "-B", "64", "-w", str(file)),
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
    """The bytes sent to a server's port and from it, without retransmissions."""
    total = Counter({"sent": 0, "received": 0})
    for packet in seen:
        if not packet["tcp.analysis.retransmission"] and str(port) in (packet["tcp.srcport"], packet["tcp.dstport"]):
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
        async with captured(capture, target.port):
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


def recorded_bytes(recordings: Sequence[Recording]) -> dict[str, int]:
    """All bytes that a tap recorded."""
    return {
        direction.value: sum(len(each.content(direction)) for each in recordings)
        for direction in (Direction.SENT, Direction.RECEIVED)
    }


@pytest.mark.skipif(bool(missing()), reason=missing() or "installed")
@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_tshark_counts_the_same_bytes_on_both_sides_of_a_front(protocol: str, tmp_path: Path) -> None:
    if (reason := why_not_installed(front("haproxy"))) is not None:
        pytest.skip(reason)
    files = certificates.write(tmp_path)
    asks: list[Ask] = [lambda asker: asker.list(20), lambda asker: asker.get(7)] * 4
    async with (
        producing(protocol, files) as (plain, _),
        open_tap(plain.host, plain.port) as tap,
        Session(NOT_PINNED) as session,
    ):
        plan = FrontPlan(protocol=protocol, upstreams=(f"{HOST}:{tap.port}",), health=None)
        target = replace((await session.start_front(front("haproxy"), plan)).target, path=plain.path)
        capture = tmp_path / "capture.pcapng"
        async with captured(capture, target.port, tap.port):
            recorded = await record(connecting(protocol), target, asks, Behind(tap, tls=False))
            behind = [*recorded.behind]
            seen: list[dict[str, int]] = []
            due = [recorded_bytes(recorded.before), recorded_bytes(behind)]
            deadline = monotonic() + PATIENCE_S
            while seen != due and monotonic() < deadline:
                found = await packets(capture)
                # The front may send frames of the connection after the last response.
                behind += tap.take()
                due = [recorded_bytes(recorded.before), recorded_bytes(behind)]
                seen = [payload(found, port) for port in (target.port, tap.port)]
    assert seen == due
    assert all(each["sent"] and each["received"] for each in due)
    assert due[0] != due[1] or protocol == "http"
