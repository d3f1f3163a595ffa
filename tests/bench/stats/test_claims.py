"""Claims and their verdicts, on made runs whose ratios are given."""

import math
from typing import Any

import pytest
from msgspec.structs import replace

from bench.clients.registry import CLIENTS
from bench.network import profile
from bench.plan import implemented
from bench.results import Cell, Run
from bench.slices import Slice, Slices
from bench.spec import CellKey
from bench.stats.claims import (
    NOT_TESTED,
    CheckedClaim,
    Claim,
    ClaimVerdict,
    Quantity,
    Quotient,
    checked_claims,
    verdict_of,
)
from bench.stats.published_claims import CLAIMS
from bench.workloads import WORKLOADS
from tests.support.runs import ONE, SIXTEEN, cell, run

HTTP = CellKey(protocol="http", load=ONE)
GRPC = CellKey(protocol="grpc", load=ONE)
INSTANCES = 8
DIVIDED = (Quotient((GRPC,), (HTTP,)),)


def of(protocol: str, latency_ns: float, *, spread: float = 0.0, instances: int = INSTANCES, **given: Any) -> Cell:
    """A cell with this median latency and twice that in CPU time; instances lie apart by `spread`, as a share."""
    slices = [
        Slice(
            instance=instance,
            round=number,
            duration_ns=10**7,
            ok=50,
            p50_ns=latency_ns * (1 + spread * (-1) ** instance),
            producer_cpu_ns=int(50 * 2 * latency_ns),
        )
        for instance in range(instances)
        for number in range(4)
    ]
    return cell(protocol, **{"slices": Slices(slices), **given})


def claim(**given: Any) -> Claim:
    made: dict[str, Any] = {
        "name": "made",
        "text": "made",
        "source": "nobody",
        "set_up": "none",
        "needs": "bench run",
        "quotients": DIVIDED,
    }
    return Claim(**(made | given))


def checked(cells: list[Cell], **given: Any) -> CheckedClaim:
    (found,) = checked_claims(run(cells), [claim(**given)])
    return found


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.5, 0.9), "holds"),
        ((0.5, 1.0), "holds"),
        ((0.9, 1.1), "inconclusive"),
        ((1.1, 1.2), "does not hold"),
        ((0.0, 0.9), "inconclusive"),
        ((0.1, 0.2), "does not hold"),
        ((0.0, math.inf), "inconclusive"),
        (None, "inconclusive"),
    ],
)
def test_the_interval_decides(interval: tuple[float, float] | None, verdict: ClaimVerdict) -> None:
    assert verdict_of(interval, claim(at_least=0.3, at_most=1.0)) == verdict


def test_a_ratio_that_is_known_well_holds_or_does_not() -> None:
    cells = [of("http", 100e3), of("grpc", 200e3)]
    assert checked(cells, at_most=1).verdict == "does not hold"
    found = checked(cells, at_least=1.9, at_most=2.1)
    assert found.verdict == "holds"
    (ratio,) = found.ratios
    assert ratio.value == pytest.approx(2)


def test_a_ratio_that_is_known_badly_is_inconclusive() -> None:
    assert checked([of("http", 100e3), of("grpc", 110e3, spread=0.5)], at_most=1).verdict == "inconclusive"


def test_without_restarts_nothing_is_decided() -> None:
    one_instance = [of("http", 100e3, instances=1), of("grpc", 200e3, instances=1)]
    assert checked(one_instance, at_most=1).verdict == "inconclusive"
    cells = [of("http", 100e3), of("grpc", 200e3)]
    (found,) = checked_claims(run(cells, environment={"foreign_target": True}), [claim(at_most=1)])
    assert (found.verdict, found.ratios[0].interval) == ("inconclusive", None)


def test_one_configuration_that_contradicts_is_enough() -> None:
    gzip = (replace(GRPC, gzip=True), replace(HTTP, gzip=True))
    both = (*DIVIDED, Quotient((gzip[0],), (gzip[1],)))
    cells = [of("http", 100e3), of("grpc", 50e3), of("http", 100e3, gzip=True), of("grpc", 200e3, gzip=True)]
    found = checked(cells, quotients=both, at_most=1)
    assert [each.verdict for each in found.ratios] == ["holds", "does not hold"]
    assert found.verdict == "does not hold"
    # What was not measured is left out.
    assert checked(cells[:2], quotients=both, at_most=1).verdict == "holds"


