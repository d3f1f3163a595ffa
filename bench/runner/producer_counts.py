"""What producers have counted of their calls and connections, read from their metrics ports."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from bench.runner.processes import ProcessFailed
from producers.counters import OK, Ended
from producers.metrics import PREFIX

READ_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ProducerCounts:
    """The counts of one process since it started, or between two readings."""

    pid: int
    calls: Mapping[Ended, int]
    """Calls that have ended. Health checks are not among them."""
    health_checks: int
    in_flight: int
    connections_open: int
    connections_accepted: int
    ready: bool
    """Whether health checks report that it takes new callers."""

    @property
    def total(self) -> int:
        """The number of calls that have ended, however they ended."""
        return sum(self.calls.values())

    @property
    def failed(self) -> int:
        """The number of calls that ended with an error, whatever the HTTP status."""
        return sum(count for ended, count in self.calls.items() if ended.outcome != OK)

    def since(self, earlier: "ProducerCounts") -> "ProducerCounts":
        """What was counted after an earlier reading of the same process. Gauges are those of this reading."""
        calls = {ended: count - earlier.calls.get(ended, 0) for ended, count in self.calls.items()}
        return ProducerCounts(
            self.pid,
            {ended: count for ended, count in calls.items() if count},
            self.health_checks - earlier.health_checks,
            self.in_flight,
            self.connections_open,
            self.connections_accepted - earlier.connections_accepted,
            self.ready,
        )


def counts_in(text: str) -> ProducerCounts:
    """The counts in the text of a metrics port."""
    calls: dict[Ended, int] = {}
    values: dict[str, float] = {}
    health_checks = pid = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels, value = sample.labels, sample.value
            match sample.name.removeprefix(PREFIX):
                case "calls_total":
                    calls[Ended(labels["method"], int(labels["status"]), labels["outcome"])] = int(value)
                case "health_checks_total":
                    health_checks += int(value)
                case "producer_info":
                    pid = int(labels["pid"])
                case name:
                    values[name] = value
    return ProducerCounts(
        pid=pid,
        calls=calls,
        health_checks=health_checks,
        in_flight=int(values["calls_in_flight"]),
        connections_open=int(values["connections_open"]),
        connections_accepted=int(values["connections_accepted_total"]),
        ready=bool(values["ready"]),
    )


async def counts_at(address: str) -> ProducerCounts:
    """What the process with this metrics address has counted. Raises ProcessFailed."""
    try:
        return counts_in(await asyncio.to_thread(_read, address))
    except (OSError, HTTPException) as error:
        raise ProcessFailed(f"{address} does not show what was counted: {error}") from None


def _read(address: str) -> str:
    # The address is one that a process of the lab has announced.
    with urlopen(address, timeout=READ_TIMEOUT_S) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content.decode()
