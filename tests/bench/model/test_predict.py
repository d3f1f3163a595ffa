"""Interpolation over payloads: exact on straight lines, and limited to the range around measured payloads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.model.parts import Parts, parts_of
from bench.model.predict import OutOfReach, blend, blended, exactly, reach
from tests.support.model_runs import FAST, TRUTHS, Asked, json_bytes, known_run

PARTS = parts_of(known_run())


def shrinking_with_size() -> Parts:
    """gzip that shrinks a page of 10 by a factor of 3, and one of 100 by a factor of 4."""
    made = known_run(Asked(truths={"http": FAST}, pages=(10, 100), tls=(False,), with_get=False))
    cells = []
    for cell in made.cells:
        assert cell.bytes is not None
        response = cell.bytes.response
        if cell.gzip:
            compressed = json_bytes(cell.workload) / (3 if cell.workload.page_size == 10 else 4)
            response = replace(response, compressed_bytes=compressed, wire_bytes=compressed + 200)
        cells.append(replace(cell, bytes=replace(cell.bytes, response=response)))
    return parts_of(replace(made, cells=cells))


@given(st.floats(500, 200_000))
def test_straight_lines_are_interpolated_exactly(payload: float) -> None:
    at = blend(PARTS, payload)
    for option in PARTS.exchanges:
        truth, found = TRUTHS[option.protocol], blended(PARTS, option, at)
        assert found.latency_ns.value == pytest.approx(truth.latency_ns(payload, gzip=option.gzip, tls=option.tls))
        assert found.response_bytes == pytest.approx(truth.response_bytes(payload, gzip=option.gzip))
        assert found.request_bytes == pytest.approx(truth.request_bytes)


@given(st.floats(500, 200_000), st.floats(1.0, 3.0))
def test_larger_payloads_take_longer(payload: float, times: float) -> None:
    more = min(payload * times, 200_000)
    for option in PARTS.exchanges:
        less_found, more_found = (blended(PARTS, option, blend(PARTS, size)) for size in (payload, more))
        assert more_found.latency_ns.value >= less_found.latency_ns.value - 1e-6
        assert more_found.response_bytes >= less_found.response_bytes - 1e-6


@given(st.floats(1000, 100_000))
def test_intervals_contain_the_value(payload: float) -> None:
    for option in PARTS.exchanges:
        latency = blended(PARTS, option, blend(PARTS, payload)).latency_ns
        assert latency.low is not None
        assert latency.high is not None
        assert latency.low <= latency.value <= latency.high
        assert latency.high / latency.value == pytest.approx(1.01)


def test_intervals_widen_beyond_the_last_payload() -> None:
    option = next(iter(PARTS.exchanges))
    latency = blended(PARTS, option, blend(PARTS, 200_000)).latency_ns
    assert latency.low is not None
    assert latency.high is not None
    assert latency.high / latency.value > 1.012


def test_compression_grows_with_the_logarithm_of_the_payload() -> None:
    parts = shrinking_with_size()
    (option,) = (option for option in parts.exchanges if option.gzip)
    at = blend(parts, 10_000 * 10**0.5)
    assert blended(parts, option, at).response_bytes == pytest.approx(10_000 * 10**0.5 / 3.5 + 200)


def test_a_measured_payload_has_the_measured_values() -> None:
    for workload, size in PARTS.payload_bytes.items():
        at = exactly(PARTS, workload)
        assert at.payload_bytes == size
        for option, found in PARTS.exchanges.items():
            assert blended(PARTS, option, at).latency_ns.value == found[workload].latency_ns.value


def test_payloads_far_from_those_measured_are_refused() -> None:
    assert reach(PARTS) == (500, 200_000)
    for payload in (499, 200_001):
        with pytest.raises(OutOfReach, match=r"give 500 to 200,000"):
            blend(PARTS, payload)


def test_a_single_payload_is_not_extrapolated() -> None:
    parts = parts_of(known_run(Asked(pages=(), tls=(False,))))
    assert blend(parts, 1050).linear == exactly(parts, next(iter(parts.payload_bytes))).linear
    with pytest.raises(OutOfReach, match="too far"):
        blend(parts, 1200)
