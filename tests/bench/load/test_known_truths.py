"""The loops on virtual time, compared with computed results. Over sockets: benchmarks/known_truths.py."""

from itertools import cycle
from random import Random
from typing import Any

import numpy as np
import pytest

from bench.clients.library import LibraryClient
from bench.load.closed_loop import run_closed
from bench.load.open_loop import Arrivals, due_offsets_ns, run_open
from bench.load.recorder import SliceRecord
from bench.workloads import GetQuestion
from benchmarks.known_truths import FIXED, STALLING, Truth
from tests.support import virtual_time
from tests.support.fake_client import FakeClient

SECONDS = 60


class KnownClient(FakeClient):
    """Responds like the producers of benchmarks.known_truths, on virtual time."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(lambda _: 0.0)
        self.truth = truth

    async def get(self, recipe_id: int, fields: Any = None) -> Any:
        now_ns = virtual_time.now_ns()
        since_ms = now_ns / 1e6 % self.truth.every_ms
        wait_ms = max(0.0, self.truth.stall_ms - since_ms) + self.truth.delay_ms
        await virtual_time.sleep_until(now_ns + round(wait_ms * 1e6))
        return await super().get(recipe_id, fields)


def client_of(truth: Truth) -> LibraryClient:
    client = KnownClient(truth)
    return LibraryClient("http", client.settings, client)


def open_loop(monkeypatch: pytest.MonkeyPatch, truth: Truth, rate_hz: float, arrivals: Arrivals) -> SliceRecord:
    record = SliceRecord()
    duration_ns = SECONDS * 10**9
    virtual_time.run(
        monkeypatch,
        run_open(
            client_of(truth),
            cycle([GetQuestion(7, None)]),
            due_offsets_ns=due_offsets_ns(rate_hz, duration_ns, arrivals, "seed"),
            duration_ns=duration_ns,
            answers_within_ns=10**9,
            record=record,
        ),
    )
    return record


def closed_loop(monkeypatch: pytest.MonkeyPatch, truth: Truth) -> SliceRecord:
    record = SliceRecord()
    virtual_time.run(
        monkeypatch,
        run_closed(
            client_of(truth),
            cycle([GetQuestion(7, None)]),
            concurrency=1,
            duration_ns=SECONDS * 10**9,
            requests_at_least=1,
            record=record,
        ),
    )
    return record


@pytest.mark.no_cover
@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
def test_an_open_loop_finds_the_tail_of_a_stalling_producer(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = open_loop(monkeypatch, STALLING, 797.0, arrivals)
    for quantile in (0.9, 0.99, 0.999):
        found_ms = float(np.quantile(record.latency_ns, quantile)) / 1e6
        assert found_ms == pytest.approx(STALLING.quantile_ms(quantile), rel=0.05), quantile
    assert record.outcomes == {"ok": record.due}
    assert max(record.lag_ns) == 0


@pytest.mark.no_cover
def test_a_closed_loop_misses_that_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    record = closed_loop(monkeypatch, STALLING)
    assert float(np.quantile(record.latency_ns, 0.99)) / 1e6 < 0.05 * STALLING.quantile_ms(0.99)
    assert record.in_flight_ns == record.window_ns


@pytest.mark.no_cover
def test_a_fixed_delay_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    record = open_loop(monkeypatch, FIXED, 500.0, "poisson")
    for quantile in (0.5, 0.99, 0.999):
        assert float(np.quantile(record.latency_ns, quantile)) / 1e6 == pytest.approx(40.0, rel=0.001), quantile
    assert record.second_half_ended == pytest.approx(record.second_half_due, abs=30)


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99, 0.999])
def test_the_expected_quantiles_match_a_simulation(quantile: float) -> None:
    random = Random(1)
    moments_ms = [random.uniform(0, STALLING.every_ms) for _ in range(200_000)]
    waited_ms = [max(0.0, STALLING.stall_ms - moment) + STALLING.delay_ms for moment in moments_ms]
    assert float(np.quantile(waited_ms, quantile)) == pytest.approx(STALLING.quantile_ms(quantile), rel=0.01, abs=0.5)
