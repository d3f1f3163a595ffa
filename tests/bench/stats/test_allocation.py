"""Where measuring time goes: more of it to what is noisy, less to what is slow, and never by what was found."""

import numpy as np
import pytest
from msgspec.structs import replace

from bench import schedule as planning
from bench.load_models import ClosedLoad
from bench.plan import Matrix
from bench.slices import Slices
from bench.spec import CellKey
from bench.stats.allocation import SHARE_AT_LEAST, shares_by_need
from bench.stats.ratios import Baseline
from tests.support.plans import DEFAULT, plan_of

BASELINE = Baseline("http")
MATRIX = Matrix({**DEFAULT.values, "protocol": ("http", "grpc"), "gzip": (False,)})


def slices(spread: float, duration_ns: int = 12_000_000, *, seed: int, instances: int = 4, rounds: int = 100) -> Slices:
    """Latencies whose logarithms have this standard deviation."""
    logs = np.random.default_rng(seed).normal(0, spread, instances * rounds)
    return Slices.of(
        instance=np.repeat(range(instances), rounds).tolist(),
        round=np.tile(range(rounds), instances).tolist(),
        p50_ns=(1e5 * np.exp(logs)).tolist(),
        ok=[100] * len(logs),
        duration_ns=[duration_ns] * len(logs),
    )


def shares_for(**given: dict[CellKey, Slices]) -> dict[CellKey, float]:
    """By the block's first cell."""
    plan = plan_of(MATRIX)
    recorded = {key: slices(0.1, seed=number) for number, key in enumerate(MATRIX.cells())} | given.get("recorded", {})
    found = shares_by_need(planning.blocks_of(MATRIX.cells(), plan), recorded, BASELINE)
    return {block[0]: share for block, share in found.items()}


PLAIN = CellKey(protocol="http", load=ClosedLoad(concurrency=1))
TLS = replace(PLAIN, tls=True)


def of(key: CellKey, made: Slices, other: Slices) -> dict[CellKey, Slices]:
    return {key: made, replace(key, protocol="grpc", dialect="protobuf"): other}


def test_equal_blocks_get_equal_time_and_others_keep_their_share() -> None:
    found = shares_for()
    latency = [share for key, share in found.items() if key.measures_latency]
    assert latency == pytest.approx([1.0] * 4, rel=0.15)
    assert {share for key, share in found.items() if not key.measures_latency} == {1 / planning.OTHERS_EVERY}


def test_a_noisier_block_gets_time_in_proportion_to_its_noise() -> None:
    found = shares_for(recorded=of(TLS, slices(0.14, seed=8), slices(0.14, seed=9)))
    assert found[TLS] == 1.0
    assert found[PLAIN] == pytest.approx(0.1 / 0.14, rel=0.15)


def test_a_slower_block_gets_fewer_rounds_by_the_root_of_its_time() -> None:
    found = shares_for(recorded=of(TLS, slices(0.1, 24_000_000, seed=8), slices(0.1, 24_000_000, seed=9)))
    assert found[TLS] == pytest.approx(1 / 2**0.5, rel=0.15)


def test_no_block_gets_less_than_half() -> None:
    found = shares_for(recorded=of(TLS, slices(2.0, seed=8), slices(2.0, seed=9)))
    assert found[PLAIN] == SHARE_AT_LEAST


def test_the_ratio_itself_does_not_matter() -> None:
    quiet = slices(0.1, seed=8)
    slower = quiet.with_columns(p50_ns=[3 * value for value in quiet.p50_ns])
    assert shares_for(recorded={PLAIN: quiet}) == pytest.approx(shares_for(recorded={PLAIN: slower}))


def test_time_is_equal_while_the_noise_is_not_known() -> None:
    few = slices(0.1, seed=8, instances=2, rounds=3)
    assert set(shares_for(recorded=of(TLS, few, few)).values()) == {1.0, 1 / planning.OTHERS_EVERY}


def test_a_cell_without_slices_is_left_aside() -> None:
    found = shares_for(recorded=of(TLS, slices(0.1, seed=8), Slices()))
    assert found[TLS] == 1.0
    assert found[PLAIN] == pytest.approx(1.0, rel=0.15)
