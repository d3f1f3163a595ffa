"""The interface of a producer, which everything that runs producers uses."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from producers.counters import Counters
from producers.settings import ProducerSettings
from recipes.book import RecipeBook


class PortUnavailable(Exception):
    """The address is in use or does not belong to this machine. The text names it."""


class Producer(ABC):
    """One protocol's server over a RecipeBook.

    A subclass has its own module and a row in `producers.registry`. It can serve a plain and a TLS port at once; both
    give the same responses.
    """

    plain_scheme: ClassVar[str]
    tls_scheme: ClassVar[str]
    takes_documents: ClassVar[bool] = False
    """Whether callers send query documents, to which the settings for GraphQL apply."""
    has_strict_calls: ClassVar[bool] = False
    """Whether `settings.strict_calls` applies. Other producers check every request anyway."""
    path: ClassVar[str] = ""
    """The path in announced addresses."""

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        self.book = book
        self.settings = settings
        self.counters = None if settings.metrics_port is None else Counters()
        """What is counted; None: nothing is."""

    @abstractmethod
    async def start(self) -> list[str]:
        """Listen, and return the addresses that now accept connections, plain before TLS.

        Raises PortUnavailable.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Stop accepting, let open requests finish within `settings.drain_s`, close everything."""

    def note_not_ready(self) -> None:
        """Have the counts show that health checks report the stop."""
        if self.counters is not None:
            self.counters.ready = False

    def address(self, port: int, *, tls: bool) -> str:
        """The announced address of a port, such as `http://127.0.0.1:4000`."""
        host = self.settings.host
        if ":" in host:
            host = f"[{host}]"
        return f"{self.tls_scheme if tls else self.plain_scheme}://{host}:{port}{self.path}"


def ports_of(addresses: Iterable[str]) -> frozenset[int]:
    """The ports of announced addresses."""
    return frozenset([port for address in addresses if (port := urlsplit(address).port) is not None])


class UnsupportedSetting(Exception):
    """A setting that the protocol's library does not support. The text names it and what to do."""


def new_incident() -> str:
    """A random id for an internal error. The caller gets the id only; the log has the details under it."""
    return secrets.token_hex(6)
