"""The help of every command: grouped flags, each with its default, within the terminal."""

import re

import pytest

from bench.cli.slo import DEFAULT_OBJECTIVE
from bench.workloads import WORKLOADS
from tests.support.programs import run_here

COMMANDS = ("run", "compare", "report", "sizes", "instructions", "advise", "ask", "slo", "check")


def help_of(command: str) -> str:
    done = run_here("bench", command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_look_alike(command: str) -> None:
    text = " ".join(help_of(command).split())
    shown = re.findall(r"\[default: ([^]]+)\]", text)
    assert shown
    assert not [default for default in shown if re.fullmatch(r"\d+\.0|0\.\d+", default)], "not as it would be typed"
    assert "default: (" not in text


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        ("run", ["What to measure", "Load", "Time and order", "Servers and versions", "Output"]),
        ("sizes", ["What to measure", "Time and order", "Servers and versions", "Output"]),
        ("instructions", ["What to measure", "Servers and versions", "Output"]),
        ("slo", ["What to measure", "Objectives", "Servers and versions", "Time and order", "Output"]),
        ("advise", ["Responses and network", "Measurements to predict from"]),
        ("report", ["Arguments", "Output"]),
    ],
)
def test_flags_are_grouped(command: str, groups: list[str]) -> None:
    titles = re.findall(r"^(\w.*):$", help_of(command), re.MULTILINE)
    assert titles == [*groups, "Other options"]
    assert help_of(command).partition("Other options:")[2].count("--") == 1, "--help alone"


@pytest.mark.parametrize("command", ["run", "sizes", "instructions", "slo"])
def test_every_workload_is_named(command: str) -> None:
    assert f"Comma-separated: {', '.join(WORKLOADS)}." in " ".join(help_of(command).split())


def test_thresholds_are_percentages() -> None:
    for command in ("run", "compare"):
        assert re.search(r"\[default: 2%", " ".join(help_of(command).split()))


def test_the_defaults_of_slo_are_its_own() -> None:
    text = " ".join(help_of("slo").split())
    assert f"[default: '{DEFAULT_OBJECTIVE}']" in text
    assert "Without gzip, with gzip, or both. [default: off]" in text
