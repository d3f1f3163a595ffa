"""`bench check`: findings from measurements, no-op servers with the real clients, and the command itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bench.cgroup import Throttling
from bench.cli.check import check, tables
from bench.machine import Pinning, usable_cpus
from bench.runner.findings import MachineMeasured, findings, limits_of, summary
from bench.runner.noop_servers import RECIPE_ID, factory
from bench.runner.selfcheck import used_and_stolen
from bench.topology import Core, read_topology
from commands import command_line
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.registry import PRODUCERS

CORES = tuple(Core((2 * core, 2 * core + 1)) for core in range(4))
APART = Pinning((6,), (0,), siblings=(1, 7))
TWO_SIBLINGS = Pinning((1,), (0,), siblings=(0, 1))
ONE_CPU = Pinning((), ())
GOOD = MachineMeasured(
    cores=CORES,
    pinning=APART,
    throttling=None,
    other_runs=0,
    governor="performance",
    used_by_others=0.02,
    steal=0.0,
    slow_pieces=0.03,
    clock_step_ns=30,
    timer_late_p50_ns=20e3,
    timer_late_p99_ns=90e3,
    round_trip_p50_ns=15e3,
    round_trip_p99_ns=40e3,
    ceilings_hz={("http", "library"): 9876.5, ("http", "raw"): 54321.0},
)


def bad(measured: MachineMeasured) -> list[str]:
    return [one.name for one in findings(measured) if not one.good]


def test_a_good_machine_has_no_findings() -> None:
    assert bad(GOOD) == []
    assert summary(findings(GOOD)) == "Ratios, latencies and tails can be trusted on this machine."


def test_ceilings_are_a_table_of_protocols_and_clients() -> None:
    measured = replace(GOOD, ceilings_hz={**GOOD.ceilings_hz, ("grpc", "raw"): "it ended"})
    of_machine, ceilings = tables(measured, findings(measured))
    assert [column.heading for column in ceilings.columns] == ["", "library", "raw"]
    assert [[entry.text for entry in row.entries] for row in ceilings.rows] == [["9,876", "54,321"], ["–", "–"]]
    assert of_machine.rows[-1].headings == ("ceiling, grpc raw",)
    assert [entry.text for entry in of_machine.rows[-1].entries] == ["!", "unknown", "it ended"]
    assert len(list(tables(replace(GOOD, ceilings_hz={}), findings(GOOD)))) == 1


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
        ({"pinning": ONE_CPU, "cores": (Core((0,)),)}, "cores"),
        ({"pinning": TWO_SIBLINGS, "cores": (Core((0, 1)),)}, "cores"),
        ({"pinning": replace(APART, quota_cores=1.5)}, "CPU quota"),
        ({"pinning": replace(APART, quota_cores=3.0), "throttling": Throttling(100, 2)}, "CPU quota"),
        ({"other_runs": 1}, "other runs"),
        ({"used_by_others": 0.5}, "other programs"),
        ({"ceilings_hz": {("grpc", "library"): "it ended"}}, "ceiling, grpc library"),
    ],
)
def test_findings_that_make_a_machine_unfit(changed: dict[str, object], name: str) -> None:
    measured = replace(GOOD, **changed)  # type: ignore[arg-type]
    assert bad(measured) == [name]
    assert summary(findings(measured)).startswith("This machine is not fit to measure on")


@pytest.mark.parametrize(
    ("changed", "name", "value", "meaning"),
    [
        ({}, "cores", "4 with 8 CPUs", "producers and load have a physical core each"),
        (
            {"pinning": TWO_SIBLINGS, "cores": (Core((0, 1)),)},
            "cores",
            "1 with 2 CPUs",
            "producers and load share one physical core and slow each other down: trust ratios, not latencies",
        ),
        ({}, "CPU quota", "none", "nothing limits the CPU time of this process"),
        (
            {"pinning": replace(APART, quota_cores=2.0), "throttling": Throttling(100, 1)},
            "CPU quota",
            "2 cores",
            "a run keeps 2 cores busy",
        ),
        (
            {"pinning": replace(APART, quota_cores=0.5), "throttling": Throttling(30, 12)},
            "CPU quota",
            "0.5 cores, throttled in 12 of 30 periods",
            "a run needs the time of 2 cores and waits for it: raise the quota",
        ),
        ({"other_runs": None}, "other runs", "unknown", "the temporary directory cannot be used to notice them"),
        ({"other_runs": 2}, "other runs", "2", "they measure on the same cores: wait for their end"),
    ],
)
def test_what_limits_the_cores_is_shown(changed: dict[str, object], name: str, value: str, meaning: str) -> None:
    measured = replace(GOOD, **changed)  # type: ignore[arg-type]
    (found,) = (one for one in findings(measured) if one.name == name)
    assert (found.value, found.meaning) == (value, meaning)


def test_kinds_of_cores_are_shown_where_they_differ() -> None:
    hybrid = (*CORES, Core((8,), kind=1), Core((9,), kind=1))
    measured = replace(GOOD, cores=hybrid)
    (found,) = (one for one in findings(measured) if one.name == "kinds of cores")
    assert (found.value, found.good) == ("4 fast, 2 slower", True)
    assert bad(replace(measured, pinning=Pinning((0,), (9,)))) == ["kinds of cores"]
    assert "kinds of cores" not in [one.name for one in findings(GOOD)]


def test_what_will_disturb_a_run_is_said_before_it() -> None:
    assert limits_of(APART, 0) == limits_of(replace(APART, quota_cores=2.0), None) == []
    assert limits_of(replace(APART, quota_cores=0.5), 1) == [
        "The CPU quota is 0.5 cores, and a run keeps 2 busy: it will be throttled. Raise the quota of the container or "
        "service.",
        "Another run measures on the same cores. Measure one after the other.",
    ]
    assert limits_of(APART, 2) == ["2 other runs measure on the same cores. Measure one after the other."]


def test_unavailable_values_are_left_out() -> None:
    measured = replace(GOOD, governor=None, steal=None)
    assert bad(measured) == []
    assert "CPU steal" not in [one.name for one in findings(measured)]


@dataclass(frozen=True)
class Times:
    """Of one CPU, in percent."""

    idle: float
    iowait: float = 0.0


@dataclass(frozen=True)
class TimesOfGuest(Times):
    steal: float = 0.0


def test_other_programs_count_on_the_cores_that_are_measured() -> None:
    idle, busy = Times(idle=95.0, iowait=5.0), Times(idle=20.0)
    assert used_and_stolen([idle, busy, idle, idle], (0, 1))[0] == pytest.approx(0.4)
    assert used_and_stolen([idle, busy, idle, idle], (2, 3))[0] == pytest.approx(0.0)
    # One of four is off, so which of the others is CPU 3 is not known.
    assert used_and_stolen([idle, busy, idle], (0, 3))[0] == pytest.approx(0.8 / 3)


def test_stolen_time_is_not_that_of_other_programs() -> None:
    used, stolen = used_and_stolen([TimesOfGuest(idle=70.0, steal=20.0)], (0,))
    assert used == pytest.approx(0.1)
    assert stolen == 0.2
    assert used_and_stolen([Times(idle=70.0)], (0,))[1] is None


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
    assert max(map(len, said.splitlines())) <= 80
    assert "Client ceiling, requests/s against a no-op server" in said
    (cores,) = (line for line in said.splitlines() if line.startswith("cores ") and "producers and load" in line)
    assert f" {len(read_topology(usable_cpus()).of(usable_cpus()))} " in cores
    assert "CPU quota" in said
    assert "other runs" in said
    assert "trusted on this machine" in said.splitlines()[0] or "not fit to measure on" in said.splitlines()[0]
    assert command_line.run(app, "bench check", ["--protocol", "soap"]) == 2
