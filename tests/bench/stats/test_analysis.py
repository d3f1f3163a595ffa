"""A whole run: which estimates a cell gets, its baselines, and how often a difference is reported."""

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from msgspec.structs import replace

from bench.load import latency_histogram
from bench.load_models import ClosedLoad, OpenLoad
from bench.results import Cell
from bench.slices import Slices
from bench.stats.analysis import analyse
from bench.stats.estimates import LATENCY, measured
from bench.stats.ratios import Baseline
from bench.stats.verdicts import headline_cells, headline_half_width
from consumers.registry import CONSUMERS
from tests.bench.stats.noise import Noise, cells_with_noise, matrix, with_columns

LOADS = (ClosedLoad(concurrency=1), ClosedLoad(concurrency=16), OpenLoad(rate_hz=500))


def run(seed: int, cells: list[Cell] | None = None, **given: object) -> list[Cell]:
    settings = {"instances": 4, "rounds": 12, **given}
    filled = cells_with_noise(np.random.default_rng(seed), cells or matrix(), **settings)  # type: ignore[arg-type]
    return analyse(filled, latency={}, baseline=Baseline("alpha"))


def by_id(cells: list[Cell]) -> dict[str, Cell]:
    return {cell.id: cell for cell in cells}


def test_every_cell_has_a_baseline_at_equal_gzip_and_tls_and_the_plain_one() -> None:
    found = by_id(run(1))
    cell = found["beta-list-11-0"]
    assert cell.ratio is not None
    assert cell.ratio.baseline == "alpha-list-11-0"
    assert cell.ratio_to_plain is not None
    assert cell.ratio_to_plain.baseline == "alpha-list-00-0"


def test_the_baseline_protocol_is_compared_with_its_own_plain_cell() -> None:
    found = by_id(run(1))
    gzip = found["alpha-get-10-0"]
    assert gzip.ratio is not None
    assert gzip.ratio.baseline == "alpha-get-00-0"
    assert gzip.ratio == gzip.ratio_to_plain
    assert found["alpha-get-00-0"].ratio is None
    assert found["alpha-get-00-0"].ratio_to_plain is None


def test_latency_is_compared_with_one_in_flight_or_in_open_loop_and_throughput_otherwise() -> None:
    found = by_id(run(2, matrix(loads=LOADS)))
    for load, throughput in ((0, False), (1, True), (2, False)):
        ratio = found[f"beta-get-00-{load}"].ratio
        assert ratio is not None
        assert ratio.baseline == f"alpha-get-00-{load}"
        assert (ratio.latency_ns_p50 is None) is throughput
        assert (ratio.requests_per_second is not None) is throughput


def test_baselines_share_client_network_and_connection() -> None:
    cells = matrix(protocols=("alpha", "beta"), workloads=("get",))
    cells = [replace(cell, client="raw") if cell.protocol == "alpha" else cell for cell in cells]
    assert all(cell.ratio is None for cell in run(3, cells) if cell.protocol == "beta")


def test_cells_without_a_result_have_no_estimates_and_are_no_baseline() -> None:
    cells = [replace(cell, status="generator_limited") if cell.id == "alpha-get-10-0" else cell for cell in matrix()]
    found = by_id(run(4, cells))
    limited = found["alpha-get-10-0"]
    assert limited.requests_per_second is None
    assert limited.cpu_us_per_request is None
    assert limited.ratio is None
    assert found["beta-get-10-0"].ratio is None
    assert found["beta-get-10-0"].ratio_to_plain is not None
    assert found["beta-get-00-0"].ratio is not None


def test_estimates_come_from_slices_and_histograms() -> None:
    cells = cells_with_noise(np.random.default_rng(5), matrix(loads=LOADS), instances=3, rounds=10)
    histograms: dict[str, dict[int, HdrHistogram]] = {}
    for cell in cells[:3]:
        histograms[cell.id] = {instance: latency_histogram.new_histogram() for instance in range(3)}
        for histogram in histograms[cell.id].values():
            latency_histogram.record_all(histogram, range(200_000, 201_000))
    found = analyse(
        cells, latency=histograms, service={cells[2].id: histograms[cells[2].id]}, baseline=Baseline("alpha")
    )
    assert found[0].latency_ns is not None
    assert found[0].latency_ns.p50 is not None
    assert found[0].latency_ns.p50.value == pytest.approx(200_500, rel=0.2)
    assert found[0].latency_ns.p90 is not None
    assert found[0].latency_ns.p90.value == pytest.approx(200_900, rel=2e-3)
    assert found[0].service_ns is None
    assert found[2].service_ns is not None
    assert found[2].service_ns.p90 == found[2].latency_ns.p90 if found[2].latency_ns else None
    assert found[3].latency_ns is not None
    assert found[3].latency_ns.p90 is None
    assert found[0].requests_per_second is not None
    assert found[0].requests_per_second.value == pytest.approx(5000, rel=0.2)
    assert found[0].cpu_us_per_request is not None
    assert found[0].cpu_us_per_request.producer is not None
    assert found[0].cpu_us_per_request.producer.value == pytest.approx(105, rel=0.2)
    assert cells[0].requests_per_second is None, "the cells passed in do not change"


