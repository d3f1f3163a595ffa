"""Producers in this process, on free ports over real sockets, and clients of them, by protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from consumers.client import ClientSettings, RecipeClient
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from producers.producer import Producer
from producers.registry import DEFAULT, producer_class
from producers.settings import Limits, ProducerSettings, TlsFiles
from recipes.book import RecipeBook


@dataclass(frozen=True)
class Served:
    """A running producer, and the settings of a client for it."""

    protocol: str
    producer: Producer
    address: str
    client_settings: ClientSettings

    def client(self, **changes: object) -> RecipeClient:
        """A client for it, not opened, with some settings changed."""
        return client(self.protocol, replace(self.client_settings, **changes))  # type: ignore[arg-type]


@asynccontextmanager
async def serving(
    protocol: str,
    book: RecipeBook,
    *,
    gzip: bool = False,
    certificates: CertificateFiles | None = None,
    limits: Limits | None = None,
    drain_s: float = 10.0,
    settings: ProducerSettings | None = None,
    dialect: str = "",
    implementation: str = DEFAULT,
) -> AsyncIterator[Served]:
    """Serve `book` on a free port, with TLS if there are certificates, until the end of the block.

    `settings` are all settings without an argument of their own. `dialect` is that of its client.
    """
    settings = replace(
        settings or ProducerSettings(),
        port=None if certificates else 0,
        tls_port=0 if certificates else None,
        tls=TlsFiles(certificate=certificates.server, key=certificates.server_key) if certificates else None,
        gzip=gzip,
        limits=limits or Limits(),
        drain_s=drain_s,
    )
    producer = producer_class(protocol, implementation)(book, settings)
    (address,) = await producer.start()
    ca: Path | None = certificates.ca if certificates else None
    try:
        yield Served(
            protocol,
            producer,
            address,
            ClientSettings(target=parse_target(address), gzip=gzip, ca=ca, timeout_s=10.0, dialect=dialect),
        )
    finally:
        await producer.stop()
