"""What helps against a cause of failed requests: whose it is, and what to do. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bench.results import Cause
from consumers import causes

OTHERWISE = "Find the cause, then measure again."


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about causes whose text matches."""

    pattern: re.Pattern[str]
    """Of the beginning of the text."""
    text: str


def _for(beginning: str, text: str) -> Remedy:
    return Remedy(re.compile(beginning), text)


REMEDIES = (
    _for(
        re.escape(causes.NO_PORT_LEFT),
        "This machine ran out of local ports, not the producer: each new connection takes one for a minute after it is "
        "closed. Measure with --connection persistent, fewer --seconds or a lower --rate, or widen "
        "net.ipv4.ip_local_port_range.",
    ),
    _for(
        re.escape(causes.NO_DESCRIPTOR_LEFT),
        "A process of this machine ran out of file descriptors. Raise the limit with ulimit -n, or use a lower "
        "--concurrency.",
    ),
    _for(re.escape(causes.UNKNOWN_HOST), "Check the host name in --target."),
    _for(re.escape(causes.NO_NAME_SERVICE), "Check the network and the name service of this machine."),
    _for(
        re.escape(causes.REFUSED),
        "Nothing accepts connections at that address: start the producer, or check host and port.",
    ),
    _for(
        f"{causes.NOT_TRUSTED}.*expired",
        "Renew the certificate of the producer.",
    ),
    _for(
        f"{causes.NOT_TRUSTED}: it is for another host",
        "Use a host name that the certificate has, or a certificate for this one.",
    ),
    _for(re.escape(causes.NOT_TRUSTED), "Give the authority that signed it with --ca."),
    _for(
        re.escape(causes.HANDSHAKE_FAILED),
        "Check whether the producer serves TLS at that port, and in which version.",
    ),
    _for(re.escape(causes.UNUSABLE_FILE), "Give a readable PEM file."),
    _for(
        "no response within ",
        "The producer is too slow for this load or the time allowed: use a lower --concurrency or --rate, or a longer "
        "--timeout.",
    ),
    _for(
        "429|RESOURCE_EXHAUSTED",
        "The producer limits how much it serves: raise its limit, or use a lower --concurrency or --rate.",
    ),
    _for("401|403|UNAUTHENTICATED|PERMISSION_DENIED", "The producer requires credentials: give them with --header."),
    _for("30[1278]", "The producer redirects: give the address that it redirects to."),
    _for("404|405|UNIMPLEMENTED", "Check the path in --target, and whether the producer has this operation."),
    _for("5\\d\\d |UNKNOWN|INTERNAL|UNAVAILABLE|DATA_LOSS", "Look at the log of the producer."),
    _for("the connection was ", "The producer, or something between, ended connections: look at its log and limits."),
)
"""The first that matches counts."""


def of_causes(found: Iterable[Cause]) -> str:
    """What to do about these, the most frequent first, each once."""
    matching = (
        next((remedy.text for remedy in REMEDIES if remedy.pattern.match(cause.text)), OTHERWISE) for cause in found
    )
    return " ".join(dict.fromkeys(matching)) or OTHERWISE
