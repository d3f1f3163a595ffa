"""The answer of a run: which is fastest where verdicts show it, what the tables hold, how far to trust it."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from bench.load_models import OpenLoad
from bench.report.answer import Answer, answer_of
from bench.report.grouping import grouped
from bench.results import Cell, Run, Verdict
from bench.slices import Slices
from tests.support.model_runs import Asked, known_run
from tests.support.runs import (
    LIST,
    SIXTEEN,
    cell,
    client_limited,
    latency_ratio,
    rate_ratio,
    run,
    small,
    two_variants,
    without_figures,
)


def answer(given: Run) -> Answer:
    return answer_of(given, grouped(given))


def rivals(verdict: Verdict, **of_cells: object) -> list[Cell]:
    """HTTP/JSON, and gRPC at 2.1 times its latency with this verdict."""
    http = cell("http", **of_cells)  # type: ignore[arg-type]
    return [http, cell("grpc", ratio=latency_ratio(http.id, 2.1, verdict), **of_cells)]  # type: ignore[arg-type]


def test_the_fastest_is_named_where_all_others_are_slower() -> None:
    assert answer(small()).result == (
        "HTTP/JSON is fastest (this machine, loopback). GraphQL takes 3.0× as long, gRPC 2.0×."
    )


def test_comparisons_are_counted_over_groups_and_variants() -> None:
    cells = [*rivals("slower"), *rivals("slower", workload=LIST), *rivals("inconclusive", workload=LIST, gzip=True)]
    assert answer(run(cells)).result == (
        "HTTP/JSON is fastest in 2 of 3 latency comparisons; no clear winner in list20 gzip (this machine, loopback). "
        "gRPC takes 2.1× as long."
    )


def test_a_winner_that_is_not_the_baseline() -> None:
    assert answer(two_variants(("faster", "faster"))).result == (
        "gRPC is fastest in both latency comparisons (this machine, loopback)."
    )


def test_without_verdicts_nothing_is_called_the_fastest() -> None:
    assert answer(run(rivals("inconclusive"))).result == (
        "No clear winner; HTTP/JSON has the lowest median (this machine, loopback)."
    )


def test_one_protocol_is_compared_with_itself_without_gzip_and_tls() -> None:
    found = answer(run([cell("http"), cell("http", gzip=True, ratio=latency_ratio("http-get-c1", 1.3, "slower"))]))
    assert found.result == "Median latency: HTTP/JSON 150 µs (get) (this machine, loopback, plain)."
    assert found.levels is not None
    assert found.levels.baseline == "plain"
    plain, gzip = found.levels.rows[0].levels
    assert plain is not None
    assert plain.ratio is None
    assert gzip is not None
    assert gzip.ratio is not None
    assert gzip.ratio.value == 1.3


def test_throughput_alone() -> None:
    cells = [cell("http", load=SIXTEEN), cell("grpc", load=SIXTEEN, ratio=rate_ratio("http-get-c16", 0.5, "slower"))]
    found = answer(run(cells))
    assert found.result == "HTTP/JSON has the highest throughput (this machine, loopback). gRPC reaches 0.50× its rate."
    assert found.levels is not None
    assert found.levels.measure == "requests_per_second"


def test_open_loop() -> None:
    found = answer(run(rivals("slower", load=OpenLoad(rate_hz=500))))
    assert found.levels is not None
    assert found.levels.load == "at 500 requests/s"
    assert found.costs is not None
    assert found.costs.rate_load == ""


def test_a_network_has_a_sentence_of_its_own() -> None:
    found = answer(run([*rivals("slower"), *rivals("inconclusive", network="4g")]))
    assert found.result.startswith("HTTP/JSON is fastest (this machine, loopback).")
    measured = [each.text for each in found.networks if not each.predicted]
    assert measured == ["No clear winner; HTTP/JSON has the lowest median (4g)."]


def test_targets_are_not_this_machine() -> None:
    cells = [
        cell("http"),
        cell("grpc", ratio=latency_ratio("http-get-c1", 2.1, "inconclusive", undecided="not_restarted")),
    ]
    found = answer(run(cells, environment={"foreign_target": True}))
    assert found.result.endswith("(running servers, loopback).")
    assert found.trust.ranking == "ranking unknown (targets not restarted)"
    assert found.levels is not None
    assert found.levels.verdicts == "? no verdicts: running servers were measured, which the lab does not restart."


def test_predictions_are_marked() -> None:
    found = [each for each in answer(known_run(Asked(connections=("persistent",)))).networks if each.predicted]
    assert found[0].text.startswith("gzip helps HTTP/JSON below ")
    assert found[1].text.startswith("Over 4g (50 ms, 30 Mbit/s) protocols differ by ")


def test_two_versions_state_the_result_of_the_gate() -> None:
    slower = cell("http", version="new", ratio=latency_ratio("http-get-c1", 1.5, "slower", low=1.4, high=1.6))
    given = run([cell("http", version="old"), replace(slower, id="new-http-get-c1")])
    given = replace(given, plan=replace(given.plan, threshold=0.02))
    found = answer(given)
    assert found.result.startswith("1 regression, slower by more than 2 %: new-http-get-c1.")
    assert found.alarming
    assert not answer(small()).alarming


def test_rows_without_results_state_why() -> None:
    found = answer(run([cell("http"), without_figures("grpc", "failed", "it crashed")]))
    assert found.levels is not None
    assert [level.status for level in found.levels.levels] == ["", "failed"]
    assert found.scope.startswith("1 of 2 configurations, 8 instances, 150 s, 2,000 requests, 0 errors")


def test_an_interrupted_run_with_errors() -> None:
    given = run([cell("http", outcomes={"ok": 90, "timeout": 10})])
    given = replace(given, plan=replace(given.plan, interrupted=True, instances_done=3, recorded_share=0.5))
    assert answer(given).scope == (
        "1 configuration, interrupted with 3 of 8 instances, 150 s (75 s measured), 100 requests, 10 errors"
    )


def test_costs_are_of_the_first_variant_with_bytes_of_both_directions() -> None:
    found = answer(small()).costs
    assert found is not None
    assert (found.variant, found.rate_load) == ("plain", "with 16 requests in flight")
    http = found.rows[0]
    assert (http.wire_bytes, http.server_cpu_ns, http.client_cpu_ns) == (1480, 75_000, 50_000)
    assert http.rate is not None
    assert http.rate.value is not None
    assert http.rate.value.value == pytest.approx(6667, rel=1e-3)


def test_a_rate_that_the_client_limited_is_a_bound() -> None:
    found = answer(run([cell("http"), client_limited(cell("http", load=SIXTEEN))]))
    assert found.costs is not None
    assert found.costs.rows[0].rate is not None
    assert found.costs.rows[0].rate.is_bound
    assert found.trust.client == "client limit in 1"


def test_the_raw_client_is_named_and_not_shown() -> None:
    found = answer(run([*rivals("slower"), cell("http", client="raw")]))
    assert found.levels is not None
    assert [row.group for row in found.levels.rows] == ["get", "get"]
    assert found.elsewhere == ("get-raw",)


def test_what_all_groups_share_is_not_named() -> None:
    found = answer(run([cell("http", client="raw", cores="default"), cell("http", client="raw", workload=LIST)]))
    assert found.levels is not None
    assert [row.group for row in found.levels.rows] == ["get-default-cores", "list20"]


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        (("slower", "slower"), "All differences significant (99 %, all verdicts together)."),
        (("faster", "same"), "1 of 2 differences significant (99 %, all verdicts together); = within 3 % (1)."),
        (("inconclusive", "inconclusive"), "? inconclusive (all: too noisy)."),
    ],
)
def test_verdicts_in_a_sentence(verdicts: tuple[Verdict, Verdict], text: str) -> None:
    found = answer(two_variants(verdicts)).levels
    assert found is not None
    assert found.verdicts == text


def test_trust() -> None:
    assert answer(small()).trust.line == (
        "ranking good (2 of 2 verdicts) · precision of medians ±11 % · p99 for 3 of 3 · client never the limit · "
        "1 warning"
    )
    assert answer(two_variants(("slower", "inconclusive"))).trust.ranking == "ranking partial (1 of 2 verdicts)"
    unknown = answer(two_variants(("inconclusive", "inconclusive"))).trust
    assert unknown.ranking == "ranking unknown (one instance)"


def test_precision_is_that_of_headline_ratios() -> None:
    two = Slices.of(instance=[0, 1])
    ratio = latency_ratio("http-get-c1", 2.0, "slower", low=1.9, high=2.1)
    found = answer(run([cell("http", slices=two), cell("grpc", slices=two, ratio=ratio)]))
    assert found.trust.precision == "precision ±5.1 %"
    vague = latency_ratio("http-get-c1", 2.0, "inconclusive", low=0.1, high=40)
    found = answer(run([cell("http", slices=two), cell("grpc", slices=two, ratio=vague)]))
    assert found.trust.precision == "precision worse than ±100 %"


def test_nothing_measured() -> None:
    assert answer(run([])).result == "Nothing was measured."
    untimed = replace(cell("http", latency_ns=None, requests_per_second=None), load=None)
    found = answer(run([untimed]))
    assert found.result == "Bytes were counted; nothing was compared or timed."
    assert found.costs is None


def test_bytes_alone() -> None:
    untimed = [replace(each, load=None, latency_ns=None) for each in rivals("slower")]
    assert untimed[1].bytes is not None
    smaller = replace(untimed[1].bytes, response=replace(untimed[1].bytes.response, wire_bytes=620.0))
    found = answer(run([untimed[0], replace(untimed[1], bytes=smaller)]))
    assert found.result == "gRPC moves the fewest bytes (request + response on the wire)."
    assert found.levels is not None
    assert (found.levels.measure, found.levels.baseline) == ("wire_bytes", "HTTP/JSON")
    http, grpc = found.levels.levels
    assert http.value is not None
    assert (http.value.value, http.exact_ratio) == (1480, None)
    assert grpc.exact_ratio == 0.5


def test_it_is_json() -> None:
    shown = json.loads(msgspec.json.encode(answer(small())))
    assert shown["levels"]["rows"][1]["levels"][0]["ratio"]["verdict"] == "slower"
    assert shown["limits"][0]["code"] == "busy_machine"
