"""Every driver by name, and how the wire driver speaks each protocol. Rows are resolved only when asked for."""

from importlib import import_module
from typing import Any, cast

from bench.drive.driver import Driver
from bench.drive.wire_calls import WireCalls
from bench.matrix import CONSUMER
from consumers.client import ClientSettings

WIRE = "wire"

DRIVERS: dict[str, str] = {
    CONSUMER: "bench.drive.consumer:ConsumerDriver",
    WIRE: "bench.drive.wire:WireDriver",
    "h2load": "bench.drive.h2load:H2loadDriver",
}
"""One more driver is one more line."""

WIRE_CALLS: dict[str, str] = {
    "http": "bench.drive.http1_calls:Http1Calls",
    "graphql": "bench.drive.http1_calls:Http1Calls",
    "grpc": "bench.drive.grpc_calls:GrpcCalls",
}
"""A fourth protocol is one more line."""


def driver_class(name: str) -> type[Driver]:
    """The class of a driver. Raises KeyError for a name that is not in DRIVERS."""
    return cast(type[Driver], _resolve(DRIVERS[name]))


def driver(name: str, protocol: str, settings: ClientSettings) -> Driver:
    """A driver, not opened yet. Raises KeyError for a name that is not in DRIVERS."""
    return driver_class(name)(protocol, settings)


def why_unusable(name: str, *, open_loop: bool, new_connections: bool) -> str | None:
    """Why this driver cannot be used on this machine, and what would do, in one line; None when it can."""
    return driver_class(name).why_unusable(open_loop=open_loop, new_connections=new_connections)


def wire_calls(protocol: str, settings: ClientSettings) -> WireCalls[Any, Any]:
    """How requests of `protocol` are made and its answers read. Raises KeyError for one that is not in WIRE_CALLS."""
    made = _resolve(WIRE_CALLS[protocol])(protocol, settings)
    assert isinstance(made, WireCalls)
    return made


def _resolve(row: str) -> Any:
    module_name, _, name = row.partition(":")
    return getattr(import_module(module_name), name)
