"""Predictions and choices with known results: latency, verdicts, break-evens, and the map."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bench.model.choices import Choices, Conditions, Differences, baseline_break_evens, gzip_break_evens, twin
from bench.model.parts import Parts, parts_of
from bench.model.predict import blend, exactly, paced_ns, predict
from bench.model.regions import RATES_BPS, regions
from bench.network.profile import Profile, parse
from bench.report import names
from bench.spec import NEW, PERSISTENT, CellKey, Connection
from tests.bench.stats.noise import with_columns
from tests.support.model_runs import FAST, HEAVY, LEAN, TRUTHS, Asked, Truth, json_bytes, known_run

PARTS = parts_of(known_run())
CHOICES = Choices(PARTS)
SLOW = parse("rtt=40ms,down=2mbit,up=1mbit")
NEAR = parse("rtt=100us,down=10gbit,up=10gbit")


def option_named(label: str, *, tls: bool = False, parts: Parts = PARTS) -> CellKey:
    return next(option for option in parts.exchanges if (names.option(option), option.tls) == (label, tls))


def conditions(payload: float, link: Profile, *, tls: bool = False, connection: Connection = PERSISTENT) -> Conditions:
    return Conditions(at=blend(PARTS, payload), link=link, tls=tls, connection=connection)


@given(
    st.floats(1000, 100_000),
    st.integers(0, 10**9),
    st.integers(10_000, 10**10),
    st.integers(10_000, 10**10),
    st.booleans(),
    st.booleans(),
)
def test_a_prediction_is_the_sum_of_its_parts(
    payload: float, rtt_ns: int, down: int, up: int, tls: bool, new: bool
) -> None:
    link = Profile(rtt_ns=rtt_ns, down_bits_per_second=down, up_bits_per_second=up)
    for option in PARTS.options(tls=tls):
        truth = TRUTHS[option.protocol]
        trips = 1 + (1 + tls + (truth is LEAN)) * new
        sent, received = (truth.request_bytes, truth.response_bytes(payload, gzip=option.gzip))
        sent, received = sent + 300 * tls * new, received + 1400 * tls * new
        found = predict(PARTS, option, blend(PARTS, payload), link, NEW if new else PERSISTENT)
        own_ns = truth.latency_ns(payload, gzip=option.gzip, tls=tls, new=new)
        expected_ns = own_ns + trips * rtt_ns + sent * 8e9 / up + received * 8e9 / down
        assert found.round_trips == trips
        assert found.latency_ns.value == pytest.approx(expected_ns, rel=1e-3)
        assert found.network_ns == pytest.approx(found.latency_ns.value - own_ns, abs=0.01 * own_ns)
        assert found.latency_ns.low is not None
        assert found.latency_ns.high is not None
        assert found.latency_ns.low <= found.latency_ns.value <= found.latency_ns.high


def test_a_link_without_a_limit_takes_no_time_for_bytes() -> None:
    assert paced_ns(1e9, None) == 0
    assert paced_ns(1_000, 8_000) == 1e9


def test_a_set_up_time_that_was_not_measured_is_none_and_counts_as_0() -> None:
    parts = parts_of(known_run(Asked(connections=("persistent",))))
    option = option_named("HTTP/JSON", parts=parts)
    found = predict(parts, option, blend(parts, 1000), SLOW, NEW)
    assert found.set_up_ns is None
    again = predict(parts, option, blend(parts, 1000), SLOW, PERSISTENT)
    assert found.latency_ns.value == again.latency_ns.value + SLOW.rtt_ns


def test_differences_are_unaffected_by_disturbed_rounds() -> None:
    differences = Differences(PARTS, PARTS.options(tls=False))
    lean, fast = option_named("gRPC"), option_named("HTTP/JSON")
    found = differences.between(lean, fast, blend(PARTS, 50_000))
    assert found is not None
    assert found.value == pytest.approx(LEAN.fixed_ns - FAST.fixed_ns, rel=0.05)
    assert found.plain_95 is not None
    assert found.corrected is not None
    assert found.corrected[0] < found.plain_95[0] < found.value < found.plain_95[1] < found.corrected[1]
    back = differences.between(fast, lean, blend(PARTS, 50_000))
    assert back is not None
    assert back.value == -found.value
    assert back.plain_95 == (-found.plain_95[1], -found.plain_95[0])
    assert differences.between(fast, fast, blend(PARTS, 50_000)) is not None


def test_options_from_different_instances_have_no_difference() -> None:
    made = known_run()
    elsewhere = [
        with_columns(cell, instance=[number + 100 for number in cell.slices.instance])
        if cell.protocol == "grpc"
        else cell
        for cell in made.cells
    ]
    parts = parts_of(structs.replace(made, cells=elsewhere))
    choices = Choices(parts)
    asked = Conditions(at=blend(parts, 1000), link=SLOW, tls=False)
    lean, fast = option_named("gRPC", parts=parts), option_named("HTTP/JSON", parts=parts)
    assert choices.ratio(lean, fast, asked) is None
    assert choices.rate_break_even(lean, fast, asked) is None


def test_the_fastest_comes_first_and_the_others_have_verdicts() -> None:
    ranked = CHOICES.ranked(conditions(50_000, NEAR))
    assert [names.option(each.option) for each in ranked][:2] == ["HTTP/JSON", "gRPC"]
    assert ranked[0].ratio is None
    assert {each.ratio.verdict for each in ranked[1:] if each.ratio is not None} == {"slower"}
    latencies = [each.prediction.latency_ns.value for each in ranked]
    assert latencies == sorted(latencies)
    assert CHOICES.ranked(conditions(50_000, SLOW))[0].option == option_named("gRPC with gzip")


def test_options_within_the_margin_are_equivalent() -> None:
    far = parse("rtt=400ms")
    verdicts = {each.ratio.verdict for each in CHOICES.ranked(conditions(1_000, far)) if each.ratio is not None}
    assert verdicts == {"same"}


def test_a_difference_within_the_models_own_error_has_no_verdict() -> None:
    # 150 µs in 5.4 ms: the interval excludes 1, and so narrow an interval would say `slower` of what was measured.
    ratio = CHOICES.ratio(option_named("gRPC"), option_named("HTTP/JSON"), conditions(1_000, parse("rtt=5300us")))
    assert ratio is not None
    assert ratio.low_95 is not None
    assert ratio.low_95 > 1
    assert ratio.verdict in ("same", "inconclusive")


def test_one_instance_gives_no_verdict() -> None:
    parts = parts_of(known_run(Asked(instances=1)))
    ranked = Choices(parts).ranked(Conditions(at=blend(parts, 50_000), link=SLOW, tls=False))
    assert {each.ratio.verdict for each in ranked if each.ratio is not None} == {"inconclusive"}


def test_gzip_is_faster_below_the_computed_rate() -> None:
    option = option_named("HTTP/JSON with gzip")
    plain = twin(PARTS, option)
    assert plain == option_named("HTTP/JSON")
    found = CHOICES.rate_break_even(option, plain, conditions(20_000, SLOW))
    assert found is not None
    cost_ns = FAST.gzip_fixed_ns + FAST.gzip_ns_per_byte * 20_000
    saved_bits = 8 * 20_000 * (1 - 1 / FAST.compression)
    assert found.kind == "below"
    assert found.at is not None
    assert found.at.value == pytest.approx(saved_bits * 1e9 / cost_ns, rel=0.02)
    assert found.at.low is not None
    assert found.at.high is not None
    assert found.at.low < found.at.value < found.at.high


def test_at_a_break_even_both_predictions_are_equal() -> None:
    for each in [*gzip_break_evens(CHOICES), *baseline_break_evens(CHOICES)]:
        if each.found.at is None or not 0 < each.found.at.value < 1e12:
            continue
        rate = round(each.found.at.value)
        link = Profile(rtt_ns=5_000_000, down_bits_per_second=rate, up_bits_per_second=rate)
        at = exactly(PARTS, each.workload)
        ours, theirs = (
            predict(PARTS, option, at, link, PERSISTENT).latency_ns.value for option in (each.option, each.other)
        )
        assert ours == pytest.approx(theirs, rel=0.01)


def test_over_new_connections_there_is_a_break_even_round_trip() -> None:
    """gRPC takes one more round trip, and sends less."""
    lean, plain = option_named("gRPC"), option_named("HTTP/JSON")
    asked = conditions(20_000, parse("rtt=1s,down=1mbit,up=1mbit"), connection=NEW)
    found = CHOICES.round_trip_break_even(lean, plain, asked)
    assert found is not None
    assert found.kind == "below"
    assert found.at is not None
    link = replace(asked.link, rtt_ns=round(found.at.value))
    ours, theirs = (predict(PARTS, option, asked.at, link, NEW).latency_ns.value for option in (lean, plain))
    assert ours == pytest.approx(theirs, rel=0.01)
    assert CHOICES.round_trip_break_even(lean, plain, conditions(20_000, asked.link)) is None, (
        "both take one round trip"
    )


def test_there_is_a_break_even_payload() -> None:
    lean, plain = option_named("gRPC"), option_named("HTTP/JSON")
    asked = conditions(20_000, parse("rtt=1ms,down=300mbit,up=300mbit"))
    found = CHOICES.payload_break_even(lean, plain, asked)
    assert found is not None
    assert found.kind == "above"
    assert found.at is not None
    at = blend(PARTS, found.at.value)
    ours, theirs = (predict(PARTS, option, at, asked.link, PERSISTENT).latency_ns.value for option in (lean, plain))
    assert ours == pytest.approx(theirs, rel=0.01)


def test_an_option_that_takes_longer_and_sends_more_is_never_faster() -> None:
    never = [
        each.found.kind
        for each in baseline_break_evens(CHOICES)
        if each.option.protocol == "graphql" and HEAVY.request_bytes > FAST.request_bytes
    ]
    assert never == ["never"] * (4 * 2 * 2)


def test_a_slower_uplink_counts() -> None:
    asked = conditions(1_000, SLOW)
    even, narrow = (
        CHOICES.rate_break_even(option_named("gRPC"), option_named("HTTP/JSON"), asked, up_share)
        for up_share in (1.0, 0.1)
    )
    assert even is not None
    assert even.at is not None
    assert narrow is not None
    assert narrow.at is not None
    assert narrow.at.value > even.at.value


def test_over_new_connections_more_round_trips_are_slower() -> None:
    asked = conditions(1_000, parse("rtt=40ms,down=10mbit,up=10mbit"), tls=True, connection=NEW)
    ranked = CHOICES.ranked(asked)
    assert ranked[0].option.protocol == "http"
    lean = next(each for each in ranked if names.option(each.option) == "gRPC")
    assert lean.ratio is not None
    assert lean.ratio.value == pytest.approx(160 / 120, abs=0.02)
    assert lean.ratio.verdict == "slower"


def test_the_map_covers_every_rate_and_payload_once_with_the_fastest_option() -> None:
    found = regions(CHOICES, tls=False, rtt_ns=100_000)
    rows: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for region in found:
        rows.setdefault(region.payload, []).append(region.rate)
    for rates in rows.values():
        assert rates[0][0] == RATES_BPS[0]
        assert rates[-1][1] == pytest.approx(RATES_BPS[1])
        assert all(left[1] == right[0] for left, right in pairwise(rates))
    edges = sorted(rows)
    assert edges[0][0] == 1_000
    assert edges[-1][1] == pytest.approx(100_000)
    clear = {names.option(region.option) for region in found if region.clear}
    assert clear == {"HTTP/JSON", "HTTP/JSON with gzip", "gRPC", "gRPC with gzip"}
    for region in found[::7]:
        rate = round((region.rate[0] * region.rate[1]) ** 0.5)
        link = Profile(rtt_ns=100_000, down_bits_per_second=rate, up_bits_per_second=rate)
        ranked = CHOICES.ranked(conditions((region.payload[0] * region.payload[1]) ** 0.5, link))
        if region.clear and region.rate[1] / region.rate[0] < 1.2:
            assert ranked[0].option == region.option


def test_without_several_payloads_there_is_no_map() -> None:
    for asked in (Asked(pages=()), Asked(pages=(2,)), Asked(truths={"http": Truth()}, gzip=(False,))):
        choices = Choices(parts_of(known_run(asked)))
        assert regions(choices, tls=False, rtt_ns=0) == []


def test_the_payload_is_the_size_of_the_json_text() -> None:
    assert list(PARTS.payload_bytes.values()) == [json_bytes(workload) for workload in PARTS.payload_bytes]
