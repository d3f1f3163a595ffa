"""The connection to a Dask cluster: its workers, what is called on them, and which of them are gone.

The only module that imports Dask, and only once there is a scheduler to connect to.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from bench.cluster import pipe
from bench.stats.wording import counted
from commands.errors import UsageError
from recipes.installation import prepared_by

CONNECT_S = 5.0
"""How long a scheduler may take to answer."""
WORKERS_S = 30.0
"""How long the bench waits for workers."""
SCHEMES = ("tcp", "tls")


class WorkerLost(Exception):
    """A worker that ended, or did not answer. The text says which of them."""


def checked_address(text: str) -> str:
    """The address of a scheduler. Raises UsageError for one that cannot be."""
    scheme, separator, rest = text.partition("://")
    host, colon, port = rest.rpartition(":")
    if scheme not in SCHEMES or not separator or not host or not colon or not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--scheduler: {text!r} is no address of a scheduler; use tcp://HOST:PORT or tls://HOST:PORT")
    return text


def import_dask() -> Any:
    """The library. Raises UsageError where it is not installed."""
    try:
        import cloudpickle  # noqa: PLC0415 - takes long, and is an extra
        import distributed  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"--scheduler needs Dask ({error}): {prepared_by('setup-cluster')}") from None
    # The worker needs no module of the lab in its process.
    cloudpickle.register_pickle_by_value(pipe)
    return distributed


class Connection:
    """A client of a scheduler. Use as `async with`."""

    def __init__(self, address: str, workers: int) -> None:
        """`workers`: how many the scheduler has to have, at least."""
        self.address = address
        self._wanted = workers
        self.lost: dict[str, asyncio.Future[str]] = {}
        """Of each worker, by its address: done once it is gone, with the reason."""
        self._client: Any = None
        self.version = ""
        """Of Dask."""

    async def __aenter__(self) -> Self:
        """Connect. Raises UsageError where no scheduler answers, or none of its workers can be used."""
        distributed = import_dask()
        for name in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.version = distributed.__version__
        try:
            async with asyncio.timeout(CONNECT_S):
                # Awaited by itself, so that it is known and can be closed when it does not connect.
                self._client = distributed.Client(
                    self.address, asynchronous=True, timeout=CONNECT_S, set_as_default=False, name="recipe-lab"
                )
                await self._client
        # A TypeError: Dask is not configured for TLS.
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            await self._close()
            reason = str(error).splitlines()[0] if str(error) else f"nothing for {CONNECT_S:g} s"
            raise UsageError(f"--scheduler: no Dask scheduler answers at {self.address}: {reason}") from None
        try:
            for address in await self._usable():
                self.lost[address] = asyncio.get_running_loop().create_future()
        except BaseException:
            await self._close()
            raise
        self._client.subscribe_topic("all", self._on_event)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._client is not None:
            await asyncio.shield(self._client.close(timeout=2))

    async def _usable(self) -> list[str]:
        """The addresses of the workers, once there are enough. Raises UsageError where there are not, or one has
        another Python."""
        with suppress(TimeoutError):
            await self._client.wait_for_workers(self._wanted, timeout=WORKERS_S)
        versions = await self._client.get_versions()
        found = versions["workers"]
        if len(found) < self._wanted:
            has = f"has {counted(len(found), 'worker')} of {self._wanted}" if found else "has no workers"
            raise UsageError(f"--scheduler: {self.address} {has}; start more: dask worker {self.address}")
        own = "{}.{}".format(*sys.version_info)
        for address, each in found.items():
            python = str(each["host"]["python"])
            if not python.startswith(f"{own}."):
                raise UsageError(
                    f"--scheduler: worker {address} has Python {python}, and the bench {own}; use the same"
                )
        return sorted(found)

    def _on_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, content = event
        if content.get("action") == "remove-worker":
            self.lose(str(content.get("worker")), "it left the cluster")

    def lose(self, worker: str, reason: str) -> None:
        """Note that a worker is gone."""
        if worker in self.lost and not self.lost[worker].done():
            self.lost[worker].set_result(reason)

    @property
    def workers(self) -> list[str]:
        """The addresses of those that are not gone, in order."""
        return [address for address, gone in self.lost.items() if not gone.done()]

    async def call(
        self, worker: str, function: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any, seconds: float
    ) -> Any:
        """What a function of `bench.cluster.pipe` returns on a worker. Raises WorkerLost."""
        gone = self.lost[worker]
        if gone.done():
            raise WorkerLost(gone.result())
        calling = asyncio.ensure_future(self._client.run(function, *arguments, workers=[worker], on_error="return"))
        try:
            await asyncio.wait({calling, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                self.lose(worker, f"it did not answer within {seconds:g} s")
                raise WorkerLost(gone.result())
            found = calling.result().get(worker)
        except OSError as error:
            found = error
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
        if found is None or isinstance(found, BaseException):
            broken = found is None or isinstance(found, OSError)
            self.lose(worker, "the connection to it broke" if broken else f"it does not do what it is sent: {found!r}")
            raise WorkerLost(gone.result())
        return found
