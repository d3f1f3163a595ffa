"""What a front counted: calls, connections and failures, of each replica and of its own. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NO_CONNECTION = "connection failed"
BROKEN_RESPONSE = "connection broken, or response invalid"
STATUS_5XX = "status 5xx from the replica"
TIMEOUT = "timeout"
RESET = "stream reset, or status 5xx from the replica"
REFUSED = "refused by the front"
NO_REPLICA = "no replica"
"""Kinds of failures in `Counts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaCounts:
    """What a front counted of one replica since it was started."""

    calls: int | None = None
    """Requests that were sent to it; None where the front did not count them."""
    connections: int | None = None
    """Connections that were opened to it; None where the front does not count them."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """By kind, without those that did not happen."""

    def since(self, earlier: "ReplicaCounts") -> "ReplicaCounts":
        """What came after `earlier`."""
        return ReplicaCounts(
            calls=_difference(self.calls, earlier.calls),
            connections=_difference(self.connections, earlier.connections),
            failures=_differences(self.failures, earlier.failures),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a front counted since it was started."""

    replicas: Mapping[str, ReplicaCounts]
    """By host:port, in the order of the plan."""
    calls: int | None = None
    """Requests of clients; None where the front sees none."""
    connections: int | None = None
    """Connections of clients."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Of no replica, by kind: the front's own refusals."""
    statuses: Mapping[str, int] = field(default_factory=dict)
    """Responses to clients by the class of their HTTP status, `4xx`, without those that did not happen; empty where the
    front does not count them."""

    def since(self, earlier: "Counts") -> "Counts":
        """What came after `earlier`, which is of the same front."""
        return Counts(
            replicas={name: each.since(earlier.replicas[name]) for name, each in self.replicas.items()},
            calls=_difference(self.calls, earlier.calls),
            connections=_difference(self.connections, earlier.connections),
            failures=_differences(self.failures, earlier.failures),
            statuses=_differences(self.statuses, earlier.statuses),
        )


def _difference(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def _differences(later: Mapping[str, int], earlier: Mapping[str, int]) -> dict[str, int]:
    return happened({kind: count - earlier.get(kind, 0) for kind, count in later.items()})


STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
"""Of HTTP (RFC 9110, section 15)."""


def happened(failures: Mapping[str, int]) -> dict[str, int]:
    """Without the kinds that did not happen."""
    return {kind: count for kind, count in failures.items() if count}


class BadStatistics(ValueError):
    """A front's statistics cannot be read. The text says why."""
