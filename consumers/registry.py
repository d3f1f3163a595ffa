"""The consumers by protocol and dialect. A new protocol is one more row.

A dialect is the format of a protocol's messages, or how its queries are identified. The first of a row is the default.
Modules are imported when they are needed.
"""

from importlib import import_module
from typing import cast

from consumers.client import ClientSettings, RecipeClient
from consumers.own_requests import OwnRequest
from consumers.target import BadTarget, Target, parse_target

CONSUMERS: dict[str, dict[str, str]] = {
    "http": {"json": "consumers.json_http:JsonHttpClient", "protobuf": "consumers.protobuf_http:ProtobufHttpClient"},
    "graphql": {
        "document": "consumers.graphql_http:GraphqlHttpClient",
        "persisted": "consumers.graphql_persisted:PersistedGraphqlHttpClient",
    },
    "grpc": {"protobuf": "consumers.grpc_http2:GrpcHttp2Client", "json": "consumers.grpc_json:GrpcJsonClient"},
}

OWN_REQUESTS: dict[str, str] = {
    "http": "consumers.own_http:HttpRequest",
    "graphql": "consumers.own_graphql:GraphqlRequest",
    "grpc": "consumers.own_grpc:GrpcRequest",
}
"""What a request file may say of each protocol: a kind of OwnRequest. One that is missing takes no such requests."""

ALL_DIALECTS = tuple(dict.fromkeys(dialect for row in CONSUMERS.values() for dialect in row))
"""The dialects of all protocols."""

WITHOUT_PATH = frozenset({"grpc"})
"""The protocols whose contract determines the whole path of every request, so that an address can have none."""


def target_for(protocol: str, text: str) -> Target:
    """Parse the address of a producer of `protocol`. Raises BadTarget, also for a path where none is possible."""
    target = parse_target(text)
    if protocol in WITHOUT_PATH and target.path not in ("", "/"):
        raise BadTarget(
            f"{text!r} has the path {target.path}, but in {protocol} the name of the method is the whole path; "
            "leave it out"
        )
    return target


def dialects(protocol: str) -> tuple[str, ...]:
    """The dialects of `protocol`, the default first; empty for an unknown protocol."""
    return tuple(CONSUMERS.get(protocol, ()))


def default_dialect(protocol: str) -> str:
    """The default dialect; empty for an unknown protocol."""
    return next(iter(dialects(protocol)), "")


def client_class(protocol: str, dialect: str = "") -> type[RecipeClient]:
    """The client class for a protocol and dialect; empty: the default dialect. Raises KeyError."""
    return cast(type[RecipeClient], _resolved(CONSUMERS[protocol][dialect or default_dialect(protocol)]))


def client(protocol: str, settings: ClientSettings) -> RecipeClient:
    """A client for `protocol` in the dialect of the settings, not opened yet. Raises KeyError."""
    return client_class(protocol, settings.dialect)(settings)


def own_request_class(protocol: str) -> type[OwnRequest]:
    """The kind of the user's own requests of a protocol. Raises KeyError."""
    return cast(type[OwnRequest], _resolved(OWN_REQUESTS[protocol]))


def _resolved(place: str) -> object:
    """The object that `module:name` names."""
    module_name, _, name = place.partition(":")
    return getattr(import_module(module_name), name)
