"""The summary of a workload in sentences."""

from itertools import product

import pytest
from msgspec.structs import replace

from bench.load_models import OpenLoad
from bench.report import summary
from bench.report.grouping import PLAIN, Variant, grouped
from bench.results import InFlight, Ratio, RatioEstimate, Run, Undecided, Verdict
from bench.wire.results import Bytes, SetupSizes
from tests.bench.stats.noise import slices_of
from tests.bench.stats.test_attribution import still
from tests.support.runs import (
    SIXTEEN,
    cell,
    client_limited,
    latency_ratio,
    rate_ratio,
    run,
    set_fields,
    sizes,
    small,
    two_variants,
    without_figures,
)


def statements(given: Run) -> dict[str, str]:
    grouping = grouped(given)
    return {each.topic: each.text for each in summary.of_workload(grouping.groups[0], grouping)}


def answering(wire: float) -> Bytes:
    return Bytes(request=sizes(0, 0, 100, 100), response=sizes(900, 900, wire, wire), setup=SetupSizes())


def test_topics_have_a_fixed_order() -> None:
    assert list(statements(small())) == ["Latency", "Throughput", "Bytes", "CPU", "Limits"]
    assert list(statements(two_variants())) == ["Latency", "Effect of gzip", "Bytes", "CPU", "Limits"]


def test_gzip_costs_time_and_saves_bytes() -> None:
    text = statements(two_variants())["Effect of gzip"]
    assert (
        "HTTP/JSON: gzip makes it 1.30× slower (1.17–1.43), median 150 → 190 µs; response shrinks from 1,360 to" in text
    )
    assert "gRPC: latency with gzip, median 300 → 340 µs" in text


def test_without_sizes_they_are_not_mentioned() -> None:
    given = two_variants()
    for each in given.cells:
        set_fields(each, bytes=None)
    said = statements(given)
    assert "response" not in said["Effect of gzip"]
    assert "Bytes" not in said
    assert "Bytes were not measured." in said["Limits"]


def test_the_fewest_bytes_are_named_when_one_protocol_has_them() -> None:
    given = run([cell("http", bytes=answering(1300)), cell("grpc", bytes=answering(900))])
    assert (
        "gRPC moves the fewest bytes: 1,000 B per request + response (HTTP/JSON 1,400 B; on the wire"
        in statements(given)["Bytes"]
    )
    given = run([cell("http", bytes=answering(900)), cell("grpc", bytes=answering(900))])
    assert "fewest" not in statements(given)["Bytes"]
    assert "fewest" not in statements(run([cell("http")]))["Bytes"]


def test_cpu_of_both_sides() -> None:
    assert statements(run([cell("http"), cell("grpc")]))["CPU"] == (
        "Per request with 1 request in flight, without gzip and TLS: server HTTP/JSON 75.0, gRPC 150 µs; "
        "client HTTP/JSON 50.0, gRPC 100 µs."
    )
    assert "CPU" not in statements(run([cell("http", cpu_us_per_request=None)]))


def test_unknown_results_are_listed() -> None:
    cells = [*two_variants().cells, without_figures("graphql", "unsupported", "no such call")]
    set_fields(cells[0], latency_ns=None)
    text = statements(run(cells))["Limits"]
    assert (
        "1 of 2 comparisons with HTTP/JSON is inconclusive (too noisy: grpc-get-gzip-c1). A slowdown of 12 % "
        "would have been detected there." in text
    )
    assert "1 configuration has no results: graphql-get-c1 (unsupported)." in text


def test_a_workload_without_measurements_has_one_sentence() -> None:
    cells = [without_figures(protocol, "interrupted", "stopped") for protocol in ("http", "grpc")]
    assert statements(run(cells)) == {
        "Limits": "2 configurations have no results: http-get-c1 (not run), grpc-get-c1 (not run)."
    }
    grouping = grouped(run(cells))
    assert summary.in_short(grouping.groups[0], grouping) is None


