"""Figures of a run that goes on."""

from bench.report.interim import figures
from bench.slices import Slice
from bench.spec import CellKey
from bench.stats.ratios import Baseline
from tests.support.runs import LIST, ONE, SIXTEEN

HTTP, GRPC, GRAPHQL = (CellKey(protocol=protocol, load=ONE) for protocol in ("http", "grpc", "graphql"))
BASELINE = Baseline("http")


def slices(p50_ns: float, instances: int = 3, spread: float = 0.01) -> list[Slice]:
    return [
        Slice(instance=instance, round=number, ok=10, p50_ns=p50_ns * (1 + spread * (instance % 2)))
        for instance in range(instances)
        for number in range(8)
    ]


def test_headline_ratios_with_their_widths() -> None:
    recorded = {HTTP: slices(1e5, spread=0), GRPC: slices(2e5), GRAPHQL: slices(3.1e5)}
    assert figures(recorded, BASELINE) == "get: gRPC 2.0× ±1.4 %, GraphQL 3.1× ±1.4 %"


def test_the_first_configuration_with_anything_to_compare_is_shown() -> None:
    lists = {CellKey(protocol=key.protocol, load=ONE, workload=LIST): slices(1e6, spread=0) for key in (HTTP, GRPC)}
    assert figures({HTTP: [], GRPC: [], **lists}, BASELINE) == "list20: gRPC 1.00× ±0 %"


def test_nothing_is_shown_that_is_not_known() -> None:
    assert figures({}, BASELINE) == ""
    assert figures({HTTP: [], GRPC: []}, BASELINE) == ""
    wild = [Slice(instance=instance, ok=10, p50_ns=1e5 * 50**instance) for instance in range(3)]
    assert figures({HTTP: slices(1e5), GRPC: wild}, BASELINE) == ""
    assert figures({CellKey(protocol="http", load=SIXTEEN): slices(1e5)}, BASELINE) == ""


def test_without_comparisons_the_first_median_is_shown() -> None:
    assert figures({HTTP: slices(1e5, spread=0)}, BASELINE) == "http-get-c1: 100 µs (100–100)"
