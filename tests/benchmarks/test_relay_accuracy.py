"""The evaluation of the relay's error, and that it can be measured. No test depends on its size."""

from typing import Any

import pytest

from benchmarks.relay_accuracy import Finding, received_ns, received_rate, table
from tests.support.programs import assert_one_line_error, run

MILLISECOND = 1_000_000


def finding(**changed: Any) -> Finding:
    settings: dict[str, Any] = {
        "network": "wifi",
        "direction": "up",
        "delay_ns": 20 * MILLISECOND,
        "late_ns": [100_000] * 100,
        "set_up_ns": 60 * MILLISECOND,
        "set_up_late_ns": [200_000] * 3,
        "bits_per_second": 20_000_000,
        "bits_per_second_found": 19_800_000.0,
        **changed,
    }
    return Finding(**settings)


@pytest.mark.parametrize(
    ("changed", "good"),
    [
        ({}, True),
        ({"late_ns": [1_100_000] * 100}, False),
        ({"late_ns": [1_100_000] * 100, "delay_ns": 100 * MILLISECOND}, True),
        ({"late_ns": [-1_100_000] * 100}, False),
        ({"late_ns": [0] * 95 + [3 * MILLISECOND] * 5}, False),
        ({"set_up_late_ns": [1_300_000] * 3}, False),
        ({"set_up_late_ns": [1_100_000] * 3}, True),
        ({"bits_per_second_found": 20_500_000.0}, False),
        ({"bits_per_second_found": 19_500_000.0}, False),
        ({"bits_per_second": None, "bits_per_second_found": None}, True),
    ],
)
def test_an_error_within_a_millisecond_or_two_percent_is_accepted(changed: dict[str, Any], good: bool) -> None:
    assert finding(**changed).good is good


def test_a_rate_counts_bytes_after_the_clock_was_started() -> None:
    assert received_rate([(0, 5_000), (500, 5_500), (1_000_000, 6_000)]) == 8_000_000


def test_a_message_is_complete_with_its_last_byte() -> None:
    assert received_ns([(1, 3), (2, 4), (3, 15), (4, 16)], 4) == [2, 3, 3, 4]


def test_the_table_shows_expected_and_measured_values() -> None:
    lines = table(
        [finding(), finding(network="rtt=1ms", bits_per_second=None, late_ns=[2 * MILLISECOND] * 9)]
    ).splitlines()
    assert lines[2] == "| wifi | up | 20.000 | 0.100 | 0.100 | 60.000 | 0.200 | 20 | 19.80 | -1.00% | yes |"
    assert lines[3] == "| rtt=1ms | up | 20.000 | 2.000 | 2.000 | 60.000 | 0.200 | no limit | – | – | no |"


@pytest.mark.usefixtures("traced")
def test_the_error_can_be_measured() -> None:
    found = run("benchmarks.relay_accuracy", "--network", "rtt=2ms,down=2mbit,jitter=1ms")
    assert found.returncode in {0, 3}, found.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in found.stdout.splitlines()[2:]]
    assert [(row[1], row[2], row[8]) for row in rows] == [
        ("rtt=2ms,down=2mbit,jitter=1ms", "up", "no limit"),
        ("rtt=2ms,down=2mbit,jitter=1ms", "down", "2"),
    ]
    # Nothing is early: not one message in a hundred, nor half of the connections.
    assert all(float(row[5]) >= 0 and float(row[7]) >= 0 for row in rows)


def test_an_invalid_network_is_a_one_line_error() -> None:
    assert_one_line_error(run("benchmarks.relay_accuracy", "--network", "5g"), 2, "--network: '5g'")