def test_open_loop_and_throughput_are_summarised() -> None:
    assert "at 500 requests/s" in statements(run([cell("http", load=OpenLoad(rate_hz=500))]))["Latency"]
    assert list(statements(run([cell("http", load=SIXTEEN)]))) == ["Throughput", "Bytes"]


def test_a_throughput_that_the_client_limited_is_a_bound() -> None:
    text = statements(run([client_limited(cell("http", load=SIXTEEN)), cell("grpc", load=SIXTEEN)]))["Throughput"]
    assert "HTTP/JSON ≥ 6,670 requests/s (6,000–7,330), gRPC 3,330 requests/s" in text


@pytest.mark.parametrize(
    ("undecided", "words"),
    [
        ("too_noisy", "shows no significant difference from HTTP/JSON (too noisy): latency 1.02×"),
        ("too_few", "(too few instances; a longer run would probably decide): latency 1.02×"),
        ("not_restarted", "has no verdict against HTTP/JSON, because the servers were not restarted: latency 1.02×"),
    ],
)
def test_an_inconclusive_comparison_states_why(undecided: Undecided, words: str) -> None:
    ratio = latency_ratio("http-get-c1", 1.02, "inconclusive", undecided=undecided)
    assert words in statements(run([cell("http"), cell("grpc", ratio=ratio)]))["Latency"]


def test_throughput_with_fewer_in_flight_than_wanted_says_so() -> None:
    queued = InFlight(wanted=16, reached=4, streams_at_most=4, queued_ns=3e6)
    given = run([cell("http", load=SIXTEEN), cell("grpc", load=SIXTEEN, in_flight=queued)])
    text = statements(given)["Throughput"]
    assert "gRPC 3,330 requests/s (3,000–3,670) with 4 in flight." in text
    assert text.count("with 4 in flight") == 1


def test_one_protocol_is_not_called_fastest() -> None:
    assert statements(run([cell("http")]))["Latency"] == (
        "Median latency with 1 request in flight, without gzip and TLS: HTTP/JSON 150 µs (135–165)."
    )


def test_rows_without_load_have_only_bytes() -> None:
    given = replace(cell("http", latency_ns=None, requests_per_second=None, cpu_us_per_request=None), load=None)
    assert list(statements(run([given]))) == ["Bytes"]


def fastest(given: Run, variant: Variant = PLAIN, load: int = 0) -> str | None:
    grouping = grouped(given)
    group = grouping.groups[0]
    found = summary.fastest(group, group.loads[load], grouping, variant)
    return found.protocol if found else None


def said(given: Run, load: int = 0) -> str:
    grouping = grouped(given)
    group = grouping.groups[0]
    return " ".join(summary.comparison_sentences(group, group.loads[load], grouping))


def three(graphql: Ratio | None, grpc: Ratio | None) -> Run:
    return run([cell("http"), cell("graphql", ratio=graphql), cell("grpc", ratio=grpc)])


def test_the_baseline_is_fastest_when_all_others_are_slower() -> None:
    assert fastest(small()) == "http"
    assert said(small()).startswith(
        "HTTP/JSON is fastest. Median latency with 1 request in flight, without gzip and TLS: "
    )


def test_one_inconclusive_difference_means_no_clear_winner() -> None:
    assert fastest(small(), load=1) is None
    assert said(small(), load=1).startswith("No clear winner. Throughput with 16 requests in flight")


def test_another_is_fastest_when_its_interval_lies_below_all_others() -> None:
    slower = latency_ratio("http-get-c1", 1.5, "slower")
    assert fastest(three(slower, latency_ratio("http-get-c1", 0.8, "faster"))) == "grpc"
    faster = latency_ratio("http-get-c1", 0.7, "faster", low=0.65, high=0.75)
    apart = latency_ratio("http-get-c1", 0.85, "faster", low=0.8, high=0.9)
    overlapping = latency_ratio("http-get-c1", 0.8, "faster", low=0.74, high=0.86)
    assert fastest(three(faster, apart)) == "graphql"
    assert fastest(three(faster, overlapping)) is None


