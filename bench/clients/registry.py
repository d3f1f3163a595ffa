"""The clients by name. Rows are resolved only when asked for."""

from typing import TYPE_CHECKING

from bench.protocols import resolve

if TYPE_CHECKING:
    from bench.clients.base import LoadClient
    from consumers.client import ClientSettings

LIBRARY = "library"
"""The matching consumer and its client library: what a Python caller sees. The headline ratios are its."""
RAW = "raw"
"""Prepared bytes and a minimal parser: what the producer costs."""

CLIENTS: dict[str, str] = {
    LIBRARY: "bench.clients.library:LibraryClient",
    RAW: "bench.clients.raw:RawClient",
    "h2load": "bench.clients.h2load:H2loadClient",
}
"""A new client is one more row."""


def load_client_class(name: str) -> "type[LoadClient]":
    """The class of a client. Raises KeyError for a name that is not in CLIENTS."""
    found: type[LoadClient] = resolve(CLIENTS[name])
    return found


def load_client(name: str, protocol: str, settings: "ClientSettings") -> "LoadClient":
    """A client, not opened yet. Raises KeyError for a name that is not in CLIENTS."""
    return load_client_class(name)(protocol, settings)


def why_unusable(name: str, *, open_loop: bool, new_connections: bool) -> str | None:
    """Why this client cannot be used on this machine, and what to do instead, in one line. None when it can be used."""
    return load_client_class(name).why_unusable(open_loop=open_loop, new_connections=new_connections)
