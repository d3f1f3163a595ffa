"""Every flag of `python -m producers` that has no effect beside others, or on a protocol.

Which limits a server enforces and what it does not offer stands in its row (`producers.registry`).
"""

from commands.without_effect import CommandLine, WithoutEffect, without
from producers.registry import producer_class


def _no_documents(line: CommandLine) -> bool:
    return not producer_class(line["protocol"]).takes_documents


def _always_strict(line: CommandLine) -> bool:
    return not producer_class(line["protocol"]).has_strict_calls


WITHOUT_EFFECT = (
    WithoutEffect(
        ["--cert", "--key", "--client-ca"],
        "without TLS; add --tls or --tls-port, or leave it out",
        without("--tls", "--tls-port"),
    ),
    WithoutEffect(["--gzip-level"], "without --gzip; add that, or leave it out", without("--gzip")),
    WithoutEffect(
        ["--no-introspection", "--no-suggestions", "--persisted-queries"],
        "on {protocol}, which has no query documents; leave it out",
        _no_documents,
    ),
    WithoutEffect(["--strict-calls"], "on {protocol}, which always checks its requests; leave it out", _always_strict),
)
