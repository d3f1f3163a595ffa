"""Servers that behave in unusual ways, and what every client makes of each.

A behaviour is declared once, in odd_http1.py or odd_grpc.py. The contract test runs it with every client
(tests/contract/test_odd_servers.py), and docs/clients.md has them in tables (odd_clients.py).
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from consumers.errors import ConsumerError, UnexpectedResponse
from tests.support.scripted_server import Script

REQUESTS = 3
"""How many requests a client sends to each server, one after the other."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that fails, in the same words for every client."""

    text: str
    """What follows the address in the error."""
    kind: type[ConsumerError] = UnexpectedResponse


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server speaks TLS."""

    version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    """The only one that it offers."""
    alpn: Sequence[str] = ()
    spoken: bool = True
    """False: it does not speak TLS at all, though the client does."""

    def context(self, certificate: Path, key: Path) -> ssl.SSLContext | None:
        """The server's context."""
        if not self.spoken:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = self.version
        context.load_cert_chain(certificate, key)
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a server does, and what becomes of the requests that it gets."""

    does: str
    rule: str
    """What decides: a section of a standard, or what a client library can do."""
    script: Script
    refused: Refusal | None = None
    """Why each request fails. None: its response is accepted."""
    fails: Sequence[int] = range(REQUESTS)
    """Which requests fail."""
    connections: int | None = 1
    """How many connections a client opens for the requests. None: clients may differ, because each request fails."""
    gzip: bool = False
    """Whether the client requests gzip."""
    at_once: bool = False
    """Whether it matters that everything that is written together arrives together."""
    closes_idle: bool = False
    """Whether the next request is sent once the client has seen that its connection was closed."""
    tls: Tls | None = None
    """What becomes of the client's TLS. None: it uses none."""
    library_differs: Refusal | str | None = None
    """What the client library makes of it instead, where it cannot do what is right. A text: it accepts, and why."""

    def __str__(self) -> str:
        return self.does

    def expected(self, client: str, number: int) -> Refusal | None:
        """What becomes of a request with this client."""
        if client == "library" and self.library_differs is not None:
            return self.library_differs if isinstance(self.library_differs, Refusal) else None
        return self.refused if number in self.fails else None


def table(groups: Mapping[str, Sequence[Behaviour]]) -> str:
    """The behaviours in Markdown, a section for each group."""
    lines: list[str] = []
    for title, behaviours in groups.items():
        lines += [f"### {title}", "", "| a server that | is | because of |", "|---|---|---|"]
        lines += [f"| {each.does} | {_outcome(each)} | {each.rule} |" for each in behaviours]
        lines.append("")
    return "\n".join(lines)


def _outcome(behaviour: Behaviour) -> str:
    if behaviour.refused is None:
        said = "accepted"
    else:
        which = "" if len(behaviour.fails) == REQUESTS else "for that request, "
        said = f"refused: {which}{behaviour.refused.text}"
    match behaviour.library_differs:
        case None:
            return said
        case Refusal(text):
            return f"{said}. Library client: {text}"
        case str(why):
            return f"{said}. Library client: accepted, {why}"
