"""The counts of a process as Prometheus text, over HTTP on a port of their own, in a thread of their own.

Imported only where they are asked for: the library takes memory.
"""

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from producers.counters import Counters
from producers.producer import PortUnavailable

PREFIX = "recipe_lab_"
PATH = "/metrics"
"""The path that is announced. The library answers every path."""


def serve_metrics(host: str, port: int, counters: Counters, *, protocol: str, implementation: str) -> str:
    """Serve the counts until this process ends, and return the address. Port 0: a free one. Raises PortUnavailable."""
    registry = CollectorRegistry()
    registry.register(CountersCollector(counters, protocol=protocol, implementation=implementation))
    ProcessCollector(registry=registry)
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortUnavailable(
            f"--metrics-port: cannot listen on {host}:{port}: {reason}; choose another port, or 0"
        ) from None
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.server_port}{PATH}"


class CountersCollector(Collector):
    """Reads the counts when they are asked for. Nothing is copied before that."""

    def __init__(self, counters: Counters, *, protocol: str, implementation: str) -> None:
        self._counters = counters
        self._info = {"protocol": protocol, "implementation": implementation, "pid": str(os.getpid())}

    def collect(self) -> Iterator[Metric]:
        """One family for each count."""
        counters = self._counters
        yield InfoMetricFamily(f"{PREFIX}producer", "What this process serves.", value=self._info)
        calls = CounterMetricFamily(
            f"{PREFIX}calls",
            "Calls that have ended, by method, HTTP status, and outcome: ok, or the protocol's code of the error.",
            labels=("method", "status", "outcome"),
        )
        for ended, count in list(counters.calls.items()):
            calls.add_metric((ended.method, str(ended.status), ended.outcome), count)
        yield calls
        checks = CounterMetricFamily(
            f"{PREFIX}health_checks", "Answers to health checks, which are no calls.", labels=("outcome",)
        )
        for outcome, count in list(counters.health_checks.items()):
            checks.add_metric((outcome,), count)
        yield checks
        for name, help_text, value in (
            ("calls_in_flight", "Calls that have begun and not ended.", counters.in_flight),
            ("connections_open", "Open connections of callers.", counters.connections_open()),
            ("ready", "1 until the process is asked to stop, as health checks report it.", int(counters.ready)),
        ):
            yield GaugeMetricFamily(f"{PREFIX}{name}", help_text, value=value)
        yield CounterMetricFamily(
            f"{PREFIX}connections_accepted", "Connections of callers.", value=counters.connections_accepted()
        )
