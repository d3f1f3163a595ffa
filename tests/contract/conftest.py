"""Every test that takes `case` runs for each protocol in the registries, over real sockets: without gzip and TLS,
and with both.

One without the other would add nothing: bytes are compressed before they are encrypted, and
neither step depends on the other. Tests that depend on the pair use `cases(combined=True)`.

A dialect that is not a protocol's default changes neither transport nor requests, so it runs with gzip and TLS
only. So do strict calls.

One producer serves all tests of a case, on uvloop, as in `python -m producers`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from consumers.client import RecipeClient
from consumers.registry import dialects
from producers import certificates
from producers.certificates import CertificateFiles
from producers.registry import DEFAULT, PRODUCERS, producer_class
from producers.settings import ProducerSettings
from recipes.book import InMemoryRecipeBook, RecipeBook
from tests.support.books import small_book
from tests.support.implementations import why_skipped
from tests.support.serving import Served, serving


@dataclass(frozen=True)
class Case:
    """One implementation of a protocol in one dialect (empty: the default one), with or without gzip and TLS."""

    protocol: str
    gzip: bool
    tls: bool
    dialect: str = ""
    strict: bool = False
    implementation: str = DEFAULT

    def __str__(self) -> str:
        words = [
            self.protocol,
            "" if self.implementation == DEFAULT else self.implementation,
            self.dialect,
            "strict" if self.strict else "",
            "gzip" if self.gzip else "identity",
            "tls" if self.tls else "plain",
        ]
        return "-".join(filter(None, words))


def cases(*, protocols: Sequence[str] = tuple(PRODUCERS), combined: bool = False) -> list[Case]:
    """The cases of some protocols. With `combined`, their default dialects with each combination of gzip and TLS."""
    every = [(False, False), (False, True), (True, False), (True, True)]
    pairs = every if combined else every[::3]
    usual = [Case(protocol, gzip, tls) for protocol in protocols for gzip, tls in pairs]
    alternatives = [
        case
        for protocol in protocols
        for name in PRODUCERS[protocol]
        if name != DEFAULT
        for case in cases_of(protocol, name, pairs)
    ]
    others = [
        Case(protocol, gzip=True, tls=True, dialect=dialect)
        for protocol in protocols
        for dialect in dialects(protocol)[1:]
    ]
    strict = [
        Case(protocol, gzip=True, tls=True, strict=True)
        for protocol in protocols
        if producer_class(protocol).has_strict_calls
    ]
    return usual + others + strict + alternatives


def cases_of(protocol: str, name: str, pairs: Sequence[tuple[bool, bool]]) -> list[Case]:
    """The cases of an implementation, without what it does not offer."""
    row = PRODUCERS[protocol][name]
    offered = dict.fromkeys((gzip and not row.why_not("gzip"), tls and not row.why_not("tls")) for gzip, tls in pairs)
    usual = [Case(protocol, gzip, tls, implementation=name) for gzip, tls in offered]
    gzip, tls = list(offered)[-1]
    others = [
        Case(protocol, gzip, tls, dialect=dialect, implementation=name)
        for dialect in dialects(protocol)[1:]
        if not row.why_not(dialect)
    ]
    return usual + others


Serve = Callable[[RecipeBook], AbstractAsyncContextManager[Served]]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def other_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.write(tmp_path_factory.mktemp("other")).ca


@pytest.fixture(scope="session", params=cases(), ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    if (reason := why_skipped(request.param.protocol, request.param.implementation)) is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session")
def serve(case: Case, own_certificates: CertificateFiles) -> Serve:
    """Serves a book of the test with the protocol and settings of the case."""
    return lambda book: serving(
        case.protocol,
        book,
        gzip=case.gzip,
        certificates=own_certificates if case.tls else None,
        settings=ProducerSettings(persisted_queries=True, strict_calls=case.strict),
        dialect=case.dialect,
        implementation=case.implementation,
    )


@pytest.fixture(scope="session")
def book(case: Case) -> InMemoryRecipeBook:
    """The book that `served` serves; tests that create recipes add to it."""
    return small_book()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(serve: Serve, book: InMemoryRecipeBook) -> AsyncIterator[Served]:
    async with serve(book) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="session")
async def client(served: Served) -> AsyncIterator[RecipeClient]:
    async with served.client() as it:
        yield it