def test_the_median_is_that_of_slices_and_disturbed_ones_do_not_move_it() -> None:
    """A quarter of the slices is disturbed and ten times as slow: all requests together have another median."""
    rows = [(instance, number) for instance in range(3) for number in range(8)]
    p50_ns = [1e6 if number < 2 else 1e5 * (1 + 0.01 * instance) for instance, number in rows]
    slices = Slices.of(
        instance=[instance for instance, _ in rows],
        round=[number for _, number in rows],
        ok=[10] * len(rows),
        failed=[0] * len(rows),
        p50_ns=p50_ns,
        duration_ns=[1_000_000] * len(rows),
        service_p50_ns=[value / 2 for value in p50_ns],
    )
    (found,) = analyse([replace(matrix()[0], slices=slices)], latency={}, baseline=Baseline("alpha"))
    assert found.latency_ns is not None
    assert found.latency_ns.p50 is not None
    assert found.latency_ns.p50.value == pytest.approx(1e5 * (1.00 * 1.01 * 1.02) ** (1 / 3))
    assert found.service_ns is not None
    assert found.service_ns.p50 is not None
    assert found.service_ns.p50.value == pytest.approx(found.latency_ns.p50.value / 2)
    levels = measured(slices, LATENCY)
    assert levels is not None
    assert np.exp(levels.value) == pytest.approx(found.latency_ns.p50.value)


def test_fewer_than_twenty_requests_have_no_median() -> None:
    slices = Slices.of(instance=[0, 1], round=[0, 0], ok=[10, 9], failed=[0, 0], p50_ns=[1e5, 1e5], duration_ns=[9, 9])
    (found,) = analyse([replace(matrix()[0], slices=slices)], latency={}, baseline=Baseline("alpha"))
    assert found.latency_ns is None
    assert found.requests_per_second is not None


@pytest.mark.parametrize(("instances", "restarts"), [(1, True), (5, False)])
def test_without_restarts_every_verdict_is_inconclusive(instances: int, restarts: bool) -> None:
    filled = cells_with_noise(np.random.default_rng(6), matrix(), instances=instances, rounds=60, effect={"beta": 1.0})
    for cell in analyse(filled, latency={}, baseline=Baseline("alpha"), restarts=restarts):
        for ratio in (cell.ratio, cell.ratio_to_plain):
            assert ratio is None or (
                ratio.latency_ns_p50 is not None
                and ratio.latency_ns_p50.verdict == "inconclusive"
                and ratio.latency_ns_p50.undecided == ("too_few" if restarts else "not_restarted")
                and ratio.latency_ns_p50.detectable_change is None
            )


def test_a_cell_that_failed_in_one_instance_is_compared_in_the_others() -> None:
    cells = cells_with_noise(np.random.default_rng(7), matrix(), instances=5, rounds=12, effect={"beta": 0.5})
    slices = cells[8].slices
    p50_ns = [None if instance == 2 else p50 for instance, p50 in zip(slices.instance, slices.p50_ns, strict=True)]
    cells[8] = with_columns(cells[8], p50_ns=p50_ns)
    ratio = analyse(cells, latency={}, baseline=Baseline("alpha"))[8].ratio
    assert ratio is not None
    assert ratio.latency_ns_p50 is not None
    assert ratio.latency_ns_p50.low is not None
    assert ratio.latency_ns_p50.value == pytest.approx(np.exp(0.5), rel=0.06)


@pytest.mark.no_cover
def test_comparing_equal_producers_reports_no_difference() -> None:
    """Of twenty runs, one may report a difference; the correction permits one in a hundred."""
    verdicts = [
        ratio.latency_ns_p50.verdict
        for seed in range(20)
        for cell in run(100 + seed, instances=5, rounds=16)
        for ratio in (cell.ratio, cell.ratio_to_plain)
        if ratio is not None and ratio.latency_ns_p50 is not None
    ]
    assert verdicts.count("faster") + verdicts.count("slower") <= 1
    assert len(verdicts) == 20 * (22 + 22)


@pytest.mark.no_cover
def test_a_protocol_that_is_five_percent_slower_is_detected() -> None:
    """In ten instances with realistic noise: in each of five runs, in most cells, and never in the wrong direction."""
    for seed in range(5):
        cells = run(200 + seed, instances=10, rounds=40, effect={"beta": float(np.log(1.05))}, noise=Noise(luck=0.003))
        headline = headline_cells(cells)
        assert len(headline) == 16
        verdicts = {
            cell.id: cell.ratio.latency_ns_p50.verdict for cell in headline if cell.ratio and cell.ratio.latency_ns_p50
        }
        assert sum(verdicts[cell.id] == "slower" for cell in headline if cell.protocol == "beta") >= 5
        assert all(verdicts[cell.id] in ("same", "inconclusive") for cell in headline if cell.protocol == "gamma")
        assert all((headline_half_width(cell) or 1) < 0.05 for cell in headline)


OTHER_DIALECT = (("", "x"), ("-y", "y"))
"""Endings of ids, and dialects; the first is the protocols' own."""


def in_dialects(cells: list[Cell]) -> list[Cell]:
    """The cells in their protocol's own dialect, and again in the other."""
    return [replace(cell, id=f"{cell.id}{suffix}", dialect=name) for suffix, name in OTHER_DIALECT for cell in cells]


def test_other_dialects_are_compared_with_the_baselines_own_and_are_no_headline_ratios(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for protocol in ("alpha", "beta"):
        monkeypatch.setitem(CONSUMERS, protocol, {"x": "", "y": ""})
    found = by_id(run(1, in_dialects(matrix(protocols=("alpha", "beta"), workloads=("get",)))))
    for cell, baseline in (
        ("beta-get-11-0-y", "alpha-get-11-0"),
        ("alpha-get-11-0-y", "alpha-get-11-0"),
        ("alpha-get-00-0-y", "alpha-get-00-0"),
        ("beta-get-11-0", "alpha-get-11-0"),
        ("alpha-get-11-0", "alpha-get-00-0"),
    ):
        ratio = found[cell].ratio
        assert ratio is not None
        assert ratio.baseline == baseline, cell
    assert found["alpha-get-00-0"].ratio is None
    assert {cell.id for cell in headline_cells(list(found.values()))} == {
        f"beta-get-{variant}-0" for variant in ("00", "01", "10", "11")
    }
