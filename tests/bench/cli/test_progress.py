"""Progress: lines for a log, and a bar for a terminal, each with steps, the time left and figures."""

import io

import pytest
from rich.console import Console

from bench.cli import progress
from bench.cli.progress import Progress


@pytest.fixture(name="clock")
def fake_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_now_and_then(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    asked = []
    with Progress(100.0, lambda: asked.append(1) or "get: gRPC 1.7× ±3 %") as shown:  # type: ignore[func-returns-value]
        for second in range(50):
            clock[0] = float(second)
            shown.update(second / 100, f"instance 1/2, round {second}")
    assert capsys.readouterr().err.splitlines() == [
        "instance 1/2, round 0; 100 s left; get: gRPC 1.7× ±3 %",
        "instance 1/2, round 20; 80 s left; get: gRPC 1.7× ±3 %",
        "instance 1/2, round 40; 60 s left; get: gRPC 1.7× ±3 %",
    ]
    assert len(asked) == 3, "figures take time to compute"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_has_figures_below_the_bar(width: int, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, height=20, force_terminal=True, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    figures = iter(["", "get: GraphQL 2.5× ±4 %, gRPC 1.7× ±3 %", *["get: GraphQL 2.5× ±4 %, gRPC 1.7× ±2 %"] * 9])
    with Progress(100.0, lambda: next(figures)) as shown:
        for second in (0, 1, 30, 50):
            clock[0] = float(second)
            shown.update(second / 100, "instance 12/16, round 31")
    text = [line for line in out.getvalue().replace("\r", "\n").splitlines() if "s left" in line or "GraphQL" in line]
    assert "50 s left  instance 12/16, round 31" in text[-2]
    assert "get: GraphQL 2.5× ±4 %, gRPC 1.7× ±2 %" in text[-1]
