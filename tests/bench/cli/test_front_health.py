"""`bench front health` from end to end: real producers behind a real front."""

import json
from pathlib import Path

import pytest

from bench.cli.front_health import front_health
from bench.front_programs import why_not_installed
from bench.fronts.registry import front
from commands import command_line
from tests.support import measuring


def run(*arguments: str) -> int:
    app = command_line.application("")
    app.command()(front_health)
    return command_line.run(app, "bench front health", ["--recipes", measuring.RECIPES, *arguments])


def test_a_replica_that_is_not_ready_is_left_alone_and_a_new_one_gets_its_share(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if (reason := why_not_installed(front("haproxy"))) is not None:
        pytest.skip(reason)
    monkeypatch.setattr("bench.runner.front_health.LEAD_S", 0.2)
    monkeypatch.setattr("bench.runner.front_health.Reactions.out_s", lambda *_: 2.5)
    # How busy the machine is while tests run is not what is tested here.
    monkeypatch.setattr("bench.stats.send_lag.LATE_NS", 10**12)
    path = tmp_path / "health.json"
    arguments = ("--protocol", "http", "--tls", "on", "--tls-at", "producer", "--fault", "not-ready", "--rate", "50")
    waits = ("--check-interval", "0.3", "--seconds", "3", "--timeout", "30")
    assert run(*arguments, *waits, "--out", str(path)) == 0
    (found,) = json.loads(path.read_text())["results"]
    (reaction,) = found["reactions"]
    assert reaction["fault"] == "not-ready"
    assert (reaction["in_flight_failed"], reaction["later_failed"]) == (0, 0)
    assert reaction["still_in"] is False
    assert reaction["share_after_ns"] is not None
    said = " ".join(capsys.readouterr().out.split())
    assert "HTTP/JSON with TLS at the producer behind HAProxy: one that is not ready was out after" in said
    assert "Until a front has noticed" in path.with_suffix(".html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--front", "none"), "--front none: nothing chooses among replicas then; give one of haproxy, "),
        (("--replicas", "1"), "--replicas 1: nothing is left when one fails; give 2 or more"),
        (("--fault", "slow"), "--fault: 'slow' is not one of killed, not-ready, hanging"),
        (("--check-interval", "0"), "--check-interval: '0' is not a number from 0.05 to 60"),
    ],
)
def test_values_that_will_not_do_are_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err
