"""Every client by name, and how the raw client speaks each protocol. Rows are resolved only when asked for."""

from importlib import import_module
from typing import Any, cast

from bench.clients.base import LoadClient
from bench.clients.raw_calls import RawCalls
from bench.spec import LIBRARY
from consumers.client import ClientSettings

RAW = "raw"

CLIENTS: dict[str, str] = {
    LIBRARY: "bench.clients.library:LibraryClient",
    RAW: "bench.clients.raw:RawClient",
    "h2load": "bench.clients.h2load:H2loadClient",
}
"""One more client is one more line."""

RAW_CALLS: dict[str, str] = {
    "http": "bench.clients.http1_calls:Http1Calls",
    "graphql": "bench.clients.http1_calls:Http1Calls",
    "grpc": "bench.clients.grpc_calls:GrpcCalls",
}
"""A fourth protocol is one more line."""


def load_client_class(name: str) -> type[LoadClient]:
    """The class of a client. Raises KeyError for a name that is not in CLIENTS."""
    return cast(type[LoadClient], _resolve(CLIENTS[name]))


def load_client(name: str, protocol: str, settings: ClientSettings) -> LoadClient:
    """A client, not opened yet. Raises KeyError for a name that is not in CLIENTS."""
    return load_client_class(name)(protocol, settings)


def why_unusable(name: str, *, open_loop: bool, new_connections: bool) -> str | None:
    """Why this client cannot be used on this machine, and what would do, in one line; None when it can."""
    return load_client_class(name).why_unusable(open_loop=open_loop, new_connections=new_connections)


def raw_calls(protocol: str, settings: ClientSettings) -> RawCalls[Any, Any]:
    """How requests of `protocol` are made and its answers read. Raises KeyError for one that is not in RAW_CALLS."""
    made = _resolve(RAW_CALLS[protocol])(protocol, settings)
    assert isinstance(made, RawCalls)
    return made


def _resolve(row: str) -> Any:
    module_name, _, name = row.partition(":")
    return getattr(import_module(module_name), name)
