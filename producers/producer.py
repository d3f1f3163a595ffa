"""The seam between a protocol and everything that runs producers: start, stop, and how its addresses are written."""

import secrets
from abc import ABC, abstractmethod
from typing import ClassVar

from producers.settings import ProducerSettings
from recipes.book import RecipeBook


class PortUnavailable(Exception):
    """The address to listen on is taken or not this machine's. The text names it."""


class Producer(ABC):
    """One protocol's server over a RecipeBook.

    A subclass lives in a module of its own and is named in `producers.registry`. It may serve a plain and a TLS port
    at once; both answer alike.
    """

    plain_scheme: ClassVar[str]
    tls_scheme: ClassVar[str]
    takes_documents: ClassVar[bool] = False
    """Whether callers send query documents, so that there is something to introspect, suggest and persist."""
    has_strict_calls: ClassVar[bool] = False
    """Whether `settings.strict_calls` changes anything: elsewhere every request is looked at in any case."""
    path: ClassVar[str] = ""
    """What follows the port in an announced address."""

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        self.book = book
        self.settings = settings

    @abstractmethod
    async def start(self) -> list[str]:
        """Listen, and return the addresses that accept connections by now, plain before TLS.

        Raises PortUnavailable.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Stop accepting, let requests under way finish within `settings.drain_s`, close everything."""

    def address(self, port: int, *, tls: bool) -> str:
        """The address of a port as it is announced, such as `http://127.0.0.1:4000`."""
        host = self.settings.host
        if ":" in host:
            host = f"[{host}]"
        return f"{self.tls_scheme if tls else self.plain_scheme}://{host}:{port}{self.path}"


class UnsupportedSetting(Exception):
    """A setting that this protocol's stack cannot honour. The text names it and what would do."""


def new_incident() -> str:
    """A name for a fault, by which whoever met it and whoever reads the log can speak of the same."""
    return secrets.token_hex(6)
