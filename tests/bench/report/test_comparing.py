"""Sentences that compare: no word that the run file's verdict does not carry."""

from itertools import product

import pytest

from bench.report import comparing, summary
from bench.report.grouping import Variant, arranged
from bench.results import Ratio, RatioEstimate, Run, Verdict
from tests.support.runs import (
    SIXTEEN,
    cell,
    latency_ratio,
    rate_ratio,
    run,
    set_fields,
    small,
    two_variants,
    without_figures,
)

PLAIN = Variant(False, False)


def fastest(given: Run, variant: Variant = PLAIN, load: int = 0) -> str | None:
    arrangement = arranged(given)
    group = arrangement.groups[0]
    found = comparing.fastest(group, group.loads[load], arrangement, variant)
    return found.protocol if found else None


def said(given: Run, load: int = 0) -> str:
    arrangement = arranged(given)
    group = arrangement.groups[0]
    return " ".join(comparing.protocols(group, group.loads[load], arrangement))


def three(graphql: Ratio | None, grpc: Ratio | None) -> Run:
    return run([cell("http"), cell("graphql", ratio=graphql), cell("grpc", ratio=grpc)])


def test_the_baseline_is_fastest_when_all_others_are_slower() -> None:
    assert fastest(small()) == "http"
    assert said(small()).startswith(
        "HTTP is fastest. Median latency with one request in flight, without gzip and TLS: "
    )


def test_one_difference_that_was_not_shown_leaves_the_first_place_open() -> None:
    assert fastest(small(), load=1) is None
    assert said(small(), load=1).startswith("Which protocol is ahead is not shown. Rate with 16 requests in flight")


def test_another_is_fastest_when_its_interval_lies_below_all_others() -> None:
    slower = latency_ratio("http-get-c1", 1.5, "slower")
    assert fastest(three(slower, latency_ratio("http-get-c1", 0.8, "faster"))) == "grpc"
    faster = latency_ratio("http-get-c1", 0.7, "faster", low=0.65, high=0.75)
    apart = latency_ratio("http-get-c1", 0.85, "faster", low=0.8, high=0.9)
    overlapping = latency_ratio("http-get-c1", 0.8, "faster", low=0.74, high=0.86)
    assert fastest(three(faster, apart)) == "graphql"
    assert fastest(three(faster, overlapping)) is None


def test_a_rate_is_ahead_when_it_is_higher() -> None:
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
    assert "gRPC is faster than HTTP: 1.50 times its rate (1.40–1.60)" in said(given)
    set_fields(given.cells[2], ratio=behind)
    assert fastest(given) == "http"


def test_nobody_is_fastest_without_intervals_or_without_others() -> None:
    bare = RatioEstimate(value=3.0, low=None, high=None, low_95=None, high_95=None, verdict="inconclusive")
    no_interval = Ratio(baseline="http-get-c1", latency_ns_p50=bare)
    assert fastest(three(no_interval, latency_ratio("http-get-c1", 2.0, "slower"))) is None
    assert fastest(three(None, latency_ratio("http-get-c1", 2.0, "slower"))) is None
    assert fastest(run([cell("http")])) is None


@pytest.mark.parametrize(("plain", "gzip"), list(product(("faster", "slower", "same", "inconclusive"), repeat=2)))
def test_faster_and_slower_are_said_only_where_the_verdict_says_so(plain: Verdict, gzip: Verdict) -> None:
    arrangement = arranged(two_variants((plain, gzip)))
    group = arrangement.groups[0]
    (sentence,) = comparing.distances(group, group.loads[0], arrangement)
    assert sentence.startswith("gRPC is ")
    for word in ("faster", "slower"):
        assert (word in sentence) == (word in (plain, gzip))
    assert ("the same as" in sentence) == ("same" in (plain, gzip))
    assert ("is not shown to differ" in sentence) == ("inconclusive" in (plain, gzip))


