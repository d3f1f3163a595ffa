"""Objectives: parsing, meaning, and the errors of invalid ones."""

import pytest

from bench.runner.slo_search import BadObjective, Objective, missed, parse


@pytest.mark.parametrize(
    ("text", "measure", "limit"),
    [
        ("p99<20ms", "p99", 20e6),
        (" p99.9 < 1.5 s ", "p99.9", 1.5e9),
        ("p50<250us", "p50", 250e3),
        ("p50<250µs", "p50", 250e3),
        ("max<1s", "max", 1e9),
        ("errors<0.1%", "errors", 0.001),
    ],
)
def test_valid_objectives_are_parsed(text: str, measure: str, limit: float) -> None:
    found = parse(text)
    assert found.measure == measure
    assert found.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p99", "is not like"),
        ("p99>20ms", "is not like"),
        ("p98<20ms", "names none of p50"),
        ("p99<20", "names none of"),
        ("p99<20%", "names none of"),
        ("errors<5ms", "names none of"),
        ("p99<0ms", "the limit must be above 0"),
        ("p99<-1ms", "is not like"),
        ("", "is not like"),
    ],
)
def test_invalid_objectives_are_refused(text: str, said: str) -> None:
    with pytest.raises(BadObjective, match=said):
        parse(text)


def test_an_objective_is_met_below_its_limit_only() -> None:
    p99 = parse("p99<20ms")
    assert p99.missed_by({"p99": 19.9e6}, 0.0) is None
    assert p99.missed_by({"p99": 20e6}, 0.0) == "p99 20 ms"
    assert p99.missed_by({}, 0.0) == "no request was successful"
    errors = parse("errors<1%")
    assert errors.missed_by({}, 0.009) is None
    assert errors.missed_by({}, 0.01) == "1 % errors"
    assert missed([p99, errors], {"p99": 1e6}, 0.5) == "50 % errors"
    assert missed([p99, errors], {"p99": 1e6}, 0.0) is None


@pytest.mark.parametrize(
    ("objective", "samples"),
    [("p50<1ms", 20), ("p99<1ms", 1000), ("p99.9<1ms", 10_000), ("max<1s", 10), ("errors<0.1%", 10_000)],
)
def test_how_many_responses_an_objective_needs(objective: str, samples: int) -> None:
    found: Objective = parse(objective)
    assert found.samples_needed == samples
