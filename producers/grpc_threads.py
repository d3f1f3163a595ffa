"""The gRPC producer on grpcio's threaded server, which gRPC's own examples for Python use: a pool of threads for calls.

The services are those of the default implementation, on the same core of gRPC. Their methods are coroutines. Where the
recipes are in memory, so that there is nothing to wait for, the thread of a call runs its coroutine to the end. Others
run on the event loop, for which the thread waits.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

# As in producers.grpc_http2.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from producers.counters import Counters
from producers.grpc_errors import status_of
from producers.grpc_json_service import NAME as RECIPES_IN_JSON
from producers.grpc_json_service import JsonRecipeService, add_to_server
from producers.grpc_limits import core_options
from producers.grpc_ports import add_ports, check_gzip_level
from producers.grpc_service import NAME as RECIPES
from producers.grpc_service import RecipeService
from producers.grpc_stop import stop_core
from producers.producer import PortUnavailable, Producer, ports_of
from protos.recipe_pb2_grpc import add_RecipeServiceServicer_to_server
from recipes.book import RecipeBook

if TYPE_CHECKING:
    from producers.grpc_counting import CallCounts

Work = Coroutine[Any, Any, Any]

THREADS = 10
"""As many as in gRPC's examples. Further calls wait for a thread."""


class GrpcThreadsProducer(Producer):
    """Serves recipe.proto."""

    plain_scheme = "grpc"
    tls_scheme = "grpcs"

    _server: grpc.Server | None = None
    _health: health.HealthServicer | None = None

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, UnsupportedSetting, TlsFilesUnusable."""
        settings = self.settings
        check_gzip_level(settings)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
        server = grpc.server(
            self._pool,
            options=core_options(settings),
            maximum_concurrent_rpcs=settings.limits.calls.concurrent,
        )
        counts = None if self.counters is None else self._count(self.counters)
        self._registration = Registration(server, self.book, counts)
        services = cast(grpc.Server, self._registration)
        add_RecipeServiceServicer_to_server(RecipeService(self.book), services)
        add_to_server(JsonRecipeService(self.book), services)
        self._health = health.HealthServicer() if counts is None else CountedHealth(counts.counters)
        for name in (RECIPES, RECIPES_IN_JSON):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((RECIPES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        try:
            addresses = add_ports(self, server)
        except PortUnavailable:
            server.stop(None)
            raise
        server.start()
        self._server = server
        self._ports = ports_of(addresses)
        if counts is not None:
            counts.connections.serve(addresses)
        return addresses

    @staticmethod
    def _count(counters: Counters) -> "CallCounts":
        """What counts calls. It takes memory, so it is imported where it is asked for."""
        from producers.grpc_counting import CallCounts  # noqa: PLC0415

        return CallCounts(counters)

    async def stop(self) -> None:
        """Report NOT_SERVING, serve on for `settings.stop_notice_s`, then accept no new calls and wait up to
        `settings.drain_s` for open ones. Connections get a GOAWAY."""
        if self._server is None or self._health is None:
            return
        self._health.enter_graceful_shutdown()
        self.note_not_ready()
        await asyncio.sleep(self.settings.stop_notice_s)
        await stop_core(self._ports, self._hold, self._shut_down, self.settings.drain_s)
        self._server = None

    def _hold(self) -> "HeldThreads":
        held = HeldThreads(self._pool)
        self._registration.hold(held)
        return held

    async def _shut_down(self, within_s: float) -> None:
        assert self._server is not None
        await asyncio.to_thread(self._server.stop(within_s).wait)


class CountedHealth(health.HealthServicer):
    """Counts the answers to health checks."""

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters

    def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> health_pb2.HealthCheckResponse:  # noqa: N802
        """The status of a service."""
        self._counters.health_checked()
        return super().Check(request, context)


class HeldThreads:
    """Calls that wait before they are answered: those in threads, and those that wait for a thread."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.arrived = 0
        """How many have come."""
        self._released = threading.Event()
        self._pool = pool
        self._submit = pool.submit
        # The server submits each call from one thread, as soon as the core has it.
        pool.submit = self._counted  # type: ignore[method-assign]

    def _counted(self, *given: Any, **named: Any) -> Any:
        self.arrived += 1
        return self._submit(*given, **named)

    def wait(self) -> None:
        """Wait for the release."""
        self._released.wait()

    def release(self) -> None:
        """Let them go on, and hold no more."""
        self._pool.submit = self._submit  # type: ignore[method-assign]
        self._released.set()


class Registration:
    """The part of a server that generated code uses: makes functions of coroutines and registers them.

    To be created on the event loop.
    """

    def __init__(self, server: grpc.Server, book: RecipeBook, counts: "CallCounts | None" = None) -> None:
        self._server = server
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self._result = self._on_loop if book.waits else self._in_thread
        self._lock = threading.Lock()

    def hold(self, held: HeldThreads) -> None:
        """Have all calls wait from now on."""
        result = self._result

        def later(work: Work, context: grpc.ServicerContext) -> Any:
            held.wait()
            return result(work, context)

        self._result = later

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Does nothing: generated code registers each handler again by its method's name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Register the handlers of `service`, which all take and return one message."""
        made: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(
                self._function(f"/{service}/{name}", each), None, each.response_serializer
            )
            for name, each in handlers.items()
        }
        # Missing in types-grpcio.
        cast(Any, self._server).add_registered_method_handlers(service, made)

    def _function(self, method: str, handler: Any) -> Any:
        answer = self._answering(handler.unary_unary, handler.request_deserializer)
        return answer if self._counts is None else self._counting(self._counts, method, answer)

    @staticmethod
    def _counting(counts: "CallCounts", method: str, answer: Callable[[bytes, Any], Any]) -> Any:
        def counted(sent: bytes, context: grpc.ServicerContext) -> Any:
            counts.begin(context)
            failed = True
            try:
                response = answer(sent, context)
                failed = False
            finally:
                counts.end(method, context, failed=failed)
            return response

        return counted

    def _answering(self, behave: Callable[[Any, Any], Work], parse: Callable[[bytes], Any]) -> Any:
        """Parses the request itself, so that all errors are handled in one place."""

        def answer(sent: bytes, context: grpc.ServicerContext) -> Any:
            try:
                return self._result(behave(parse(sent), context), context)
            except CancelledError:
                # The caller has ended the call, or the producer stops.
                return context.abort(grpc.StatusCode.CANCELLED, "the call has ended")
            except Exception as error:
                failure = error
            # Raises. Not within `except`, where the log would show the first exception as the cause.
            return context.abort_with_status(status_of(failure))

        return answer

    def _in_thread(self, work: Work, context: grpc.ServicerContext) -> Any:
        """The result of a coroutine that never waits."""
        try:
            with self._lock:
                work.send(None)
        except StopIteration as end:
            return end.value
        work.close()
        raise AssertionError("a book that never waits has waited")

    def _on_loop(self, work: Work, context: grpc.ServicerContext) -> Any:
        """The result of a coroutine on the event loop. A call that ends before, by its caller or a stop, cancels it."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        if not context.add_callback(cast(Callable[[], None], running.cancel)):
            # It has ended already.
            running.cancel()
        return running.result()
