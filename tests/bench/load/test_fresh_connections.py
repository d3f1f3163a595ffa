"""Every call uses a new connection, with each client, plain and with TLS."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bench.load import fresh_connections
from bench.load.fresh_connections import FreshConnections
from consumers.client import RecipeClient
from consumers.errors import ProducerUnreachable
from consumers.registry import client
from consumers.target import Target
from producers import certificates
from producers.registry import PRODUCERS
from recipes.errors import RecipeNotFound
from recipes.model import RecipeDraft
from tests.support.books import CHICKEN, small_book
from tests.support.fake_client import FakeClient
from tests.support.relay import relay_to
from tests.support.serving import serving
from tests.support.single_requests import until


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_every_call_opens_a_connection_and_all_are_closed(protocol: str, tls: bool, tmp_path: Path) -> None:
    files = certificates.write(tmp_path) if tls else None
    async with serving(protocol, small_book(), certificates=files) as served:
        address = served.client_settings.target
        async with relay_to(address.host, address.port) as relay:
            target = Target("127.0.0.1", relay.port, tls)
            settings = replace(served.client_settings, target=target)
            async with FreshConnections(lambda: client(protocol, settings)) as fresh:
                assert relay.connections == 0
                assert await fresh.get(42) == CHICKEN
                assert (await fresh.get(42, ("name",))).name == CHICKEN.name
                assert len((await fresh.list(5)).recipes) == 5
                assert (await fresh.create(RecipeDraft("Toast", "Toast it.", ()))).id > 0
                assert await fresh.pid() > 0
                with pytest.raises(RecipeNotFound):
                    await fresh.get(999)
                assert relay.connections == 6
                assert await asyncio.gather(*(fresh.get(42) for _ in range(4))) == [CHICKEN] * 4
            assert relay.connections == 10


async def test_an_unreachable_producer_fails_every_call() -> None:
    def unreachable(_: int) -> Exception:
        return ProducerUnreachable("unreachable")

    async with FreshConnections(lambda: FakeClient(unreachable)) as fresh:
        with pytest.raises(ProducerUnreachable):
            await fresh.get(1)
        assert await fresh.producer_data(1) == {}


async def test_the_number_of_closing_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_connections, "CLOSING_AT_MOST", 3)
    closing, most = 0, 0

    class SlowToClose(FakeClient):
        async def close(self) -> None:
            nonlocal closing, most
            closing += 1
            most = max(most, closing)
            await asyncio.sleep(0.001)
            closing -= 1

    def make() -> RecipeClient:
        return SlowToClose()

    async with FreshConnections(make) as fresh:
        for _ in range(12):
            await fresh.get(1)
    assert most == 3
    assert closing == 0


class CannotClose(FakeClient):
    """Fails to close after its first response, then closes."""

    async def close(self) -> None:
        if self.asked == [1]:
            self.asked.append(0)
            raise ConnectionError("it does not close")


async def test_a_connection_that_cannot_be_closed_fails_the_next_call() -> None:
    async with FreshConnections(CannotClose) as fresh:
        await fresh.get(1)
        await until(lambda: not fresh.closing)
        with pytest.raises(ConnectionError, match="it does not close"):
            await fresh.get(2)


async def test_a_last_connection_that_cannot_be_closed_is_reported_at_the_end() -> None:
    fresh = FreshConnections(CannotClose)
    await fresh.get(1)
    with pytest.raises(ConnectionError, match="it does not close"):
        await fresh.close()
