"""One serving process: its whole configuration as one value, and its run from loading recipes to the stop signal."""

import gc
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from commands.errors import UsageError
from commands.loop_signals import run_until_signal
from producers import lifecycle
from producers.producer import PortUnavailable, Producer, UnsupportedSetting
from producers.registry import DEFAULT, producer_class
from producers.settings import ProducerSettings
from producers.tls import TlsFilesUnusable
from recipes import sources

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that a process needs to know to serve."""

    protocol: str
    implementation: str = DEFAULT
    """One of the protocol's, by name."""
    recipes: str
    """The source of the recipes."""
    renumber: bool = False
    """Give the recipes of a file the ids 1, 2, …."""
    settings: ProducerSettings


def serve(service: Service) -> None:
    """Serve in this process until a stop signal. Raises UsageError."""
    reason = "with more than one worker, recipes cannot be created" if service.settings.share_port else ""
    with usage_errors():
        book = sources.book(service.recipes, renumber=service.renumber, read_only_because=reason)
        # The recipes stay for good. Frozen, they are not walked through by every full collection.
        gc.collect()
        gc.freeze()
        producer = producer_class(service.protocol, service.implementation)(book, service.settings)
        run(lifecycle.serve(producer, lambda addresses: _announce(service, producer, addresses)))


def _announce(service: Service, producer: Producer, addresses: list[str]) -> None:
    """Announce what is served. The counts come last, and end with the process. Raises PortUnavailable."""
    shown = list(addresses)
    settings = service.settings
    if settings.metrics_port is not None and producer.counters is not None:
        # It takes memory, so it is imported where it is asked for.
        from producers.metrics import serve_metrics  # noqa: PLC0415

        shown.append(
            serve_metrics(
                settings.host,
                settings.metrics_port,
                producer.counters,
                protocol=service.protocol,
                implementation=service.implementation,
            )
        )
    lifecycle.announce(shown, os.getpid())


def run(serving: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop."""
    return run_until_signal(serving, uvloop.new_event_loop)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Raise UsageError for settings that cannot be served."""
    try:
        yield
    except (PortUnavailable, TlsFilesUnusable, UnsupportedSetting, sources.SourceError) as error:
        raise UsageError(str(error)) from None
