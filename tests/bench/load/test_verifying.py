"""How many requests a load process sends to verify a cell's responses before it is timed."""

from typing import Any

import pytest
from msgspec.structs import replace

from bench.clients.raw import RawClient
from bench.load.messages import Setup, Verification, Verify
from bench.load.recorder import OK
from bench.load.worker import Worker
from bench.plan import Addresses
from bench.spec import CellKey, ClosedLoad
from bench.workloads import Workload
from consumers.access import Access
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from tests.support.books import small_book
from tests.support.serving import serving

PLAIN = CellKey(
    protocol="http", gzip=False, tls=False, workload=Workload(name="get"), client="raw", load=ClosedLoad(concurrency=1)
)
TLS = replace(PLAIN, tls=True)
AT_MOST = 3


async def test_responses_verified_without_tls_are_not_all_verified_again_with_tls(
    own_certificates: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bool] = []
    send = RawClient.verify

    async def counted(client: RawClient, request: Any) -> None:
        sent.append(client.settings.target.tls)
        await send(client, request)

    monkeypatch.setattr(RawClient, "verify", counted)
    recipes = (await small_book().page(63)).recipes
    async with (
        serving("http", small_book()) as plain,
        serving("http", small_book(), certificates=own_certificates) as tls,
    ):
        setup = Setup(
            protocol="http",
            direct=Addresses(parse_target(plain.address), parse_target(tls.address)),
            access=Access(ca=tls.client_settings.ca),
            recipes="",
            ids=[recipe.id for recipe in recipes],
            known=True,
            timeout_s=10.0,
            producer_pid=None,
        )
        worker = Worker(setup, recipes)
        try:
            for key in (PLAIN, TLS):
                assert await worker.verify(Verify(key=key, questions_at_most=AT_MOST)) == Verification(outcome=OK)
            assert sent.count(False) == len(recipes)
            assert sent.count(True) == AT_MOST
        finally:
            await worker.finish()
