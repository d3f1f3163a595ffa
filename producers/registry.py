"""Every protocol that can be served, by name. A fourth protocol is one more line.

The rows are resolved only when asked for: importing all stacks at once doubles a producer's memory.
"""

from importlib import import_module
from typing import cast

from producers.producer import Producer

PRODUCERS: dict[str, str] = {
    "http": "producers.json_http:JsonHttpProducer",
    "graphql": "producers.graphql_http:GraphqlHttpProducer",
    "grpc": "producers.grpc_http2:GrpcHttp2Producer",
}


def producer_class(protocol: str) -> type[Producer]:
    """The class that serves `protocol`, a key of PRODUCERS. Raises KeyError for any other."""
    module_name, _, class_name = PRODUCERS[protocol].partition(":")
    return cast(type[Producer], getattr(import_module(module_name), class_name))
