"""`bench check`: facts to words, trivial servers against the real consumers, and the command itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bench.cli.check import check
from bench.runner.findings import Facts, findings, in_words
from bench.runner.noop_servers import RECIPE_ID, factory
from commands import command_line
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.registry import PRODUCERS

GOOD = Facts(
    cores=4,
    apart=True,
    governor="performance",
    used_by_others=0.02,
    stolen=0.0,
    speed_spread=0.03,
    clock_step_ns=30,
    timer_late_p50_ns=20e3,
    timer_late_p99_ns=90e3,
    round_trip_p50_ns=15e3,
    round_trip_p99_ns=40e3,
    ceilings_hz={"http library": 9876.5},
)


def bad(facts: Facts) -> list[str]:
    return [one.name for one in findings(facts) if not one.fine]


def test_a_good_machine() -> None:
    assert bad(GOOD) == []
    assert in_words(findings(GOOD)) == "Ratios, latencies and tails can be trusted here."
    assert [one.figure for one in findings(GOOD) if one.name.startswith("ceiling")] == ["9,876/s"]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"governor": "powersave"}, "frequency"),
        ({"stolen": 0.03}, "stolen time"),
        ({"speed_spread": 0.3}, "steadiness"),
        ({"timer_late_p99_ns": 3e6}, "timer"),
        ({"round_trip_p50_ns": 1e6}, "loopback floor"),
        ({"clock_step_ns": 1_000_000}, "clock"),
    ],
)
def test_what_absolute_figures_suffer_from(changed: dict[str, object], name: str) -> None:
    facts = replace(GOOD, **changed)  # type: ignore[arg-type]
    assert bad(facts) == [name]
    assert in_words(findings(facts)).startswith("Ratios can be trusted here")
    assert name in in_words(findings(facts))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"apart": False, "cores": 1}, "cores"),
        ({"used_by_others": 0.5}, "other programs"),
        ({"ceilings_hz": {"grpc library": "it ended"}}, "ceiling, grpc library"),
    ],
)
def test_what_makes_a_machine_unfit(changed: dict[str, object], name: str) -> None:
    facts = replace(GOOD, **changed)  # type: ignore[arg-type]
    assert bad(facts) == [name]
    assert in_words(findings(facts)).startswith("Not a machine to measure on")


def test_what_a_system_does_not_tell_is_left_out() -> None:
    facts = replace(GOOD, governor=None, stolen=None)
    assert bad(facts) == []
    assert "stolen time" not in [one.name for one in findings(facts)]


@asynccontextmanager
async def trivial(name: str) -> AsyncIterator[int]:
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
async def test_the_real_consumer_takes_the_trivial_answer(protocol: str) -> None:
    """More requests at once, and one after the other, than any flow-control window lets through unrenewed."""
    async with trivial(protocol) as port:
        settings = ClientSettings(target=parse_target(f"127.0.0.1:{port}"), connections=4)
        async with client(protocol, settings) as consumer:
            for _ in range(30):
                answers = await asyncio.gather(*(consumer.get(RECIPE_ID) for _ in range(16)))
                assert {(recipe.id, recipe.name) for recipe in answers} == {(RECIPE_ID, "Toast")}


async def test_requests_in_pieces_are_put_together() -> None:
    async with trivial("http") as port:
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
    assert "ceiling, grpc library" in said
    assert "/s" in said
    assert "trusted here" in said or "Not a machine" in said
    assert command_line.run(app, "bench check", ["--protocol", "soap"]) == 2
