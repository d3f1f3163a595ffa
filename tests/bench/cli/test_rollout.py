"""`bench rollout` from end to end: real producers behind a real front."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bench.cli.rollout import rollout
from bench.front_programs import why_not_installed
from bench.fronts.registry import front
from bench.machine import NOT_PINNED
from bench.runner.front import RunningFront
from bench.runner.session import Session
from commands import command_line
from tests.support import measuring
from tests.support.fronts import haproxy_status

QUICK = ("--rate", "50", "--order", "stop-first")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.runner.rollout.LEAD_S", 0.3)
    monkeypatch.setattr("bench.runner.rollout.TAIL_S", 0.1)
    # How busy the machine is while tests run is not what is tested here.
    monkeypatch.setattr("bench.stats.send_lag.LATE_NS", 10**12)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """By replica, how checks of it ended whenever HAProxy was seen to have taken it out, in HAProxy's words."""
    found: dict[str, list[str]] = {}
    watching: set[asyncio.Task[None]] = set()
    start_front = Session.start_front

    async def watch(running: RunningFront) -> None:
        while True:
            for row in await haproxy_status(running):
                if row["svname"].startswith("replica") and row["status"] == "DOWN":
                    found.setdefault(row["svname"], []).append(row["check_status"])
            await asyncio.sleep(0.02)

    async def start(session: Session, *given: Any) -> RunningFront:
        running = await start_front(session, *given)
        watching.add(asyncio.create_task(watch(running)))
        return running

    monkeypatch.setattr(Session, "start_front", start)
    return found


def run(*arguments: str) -> int:
    app = command_line.application("")
    app.command()(rollout)
    return command_line.run(app, "bench rollout", ["--recipes", measuring.RECIPES, *arguments])


def needs(name: str) -> None:
    if (reason := why_not_installed(front(name))) is not None:
        pytest.skip(reason)


def results(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["results"]
    return found


def test_a_producer_that_is_stopped_without_a_front_loses_requests(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "rollout.json"
    arguments = ("--protocol", "http", "--front", "none", "--tls", "on", "--stop-notice", "off", "--fail-above", "0")
    assert run(*QUICK, *arguments, "--out", str(path)) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "HTTP/JSON with TLS without a front: " in said
    assert "More than 0 lost in a restart: 1 rollout of 1." in said
    (found,) = results(path)
    assert found["key"]["id"] == "http-get-tls-r50"
    (restart,) = found["restarts"]
    assert 0 < restart["began_ns"] <= restart["stopped_ns"] <= restart["gone_ns"] <= restart["ready_ns"]
    assert not restart["killed"]
    (lost,) = found["lost"]
    assert lost["restart"] == 1
    assert 0 < lost["count"] == found["failed"] < found["requests"]
    assert sum(cause["count"] for cause in lost["causes"]) == lost["count"]
    assert sum(each["failed"] for each in found["intervals"]) <= found["failed"]
    assert "Why requests were lost" in path.with_suffix(".html").read_text()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_notice_that_is_longer_than_the_front_needs_to_notice_loses_nothing_over_tls(
    protocol: str, watched: dict[str, list[str]], tmp_path: Path
) -> None:
    needs("haproxy")
    path = tmp_path / "rollout.json"
    # HAProxy gives a check no more than that for its TLS handshake, which takes long while a new process starts.
    arguments = ("--protocol", protocol, "--tls", "on", "--tls-at", "both", "--check-interval", "0.4")
    assert run(*QUICK, *arguments, "--stop-notice", "3", "--fail-above", "0", "--out", str(path)) == 0
    (found,) = results(path)
    assert found["front_version"]
    assert found["key"]["id"] == f"{protocol}-get-tls-at-both-r50-haproxy-x2-notice3-check0.4"
    assert [each["replica"] for each in found["restarts"]] == [1, 2]
    assert [(each["restart"], each["count"]) for each in found["lost"]] == [(1, 0), (2, 0)]
    assert all(each["gone_ns"] - each["stopped_ns"] >= 3e9 for each in found["restarts"])
    # Each was taken out while it served on, by checks that it answered: they failed by what it said.
    assert {name: causes[0][:2] for name, causes in watched.items()} == {"replica1": "L7", "replica2": "L7"}


def test_with_start_first_a_new_process_accepts_before_the_old_one_is_stopped(tmp_path: Path) -> None:
    needs("haproxy")
    path = tmp_path / "rollout.json"
    arguments = ("--protocol", "http", "--order", "start-first", "--stop-notice", "off", "--check-interval", "0.1")
    assert run(*arguments, "--rate", "50", "--out", str(path)) == 0
    (found,) = results(path)
    assert len(found["restarts"]) == 2
    assert all(each["began_ns"] <= each["ready_ns"] <= each["stopped_ns"] for each in found["restarts"])


def test_a_rollout_that_takes_too_long_has_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--protocol", "http", "--front", "none", "--stop-notice", "30", "--seconds", "1")
    assert run(*QUICK, *arguments) == 3
    assert "it was not over after 1 s; give more --seconds" in " ".join(capsys.readouterr().out.split())


def test_what_a_front_cannot_do_with_tls_is_refused_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    needs("haproxy")
    assert run("--protocol", "http", "--tls", "on", "--tls-at", "pass") == 2
    assert "HAProxy: in HTTP mode HAProxy reads requests, which TLS hides from it" in capsys.readouterr().err


def test_no_core_has_to_be_kept_awake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("bench.cli.matrix_flags.pinning_here", lambda: NOT_PINNED)
    assert run("--protocol", "http", "--front", "none", "--order", "start-first") == 3
    assert "--cores" not in capsys.readouterr().err


def test_two_processes_cannot_have_the_address_that_clients_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--protocol", "http", "--front", "none", "--order", "start-first") == 3
    assert "unsupported: without a front, clients know one address" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stop-notice", "soon"), "--stop-notice: 'soon' is not a number from 0 to 60, or off"),
        (("--check-interval", "0"), "--check-interval: '0' is not a number from 0.05 to 60"),
        (("--front", "apache"), "--front: 'apache' is not one of none, haproxy"),
        (("--order", "both"), "--order: 'both' is not one of stop-first, start-first"),
        (("--rate", "50000", "--seconds", "100"), "--rate × --seconds: 5,000,000 requests; at most 1,000,000"),
    ],
)
def test_values_that_will_not_do_are_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err
