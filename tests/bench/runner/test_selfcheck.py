"""`bench check`: findings from measurements, no-op servers with the real clients, and the command itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bench.cli.check import check
from bench.machine import usable_cpus
from bench.runner.findings import MachineMeasured, findings, summary
from bench.runner.noop_servers import RECIPE_ID, factory
from commands import command_line
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.registry import PRODUCERS

GOOD = MachineMeasured(
    cores=4,
    apart=True,
    governor="performance",
    used_by_others=0.02,
    steal=0.0,
    slow_pieces=0.03,
    clock_step_ns=30,
    timer_late_p50_ns=20e3,
    timer_late_p99_ns=90e3,
    round_trip_p50_ns=15e3,
    round_trip_p99_ns=40e3,
    ceilings_hz={"http library": 9876.5},
)


def bad(measured: MachineMeasured) -> list[str]:
    return [one.name for one in findings(measured) if not one.good]


def test_a_good_machine_has_no_findings() -> None:
    assert bad(GOOD) == []
    assert summary(findings(GOOD)) == "Ratios, latencies and tails can be trusted on this machine."
    assert [one.value for one in findings(GOOD) if one.name.startswith("ceiling")] == ["9,876/s"]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"governor": "powersave"}, "CPU governor"),
        ({"steal": 0.03}, "CPU steal"),
        ({"slow_pieces": 0.3}, "CPU speed"),
        ({"timer_late_p99_ns": 3e6}, "timer"),
        ({"round_trip_p50_ns": 1e6}, "loopback round trip"),
        ({"clock_step_ns": 1_000_000}, "clock"),
    ],
)
def test_findings_that_leave_only_ratios_trusted(changed: dict[str, object], name: str) -> None:
    measured = replace(GOOD, **changed)  # type: ignore[arg-type]
    assert bad(measured) == [name]
    assert summary(findings(measured)).startswith("Ratios can be trusted on this machine")
    assert name in summary(findings(measured))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"apart": False, "cores": 1}, "cores"),
        ({"used_by_others": 0.5}, "other programs"),
        ({"ceilings_hz": {"grpc library": "it ended"}}, "ceiling, grpc library client"),
    ],
)
def test_findings_that_make_a_machine_unfit(changed: dict[str, object], name: str) -> None:
    measured = replace(GOOD, **changed)  # type: ignore[arg-type]
    assert bad(measured) == [name]
    assert summary(findings(measured)).startswith("This machine is not fit to measure on")


def test_unavailable_values_are_left_out() -> None:
    measured = replace(GOOD, governor=None, steal=None)
    assert bad(measured) == []
    assert "CPU steal" not in [one.name for one in findings(measured)]


@asynccontextmanager
async def noop(name: str) -> AsyncIterator[int]:
    accepted: list[Any] = []

    def accept() -> asyncio.Protocol:
        accepted.append(factory(name)())
        return accepted[-1]  # type: ignore[no-any-return]

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for protocol in accepted:
            protocol.transport.abort()
        # Aborting takes effect in the loop's next turn.
        await asyncio.sleep(0)


@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_the_real_consumer_accepts_the_noop_response(protocol: str) -> None:
    """Enough requests, concurrently and in sequence, to require flow-control window updates."""
    async with noop(protocol) as port:
        settings = ClientSettings(target=parse_target(f"127.0.0.1:{port}"), connections=4)
        async with client(protocol, settings) as consumer:
            for _ in range(30):
                answers = await asyncio.gather(*(consumer.get(RECIPE_ID) for _ in range(16)))
                assert {(recipe.id, recipe.name) for recipe in answers} == {(RECIPE_ID, "Toast")}


async def test_requests_in_pieces_are_reassembled() -> None:
    async with noop("http") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in (b"POST / HTTP/1.1\r\nContent-Le", b"ngth: 5\r\n\r\nab", b"cde", b"GET / HTTP/1.1\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
        answers = await reader.readuntil(b"}}") + await reader.readuntil(b"}}")
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        writer.close()
        await writer.wait_closed()


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    app = command_line.application("")
    app.command()(check)
    assert command_line.run(app, "bench check", ["--protocol", "grpc"]) in (0, 3)
    said = capsys.readouterr().out
    assert "ceiling, grpc library client" in said
    (cores,) = (line for line in said.splitlines() if "cores" in line and "producers and load" in line)
    assert f" {len(usable_cpus())} " in cores
    assert "/s" in said
    assert "trusted on this machine" in said or "not fit to measure on" in said
    assert command_line.run(app, "bench check", ["--protocol", "soap"]) == 2
