"""The producers by protocol. A new protocol is one more row.

A module is imported when it is needed: importing all libraries at once doubles a producer's memory.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import cast

from producers.producer import Producer

PRODUCERS: dict[str, str] = {
    "http": "producers.json_http:JsonHttpProducer",
    "graphql": "producers.graphql_http:GraphqlHttpProducer",
    "grpc": "producers.grpc_http2:GrpcHttp2Producer",
}

SWITCHED_ON: dict[tuple[str, str], tuple[str, ...]] = {("graphql", "persisted"): ("--persisted-queries",)}
"""The flags that enable a dialect, by protocol and dialect. Dialects without a row are always enabled."""


def flags_for(protocol: str, dialects: Iterable[str]) -> list[str]:
    """The flags that enable these dialects of a protocol."""
    return [flag for dialect in dialects for flag in SWITCHED_ON.get((protocol, dialect), ())]


def producer_class(protocol: str) -> type[Producer]:
    """The class that serves `protocol`, a key of PRODUCERS. Raises KeyError for any other."""
    module_name, _, class_name = PRODUCERS[protocol].partition(":")
    return cast(type[Producer], getattr(import_module(module_name), class_name))
