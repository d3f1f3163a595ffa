"""The clients of a load process: how they reach the producer, and which cells share one."""

from collections.abc import Hashable

from bench.clients import registry
from bench.clients.base import LoadClient
from bench.clients.library import LibraryClient
from bench.load import messages
from bench.load.fresh_connections import FreshConnections
from bench.spec import NEW, CellKey
from commands.importing import importing
from consumers import registry as consumers
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import OperationUnsupported, ProducerUnreachable
from consumers.target import Target
from consumers.tls import server_certificate


class CellClients:
    """Makes the clients of cells, and keeps those that are open."""

    def __init__(self, setup: messages.Setup) -> None:
        self.setup = setup
        self._opened: dict[tuple[Hashable, ...], LoadClient] = {}
        """By what cells have to agree in to share connections."""
        self._known_certificate = ""
        """What the producer presents, in PEM, where that has to be known."""

    async def opened(self, key: CellKey) -> LoadClient:
        """An open client for the cell. Cells that differ only in their requests share connections.

        Raises ConsumerError.
        """
        if key.connections not in self._opened:
            route = self.route(key)
            if route.reason:
                raise ProducerUnreachable(route.reason)
            if route.target is None:
                raise OperationUnsupported(f"there is no address with{'' if key.client_tls else 'out'} TLS")
            if route.target.tls:
                await self._know_certificate()
            with importing():
                made = self.load_client(key, route.via or route.target)
            await made.open()
            self._opened[key.connections] = made
        return self._opened[key.connections]

    def route(self, key: CellKey) -> messages.Route:
        """How the cell's clients reach what serves it."""
        found = self.setup.routes.get(key.path.label)
        if found is not None:
            return found
        direct = self.setup.direct
        return messages.Route(target=direct.of(tls=key.tls), plain=direct.plain, producer_pids=self.setup.producer_pids)

    async def _know_certificate(self) -> None:
        """Find out what the producer presents, once and beside all connections that are counted. Raises ConsumerError.

        Not every library can do by itself what `access` demands.
        """
        access, target = self.setup.access, self.setup.direct.tls
        if target is not None and not self._known_certificate and access.needs_known_certificate:
            settings = ClientSettings.with_access(access, target=target, timeout_s=self.setup.timeout_s)
            self._known_certificate = await server_certificate(settings)

    def load_client(self, key: CellKey, target: Target) -> LoadClient:
        """The cell's client, not opened yet. `target` is where to connect: to what serves it, a relay or a tap."""
        settings = self._settings(key, target, connections=key.load.connection_limit if key.load else None)
        if key.connection == NEW:
            fresh = FreshConnections(lambda: self.consumer(key, target))
            return LibraryClient(self.setup.protocol, settings, fresh)
        return registry.load_client(key.client, self.setup.protocol, settings)

    def consumer(self, key: CellKey, target: Target) -> RecipeClient:
        """The cell's consumer with a connection of its own, not opened yet. `target` is where to connect."""
        return consumers.client(self.setup.protocol, self._settings(key, target, connections=1))

    def _settings(self, key: CellKey, target: Target, *, connections: int | None) -> ClientSettings:
        route = self.route(key)
        named = (route.target if target.tls == key.client_tls else route.plain) or target
        return ClientSettings.with_access(
            self.setup.access,
            target=named,
            via=None if named == target else target,
            known_certificate=self._known_certificate if target.tls else "",
            gzip=key.gzip,
            dialect=key.dialect,
            timeout_s=self.setup.timeout_s,
            connections=connections,
            keep_alive_s=self.setup.keep_alive_s,
        )

    async def close(self) -> list[str]:
        """Close every connection. Returns why some could not be closed."""
        problems = []
        for opened in self._opened.values():
            try:
                await opened.close()
            except Exception as error:  # what was recorded is still worth having
                problems.append(f"a connection of the {self.setup.protocol} client could not be closed: {error}")
        return problems