def test_a_higher_rate_is_faster() -> None:
    ahead = rate_ratio("http-get-c16", 1.5, "faster", low=1.4, high=1.6)
    behind = rate_ratio("http-get-c16", 0.5, "slower", low=0.4, high=0.6)
    given = run(
        [
            cell("http", load=SIXTEEN),
            cell("graphql", load=SIXTEEN, ratio=behind),
            cell("grpc", load=SIXTEEN, ratio=ahead),
        ]
    )
    assert fastest(given) == "grpc"
    assert "gRPC is faster than HTTP/JSON: 1.50× the requests/s (1.40–1.60)" in said(given)
    assert "GraphQL is slower than HTTP/JSON: 0.500× the requests/s (0.400–0.600)" in said(given)
    set_fields(given.cells[2], ratio=behind)
    assert fastest(given) == "http"


def test_nothing_is_fastest_without_intervals_or_competitors() -> None:
    bare = RatioEstimate(value=3.0, low=None, high=None, low_95=None, high_95=None, verdict="inconclusive")
    no_interval = Ratio(baseline="http-get-c1", latency_ns_p50=bare)
    assert fastest(three(no_interval, latency_ratio("http-get-c1", 2.0, "slower"))) is None
    assert fastest(three(None, latency_ratio("http-get-c1", 2.0, "slower"))) is None
    assert fastest(run([cell("http")])) is None


@pytest.mark.parametrize(("plain", "gzip"), list(product(("faster", "slower", "same", "inconclusive"), repeat=2)))
def test_faster_and_slower_follow_the_verdict_only(plain: Verdict, gzip: Verdict) -> None:
    grouping = grouped(two_variants((plain, gzip)))
    group = grouping.groups[0]
    (sentence,) = summary.distances(group, group.loads[0], grouping)
    assert sentence.startswith("gRPC ")
    for word in ("faster", "slower"):
        assert (word in sentence) == (word in (plain, gzip))
    assert ("is equivalent to" in sentence) == ("same" in (plain, gzip))
    assert ("no significant difference" in sentence) == ("inconclusive" in (plain, gzip))


def test_variants_are_gathered_by_verdict() -> None:
    assert said(two_variants(("faster", "inconclusive"))).endswith(
        "gRPC is faster than HTTP/JSON: latency 0.800× (0.700–0.900) without gzip and TLS; it shows no significant "
        "difference from HTTP/JSON (too noisy): latency 1.02× (0.90–1.20) with gzip."
    )
    assert (
        "is slower than HTTP/JSON: latency 1.50× (1.30–1.70) without gzip and TLS and 1.50× (1.30–1.70) with gzip."
        in said(two_variants(("slower", "slower")))
    )
    assert said(two_variants(("inconclusive", "inconclusive"))).startswith(
        "No clear winner in any gzip/TLS combination."
    )
    assert said(two_variants(("faster", "inconclusive"))).startswith(
        "gRPC is fastest without gzip and TLS; no clear winner with gzip."
    )


def test_of_many_variants_the_least_and_the_greatest_are_named() -> None:
    variants = [(False, False), (False, True), (True, False), (True, True)]
    cells = [cell("http", gzip=gzip, tls=tls) for gzip, tls in variants]
    cells += [
        cell("grpc", gzip=gzip, tls=tls, ratio=latency_ratio(cells[number].id, 1.5 + number, "slower"))
        for number, (gzip, tls) in enumerate(variants)
    ]
    assert ("latency 1.50× (1.35–1.65) without gzip and TLS to 4.50× (4.05–4.95) with gzip and TLS.") in said(
        run(cells)
    )


def test_an_interval_that_excludes_one_without_a_verdict_is_no_verdict() -> None:
    within = latency_ratio("http-get-c1", 3.0, "inconclusive", low=2.5, high=3.5)
    text = said(three(within, within))
    assert "has no verdict against HTTP/JSON, because the servers were not restarted: latency 3.00×" in text
    assert "slower" not in text
    assert fastest(three(within, within)) is None


