"""Every protocol that can be served, by name. A fourth protocol is one more line.

The rows are resolved only when asked for: importing all stacks at once doubles a producer's memory.
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
"""By protocol and dialect, for those that a producer speaks only when told to: the flags that tell it."""


def flags_for(protocol: str, dialects: Iterable[str]) -> list[str]:
    """What to start a producer with, so that it speaks all of these dialects."""
    return [flag for dialect in dialects for flag in SWITCHED_ON.get((protocol, dialect), ())]


def producer_class(protocol: str) -> type[Producer]:
    """The class that serves `protocol`, a key of PRODUCERS. Raises KeyError for any other."""
    module_name, _, class_name = PRODUCERS[protocol].partition(":")
    return cast(type[Producer], getattr(import_module(module_name), class_name))
