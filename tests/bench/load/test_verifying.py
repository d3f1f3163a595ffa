"""How many requests a load process sends to verify a cell's responses before it is timed."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from bench.clients.library import LibraryClient
from bench.clients.raw import RawClient
from bench.load.messages import Setup, Verify
from bench.load.verifying import Asked, ask_some
from bench.load.worker import Worker
from bench.load_models import ClosedLoad
from bench.plan import Addresses
from bench.spec import CellKey
from bench.workloads import GetQuestion, Workload
from consumers.access import Access
from consumers.errors import ProducerTimeout, UnexpectedResponse
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from tests.support.books import small_book
from tests.support.fake_client import FakeClient
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
        )
        worker = Worker(setup, recipes)
        try:
            for key in (PLAIN, TLS):
                assert (await worker.verify(Verify(key=key, questions_at_most=AT_MOST))).cause is None
            assert sent.count(False) == len(recipes)
            assert sent.count(True) == AT_MOST
        finally:
            await worker.finish()


class Unreliable(FakeClient):
    """A consumer that is refused at some of its calls, by number."""

    def __init__(self, refused: Iterable[int], error: Exception) -> None:
        numbers = set(refused)
        super().__init__(lambda call: error if call in numbers else 0.0)


async def asked(refused: Iterable[int], error: Exception) -> Asked:
    client = LibraryClient("http", FakeClient().settings, Unreliable(refused, error))
    questions = [GetQuestion(1, None)] * 8
    return await ask_some(client, questions, Verify(key=PLAIN, questions_at_most=8))


async def test_errors_now_and_then_are_counted_and_do_not_fail_a_verification() -> None:
    limited = UnexpectedResponse("429 Too Many Requests")
    found = await asked((1, 2, 5), limited)
    assert len(found.answered) == 5
    assert [(cause.text, cause.count) for cause in found.causes.found()] == [(limited.cause, 3)]


async def test_a_producer_that_refuses_its_first_questions_has_no_correct_responses() -> None:
    with pytest.raises(UnexpectedResponse):
        await asked((1, 2, 3), UnexpectedResponse("429 Too Many Requests"))


async def test_a_producer_that_refuses_its_only_question_has_no_correct_responses() -> None:
    client = LibraryClient("http", FakeClient().settings, Unreliable((1,), UnexpectedResponse("401 Unauthorized")))
    with pytest.raises(UnexpectedResponse):
        await ask_some(client, [GetQuestion(1, None)], Verify(key=PLAIN, questions_at_most=8))


async def test_a_producer_that_does_not_answer_at_first_is_asked_once() -> None:
    with pytest.raises(ProducerTimeout):
        await asked((1,), ProducerTimeout("no response within 1 s"))
    assert len((await asked((2,), ProducerTimeout("no response within 1 s"))).answered) == 7
