"""The producers by protocol, and for each protocol its implementations. Another protocol or implementation is one row.

A row says what an implementation does not offer, so that this is known before anything starts. A module is imported
when it is needed: importing all libraries at once doubles a producer's memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import cast

from commands.importing import importing
from producers.producer import Producer
from producers.settings import CallLimits, DocumentLimits

DEFAULT = "default"
"""The name of each protocol's usual implementation. docs/implementations.md has the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """One server for a protocol."""

    title: str
    """The library that serves, as readers know it."""
    at: str
    """The class, `module:name`, a Producer."""
    requires: tuple[str, ...] = ()
    """Distributions that requirements/run.txt does not install; requirements/implementations.txt does."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """What it does not offer, with the reason: a flag of `python -m producers` without its dashes, a dialect or a
    workload."""
    limits: frozenset[str] | None = None
    """The names of the limits for callers that it enforces; None: all of them."""

    def why_not(self, *names: str) -> str | None:
        """Why it does not offer one of these, in one line; None when it offers all."""
        return next((f"{self.title}: {self.lacks[name]}" for name in names if name in self.lacks), None)

    def enforces(self, limit: str) -> bool:
        """Whether it enforces the limit of this name."""
        return self.limits is None or limit in self.limits

    def missing(self) -> str | None:
        """A distribution that it requires and that is not installed; None when it can be started."""
        # Seldom needed, and slow to import.
        from importlib import metadata  # noqa: PLC0415

        for name in self.requires:
            try:
                metadata.version(name)
            except metadata.PackageNotFoundError:
                return name
        return None


HTTP_LIMITS = frozenset(
    (
        "body_bytes",
        "request_line_bytes",
        "header_bytes",
        "header_count",
        "head_bytes",
        "header_timeout_s",
        "body_timeout_s",
        "keep_alive_s",
        "connection_age_s",
        "write_timeout_s",
        "connections",
        "tls_handshake_timeout_s",
    )
)
GRAPHQL_LIMITS = HTTP_LIMITS | {f"document.{each.name}" for each in fields(DocumentLimits)}
GRPC_CORE_LIMITS = frozenset(("body_bytes", "keep_alive_s")) | {f"calls.{each.name}" for each in fields(CallLimits)}
GRPC_LIMITS = GRPC_CORE_LIMITS | {"body_timeout_s", "write_timeout_s"}

PRODUCERS: dict[str, Mapping[str, Implementation]] = {
    "http": {
        DEFAULT: Implementation(title="aiohttp", at="producers.json_http:JsonHttpProducer", limits=HTTP_LIMITS),
        "granian": Implementation(
            title="Granian",
            at="producers.http_granian:GranianProducer",
            requires=("granian",),
            limits=frozenset(("body_bytes", "body_timeout_s", "keep_alive_s", "connections")),
        ),
    },
    "graphql": {
        DEFAULT: Implementation(
            title="Strawberry", at="producers.graphql_http:GraphqlHttpProducer", limits=GRAPHQL_LIMITS
        ),
        "ariadne": Implementation(
            title="Ariadne",
            at="producers.graphql_ariadne:AriadneProducer",
            requires=("ariadne",),
            limits=GRAPHQL_LIMITS,
        ),
        "compiled": Implementation(
            title="Strawberry, compiled", at="producers.graphql_compiled:CompiledProducer", limits=GRAPHQL_LIMITS
        ),
    },
    "grpc": {
        DEFAULT: Implementation(title="grpc.aio", at="producers.grpc_http2:GrpcHttp2Producer", limits=GRPC_LIMITS),
        "grpcio-threads": Implementation(
            title="grpcio with threads",
            at="producers.grpc_threads:GrpcThreadsProducer",
            lacks={"strict-calls": "the check of calls stands before grpc.aio only"},
            limits=GRPC_CORE_LIMITS,
        ),
    },
}
"""By protocol, then by name. The first is the default."""

SWITCHED_ON: dict[tuple[str, str], tuple[str, ...]] = {("graphql", "persisted"): ("--persisted-queries",)}
"""The flags that enable a dialect, by protocol and dialect. Dialects without a row are always enabled."""

ALTERNATIVES = tuple(dict.fromkeys(name for rows in PRODUCERS.values() for name in rows if name != DEFAULT))
"""The names of all implementations that are no default."""


def flags_for(protocol: str, dialects: Iterable[str]) -> list[str]:
    """The flags that enable these dialects of a protocol."""
    return [flag for dialect in dialects for flag in SWITCHED_ON.get((protocol, dialect), ())]


def implementation(protocol: str, name: str = DEFAULT) -> Implementation:
    """The row of an implementation. Raises KeyError where the protocol has none of this name."""
    return PRODUCERS[protocol][name]


def producer_class(protocol: str, name: str = DEFAULT) -> type[Producer]:
    """The class that serves `protocol`, a key of PRODUCERS, in an implementation. Raises KeyError for any other."""
    module_name, _, class_name = implementation(protocol, name).at.partition(":")
    with importing():
        return cast(type[Producer], getattr(import_module(module_name), class_name))
