"""Time in a client's own queue, compared with a client that knows how long each of its requests waited."""

import asyncio
from collections.abc import Collection
from itertools import cycle
from random import Random

import pytest

from bench.clients.library import LibraryClient
from bench.load.client_queue import ClientQueue
from bench.load.closed_loop import run_closed
from bench.load.open_loop import run_open
from bench.load.recorder import SliceRecord
from bench.workloads import GetQuestion
from recipes.model import Recipe
from tests.support import virtual_time
from tests.support.fake_client import FakeClient


def test_only_requests_beyond_the_limit_wait() -> None:
    queue = ClientQueue(2)
    for now_ns, by in ((0, 1), (10, 1), (20, 1), (30, 1), (100, -1), (150, -1), (400, -1), (500, -1)):
        queue.change(now_ns, by)
    assert queue.queued_ns == 10 + 2 * 70 + 50


class Queueing(FakeClient):
    """Has a few requests in flight, queues the others, and sums how long they waited."""

    def __init__(self, at_most: int, seed: int) -> None:
        random = Random(seed)
        super().__init__(lambda _: random.uniform(0.001, 0.01))
        self._streams = asyncio.Semaphore(at_most)
        self.waited_s = 0.0

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        clock = asyncio.get_running_loop().time
        given_s = clock()
        async with self._streams:
            self.waited_s += clock() - given_s
            return await super().get(recipe_id, fields)


@pytest.mark.parametrize("requests", [3, 16, 17, 100])
def test_a_closed_loop_knows_how_long_requests_waited(requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With filling, draining, and slices in which each caller sends once."""
    client, record = Queueing(4, seed=requests), SliceRecord(queue=ClientQueue(4))
    questions = cycle([GetQuestion(1, None)])
    lengths = {"concurrency": 16, "duration_ns": 1, "requests_at_least": requests}
    loop = run_closed(LibraryClient("http", client.settings, client), questions, record=record, **lengths)
    virtual_time.run(monkeypatch, loop)
    assert record.queue is not None
    assert record.queue.queued_ns == pytest.approx(client.waited_s * 1e9, abs=100)
    assert client.in_flight_most == 4
    assert client.waited_s > 0


def test_an_open_loop_knows_how_long_requests_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    client, record = Queueing(4, seed=1), SliceRecord(queue=ClientQueue(4))
    random = Random(2)
    loop = run_open(
        LibraryClient("http", client.settings, client),
        cycle([GetQuestion(1, None)]),
        due_offsets_ns=iter(sorted(random.randrange(500_000_000) for _ in range(400))),
        duration_ns=500_000_000,
        answers_within_ns=10_000_000_000,
        record=record,
    )
    virtual_time.run(monkeypatch, loop)
    assert record.queue is not None
    assert record.queue.queued_ns == pytest.approx(client.waited_s * 1e9, abs=1000)
    assert client.waited_s > 0