def test_what_was_not_measured_is_not_tested() -> None:
    cells = [of("http", 100e3), of("grpc", 200e3, status="failed")]
    assert checked(cells, at_most=1).verdict == NOT_TESTED
    assert checked(cells, quotients=()).verdict == NOT_TESTED
    assert {each.verdict for each in checked_claims(run([]), CLAIMS)} == {NOT_TESTED}


def test_a_ratio_of_ratios() -> None:
    gzip = (replace(GRPC, gzip=True), replace(HTTP, gzip=True))
    cells = [of("http", 100e3), of("grpc", 200e3), of("http", 100e3, gzip=True), of("grpc", 300e3, gzip=True)]
    found = checked(cells, quotients=(Quotient((gzip[0], HTTP), (gzip[1], GRPC)),), at_least=1.4, at_most=1.6)
    assert found.verdict == "holds"
    assert found.ratios[0].value == pytest.approx(1.5)


def test_cpu_and_sizes_are_compared_too() -> None:
    cells = [of("http", 100e3), of("grpc", 300e3)]
    assert checked(cells, quantity=Quantity.SERVER_CPU, at_least=2.9, at_most=3.1).verdict == "holds"
    # All cells of these runs have the same message.
    found = checked(cells, quantity=Quantity.MESSAGE, at_least=1, at_most=1)
    assert found.verdict == "holds"
    assert list(found.ratios[0].interval or ()) == [1, 1]
    assert checked([replace(each, bytes=None) for each in cells], quantity=Quantity.MESSAGE).verdict == NOT_TESTED


def test_a_rate_that_the_client_limited_is_a_bound() -> None:
    quotients = (Quotient((replace(GRPC, load=SIXTEEN),), (replace(HTTP, load=SIXTEEN),)),)
    rate: dict[str, Any] = {"quantity": Quantity.RATE, "quotients": quotients}

    def rates(*limited: str) -> list[Cell]:
        cells = [of("http", 100e3, load=SIXTEEN), of("grpc", 200e3, load=SIXTEEN)]
        return [_busy(each) if each.protocol in limited else each for each in cells]

    # Both served the same number in the same time.
    assert checked(rates(), **rate, at_least=0.9, at_most=1.1).verdict == "holds"
    assert checked(rates("http"), **rate, at_least=0.9, at_most=1.1).verdict == "inconclusive"
    assert checked(rates("http"), **rate, at_most=1.1).verdict == "holds"
    assert checked(rates("grpc"), **rate, at_least=0.9).verdict == "holds"
    assert checked(rates("http", "grpc"), **rate, at_most=1.1).verdict == "inconclusive"


def _busy(found: Cell) -> Cell:
    """The client used all of its core, and the producer half of its own."""
    count = len(found.slices)
    columns = {"consumer_cpu_ns": [9_900_000] * count, "producer_cpu_ns": [5_000_000] * count}
    return replace(found, slices=found.slices.with_columns(**columns))


def test_intervals_widen_with_the_number_of_ratios() -> None:
    cells = [
        of(protocol, 100e3, spread=spread, gzip=gzip)
        for gzip in (False, True)
        for protocol, spread in (("http", 0.0), ("grpc", 0.02))
    ]
    made: Run = run(cells)
    (alone,) = checked_claims(made, [claim()])
    other = claim(quotients=(Quotient((replace(GRPC, gzip=True),), (replace(HTTP, gzip=True),)),))
    together, _ = checked_claims(made, [claim(), other])
    narrow, wide = alone.ratios[0].interval, together.ratios[0].interval
    assert narrow is not None
    assert wide is not None
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_published_claims_can_be_tested_by_runs_of_this_lab() -> None:
    assert len({each.name for each in CLAIMS}) == len(CLAIMS)
    for each in CLAIMS:
        assert each.at_least <= each.at_most
        assert (each.at_least > 0) or (each.at_most < math.inf) or not each.quotients
        for key in (key for quotient in each.quotients for key in quotient.keys):
            assert key.workload.name in WORKLOADS
            assert key.client in CLIENTS
            assert implemented(key.protocol, [key.implementation]) == [key.implementation]
            assert profile.names([key.network]) == [key.network]
            assert key.load is not None
