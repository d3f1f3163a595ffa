"""Experiments with fronts from end to end: flags, tables, results in a file, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli.front_errors import front_errors
from bench.cli.front_keep_alive import front_keep_alive
from bench.cli.front_limits import front_limits
from bench.cli.front_reuse import front_reuse
from bench.cli.front_streams import front_streams
from commands import command_line
from tests.support import measuring
from tests.support.fronts import installed


def run(command: Callable[..., int], *arguments: str) -> int:
    app = command_line.application("")
    app.command()(command)
    return command_line.run(app, f"bench {command.__name__}", ["--recipes", measuring.RECIPES, *arguments])


def test_limits_are_shown_and_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    installed("haproxy")
    path = tmp_path / "limits.json"
    arguments = ("--protocol", "http", "--limit", "queue-time", "--seconds", "1", "--out", str(path))
    assert run(front_limits, *arguments) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "4 in flight, others wait 0.2 s: HTTP/JSON status 503." in shown
    content = json.loads(path.read_text())
    (found,) = content["results"]
    assert content["experiment"] == "front limits"
    assert found["answered"] + sum(way["requests"] for way in found["ways"]) == found["requests"]
    assert found["version"]
    assert "503 Service Unavailable" in path.with_suffix(".html").read_text()


def test_keep_alive_without_a_front_shows_the_producers_limit_alone(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--protocol", "http", "--front", "none", "--network", "rtt=100ms", "--burst", "2")
    assert run(front_keep_alive, *arguments, "--producer-keep-alive", "0.5", "--seconds", "9") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "HTTP/JSON, where the producer closes: of 10,000 requests after about 0.45 s without any, fail: " in shown
    assert shown.count("no front ") == 1


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (front_errors, ("--protocol", "graphql", "--incident", "unknown"), "GraphQL errors in the body."),
        (front_streams, ("--streams", "2"), "gRPC without a front, 2 streams at the producer: p50"),
    ],
)
def test_experiments_work_without_a_front(
    command: Callable[..., int], arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, *arguments, "--front", "none", "--seconds", "1") == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_nothing_measured_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(front_limits, "--protocol", "http", "--front", "nginx", "--limit", "queue-length", "--seconds", "1") == 3
    assert "No limit has a result." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (front_limits, ("--limit", "speed"), "--limit: 'speed' is not one of in-flight, queue-time"),
        (front_limits, ("--front", "none"), "--front: 'none' is not one of haproxy"),
        (front_keep_alive, ("--producer-keep-alive", "soon"), "--producer-keep-alive: 'soon'"),
        (front_keep_alive, ("--producer-keep-alive", "600", "--front-keep-alive", "600"), "--idle: 600 s is too long"),
        (front_keep_alive, ("--network", "rtt=soon"), "--network: 'rtt=soon'"),
        (front_keep_alive, ("--retries", ""), "--retries is empty"),
        (front_keep_alive, ("--closed-by", "consumer"), "--closed-by: 'consumer' is not one of producer, front"),
        (front_keep_alive, ("--closed-by", "front", "--consumer-keep-alive", "0"), "--consumer-keep-alive: '0'"),
        (front_errors, ("--incident", "flood"), "--incident: 'flood' is not one of unknown, hanging"),
        (front_streams, ("--streams-at", "client"), "--streams-at: 'client' is not one of front, producer"),
        (front_reuse, ("--front", "none"), "--front: 'none' is not one of haproxy"),
    ],
)
def test_wrong_flags_are_named(
    command: Callable[..., int], arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, *arguments) == 2
    assert said in capsys.readouterr().err