def test_variants_are_gathered_by_verdict() -> None:
    assert said(two_variants(("faster", "inconclusive"))).endswith(
        "gRPC is faster than HTTP: 0.800 times its latency (0.700–0.900) without gzip and TLS; it is not shown to "
        "differ from HTTP: 1.02 times its latency (0.90–1.20) with gzip."
    )
    assert "at every setting of gzip and TLS: 1.50 times its latency" in said(two_variants(("slower", "slower")))
    assert "not shown to differ from HTTP at any setting" in said(two_variants(("inconclusive", "inconclusive")))
    assert said(two_variants(("inconclusive", "inconclusive"))).startswith(
        "Which protocol is fastest is not shown at any setting of gzip and TLS."
    )
    assert said(two_variants(("faster", "inconclusive"))).startswith(
        "gRPC is fastest without gzip and TLS; which protocol is fastest is not shown with gzip."
    )


def test_many_variants_are_told_by_their_ends() -> None:
    variants = [(False, False), (False, True), (True, False), (True, True)]
    cells = [cell("http", gzip=gzip, tls=tls) for gzip, tls in variants]
    cells += [
        cell("grpc", gzip=gzip, tls=tls, ratio=latency_ratio(cells[number].id, 1.5 + number, "slower"))
        for number, (gzip, tls) in enumerate(variants)
    ]
    assert (
        "from 1.50 times its latency (1.35–1.65) without gzip and TLS to 4.50 times (4.05–4.95) with gzip and TLS."
    ) in said(run(cells))


def test_an_interval_that_excludes_one_without_a_verdict_is_no_verdict() -> None:
    within = latency_ratio("http-get-c1", 3.0, "inconclusive", low=2.5, high=3.5)
    text = said(three(within, within))
    assert "gets no verdict against HTTP, as nothing is known about restarts: 3.00 times" in text
    assert "slower" not in text
    assert fastest(three(within, within)) is None


def test_a_protocol_that_is_missing_is_not_passed_over() -> None:
    given = run(
        [
            cell("http"),
            cell("graphql", ratio=latency_ratio("http-get-c1", 3.0, "slower")),
            without_figures("grpc", "failed", "x"),
        ]
    )
    assert said(given).startswith("HTTP is fastest of those measured.")


def test_versions_are_told_against_their_twins_and_nobody_is_called_fastest() -> None:
    cells = [cell("http", version="v1"), cell("http", version="v2", ratio=latency_ratio("old", 1.2, "slower"))]
    set_fields(cells[0], id="old")
    set_fields(cells[1], id="new")
    text = said(run(cells))
    assert "fastest" not in text
    assert text.endswith("HTTP (v2) is slower than v1: 1.20 times its latency (1.08–1.32).")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (latency_ratio("http-get-c1", 1.3, "slower"), "slower with gzip, at 1.30 (1.17–1.43) times"),
        (latency_ratio("http-get-c1", 0.8, "faster"), "faster with gzip, at"),
        (latency_ratio("http-get-c1", 1.0, "same"), "the same to within 3 %, at"),
        (latency_ratio("http-get-c1", 1.0, "inconclusive"), "no difference shown, at"),
        (
            latency_ratio("http-get-c1", 2.0, "inconclusive", low=1.5, high=2.5),
            "no verdict, as nothing is known about restarts",
        ),
        (None, "(side by side, no verdict)"),
        (latency_ratio("grpc-get-c1", 1.3, "slower"), "(side by side, no verdict)"),
    ],
)
def test_what_a_switch_costs(ratio: Ratio | None, words: str) -> None:
    text = comparing.with_and_without(cell("http"), cell("http", gzip=True, ratio=ratio), "gzip")
    assert text.startswith("median 150 µs (135–165) without, 190 µs (171–209) with")
    assert words in text


def test_a_switch_without_medians_is_not_told() -> None:
    assert comparing.with_and_without(cell("http"), cell("http", latency_ns=None), "gzip") == "no medians to compare"


def test_the_short_answer_repeats_the_intervals() -> None:
    arrangement = arranged(small())
    assert summary.in_short(arrangement.groups[0], arrangement) == (
        "HTTP is fastest. GraphQL is slower than HTTP: 3.00 times its latency (2.70–3.30). gRPC is slower than HTTP: "
        "2.00 times its latency (1.80–2.20). On the wire, a median request and answer together take 1,480 B "
        "over HTTP, 1,480 B over GraphQL and 1,480 B over gRPC, without gzip and TLS."
    )
