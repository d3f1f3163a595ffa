"""Every protocol that can be consumed, by name, in each of its dialects. A fourth protocol is one more line.

A dialect is what a protocol's messages are written in, or how its query is named. The first of a row is what the
protocol is known for, and what is spoken unless told otherwise. Resolved only when asked for.
"""

from importlib import import_module
from typing import cast

from consumers.client import ClientSettings, RecipeClient

CONSUMERS: dict[str, dict[str, str]] = {
    "http": {"json": "consumers.json_http:JsonHttpClient", "protobuf": "consumers.protobuf_http:ProtobufHttpClient"},
    "graphql": {
        "document": "consumers.graphql_http:GraphqlHttpClient",
        "persisted": "consumers.graphql_persisted:PersistedGraphqlHttpClient",
    },
    "grpc": {"protobuf": "consumers.grpc_http2:GrpcHttp2Client", "json": "consumers.grpc_json:GrpcJsonClient"},
}

ALL_DIALECTS = tuple(dict.fromkeys(dialect for row in CONSUMERS.values() for dialect in row))
"""Every dialect that some protocol speaks."""


def dialects(protocol: str) -> tuple[str, ...]:
    """The dialects of `protocol`, its own first; none of a protocol that is not in CONSUMERS."""
    return tuple(CONSUMERS.get(protocol, ()))


def default_dialect(protocol: str) -> str:
    """The dialect that is spoken unless told otherwise; empty for a protocol that is not in CONSUMERS."""
    return next(iter(dialects(protocol)), "")


def client_class(protocol: str, dialect: str = "") -> type[RecipeClient]:
    """The class that consumes `protocol`, a key of CONSUMERS, in a dialect; empty: its own. Raises KeyError."""
    row = CONSUMERS[protocol]
    module_name, _, class_name = row[dialect or default_dialect(protocol)].partition(":")
    return cast(type[RecipeClient], getattr(import_module(module_name), class_name))


def client(protocol: str, settings: ClientSettings) -> RecipeClient:
    """A consumer of `protocol` in the dialect of the settings, not opened yet. Raises KeyError."""
    return client_class(protocol, settings.dialect)(settings)
