"""Every protocol that can be consumed, by name. A fourth protocol is one more line. Resolved only when asked for."""

from importlib import import_module
from typing import cast

from consumers.client import ClientSettings, RecipeClient

CONSUMERS: dict[str, str] = {
    "http": "consumers.json_http:JsonHttpClient",
    "graphql": "consumers.graphql_http:GraphqlHttpClient",
    "grpc": "consumers.grpc_http2:GrpcHttp2Client",
}


def client_class(protocol: str) -> type[RecipeClient]:
    """The class that consumes `protocol`, a key of CONSUMERS. Raises KeyError for any other."""
    module_name, _, class_name = CONSUMERS[protocol].partition(":")
    return cast(type[RecipeClient], getattr(import_module(module_name), class_name))


def client(protocol: str, settings: ClientSettings) -> RecipeClient:
    """A consumer of `protocol`, not opened yet."""
    return client_class(protocol)(settings)