def test_a_missing_protocol_is_mentioned() -> None:
    given = run(
        [
            cell("http"),
            cell("graphql", ratio=latency_ratio("http-get-c1", 3.0, "slower")),
            without_figures("grpc", "failed", "x"),
        ]
    )
    assert said(given).startswith("HTTP/JSON is fastest of those measured.")


def test_versions_are_compared_with_their_twins_and_none_is_called_fastest() -> None:
    cells = [cell("http", version="v1"), cell("http", version="v2", ratio=latency_ratio("old", 1.2, "slower"))]
    set_fields(cells[0], id="old")
    set_fields(cells[1], id="new")
    text = said(run(cells))
    assert "fastest" not in text
    assert text.endswith("HTTP/JSON (v2) is slower than v1: latency 1.20× (1.08–1.32).")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (latency_ratio("http-get-c1", 1.3, "slower"), "gzip makes it 1.30× slower (1.17–1.43)"),
        (latency_ratio("http-get-c1", 0.8, "faster"), "gzip makes it faster: latency 0.800× (0.720–0.880)"),
        (latency_ratio("http-get-c1", 1.0, "same"), "equivalent with gzip (within 3 %): latency 1.00× (0.90–1.10)"),
        (
            latency_ratio("http-get-c1", 1.0, "inconclusive"),
            "no significant difference with gzip (too noisy): latency 1.00× (0.90–1.10)",
        ),
        (
            latency_ratio("http-get-c1", 2.0, "inconclusive", low=1.5, high=2.5),
            "no verdict with gzip, because the servers were not restarted: latency 2.00× (1.50–2.50)",
        ),
        (None, "latency with gzip"),
        (latency_ratio("grpc-get-c1", 1.3, "slower"), "latency with gzip"),
    ],
)
def test_the_effect_of_gzip_is_described(ratio: Ratio | None, words: str) -> None:
    text = statements(run([cell("http"), cell("http", gzip=True, ratio=ratio)]))["Effect of gzip"]
    assert text == f"HTTP/JSON: {words}, median 150 → 190 µs; response shrinks from 1,360 to 760 B (−44 %)."


def test_a_protocol_that_is_not_the_baseline_has_a_paired_ratio_without_a_verdict() -> None:
    """The run file has no ratio of gRPC with gzip to gRPC without; it follows from slices of the same rounds."""
    given = two_variants()
    for each, p50_us in zip(given.cells, (100.0, 110.0, 200.0, 250.0), strict=True):
        set_fields(each, slices=slices_of(still(p50_us * 1e3, instances=3)))
    text = statements(given)["Effect of gzip"]
    assert "gRPC: latency 1.25× (95 % interval 1.25–1.25) with gzip, median 300 → 340 µs" in text
    assert "HTTP/JSON: gzip makes it 1.30× slower" in text


def test_without_medians_and_sizes_gzip_is_not_mentioned() -> None:
    cells = [cell("http", bytes=None), cell("http", gzip=True, latency_ns=None, bytes=None)]
    assert "Effect of gzip" not in statements(run(cells))


def test_an_equal_size_is_called_unchanged() -> None:
    cells = [cell("http"), cell("http", gzip=True)]
    set_fields(cells[1], bytes=cells[0].bytes)
    assert statements(run(cells))["Effect of gzip"].endswith("; response size unchanged.")


def test_the_main_result_has_the_intervals() -> None:
    grouping = grouped(small())
    found = summary.in_short(grouping.groups[0], grouping)
    assert found is not None
    assert found.text == (
        "HTTP/JSON is fastest. GraphQL is slower than HTTP/JSON: latency 3.00× (2.70–3.30). gRPC is slower than "
        "HTTP/JSON: latency 2.00× (1.80–2.20). Bytes per request + response: HTTP/JSON 1,480 B, GraphQL 1,480 B, "
        "gRPC 1,480 B (on the wire, without gzip and TLS)."
    )
