"""How the gRPC consumer reads responses that the lab's own producer does not send."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from psutil import Process

from consumers.client import ClientSettings
from consumers.errors import ConsumerError, OperationUnsupported, ProducerUnreachable, UnexpectedResponse
from consumers.grpc_http2 import GrpcHttp2Client
from consumers.target import Target, parse_target
from producers import certificates
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import Recipe, RecipeDraft
from tests.support.books import CHICKEN, small_book
from tests.support.relay import relay_to
from tests.support.serving import serving
from tests.support.single_requests import until

Behaviour = Callable[[bytes, Any], Awaitable[bytes]]
DRAFT = RecipeDraft("Soup")
RECIPE_42 = b"\x08\x2a\x12\x05Curry"


@asynccontextmanager
async def consumer_of(behaviour: Behaviour, methods: tuple[str, ...] = ()) -> AsyncIterator[GrpcHttp2Client]:
    """A consumer of a server whose `methods` (by default all) return the bytes that `behaviour` returns."""
    names = methods or ("GetRecipe", "GetMetaData", "ListRecipes", "CreateRecipe")
    server = grpc.aio.server()
    handlers: dict[str, Any] = {name: grpc.unary_unary_rpc_method_handler(behaviour) for name in names}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("recipe.RecipeService", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with GrpcHttp2Client(ClientSettings(target=Target("127.0.0.1", port))) as consumer:
            yield consumer
    finally:
        await server.stop(None)


def aborting(code: grpc.StatusCode, details: str = "no", **trailers: bytes) -> Behaviour:
    async def behaviour(request: bytes, context: Any) -> bytes:
        await context.abort(code, details, tuple((key.replace("_", "-"), value) for key, value in trailers.items()))
        return b""

    return behaviour


async def answer_42(request: bytes, context: object) -> bytes:
    return RECIPE_42


@pytest.mark.parametrize("answer", [b"\xff\xff", b"\x12\x02\xff\xfe", b"\x08"])
async def test_a_response_that_is_not_a_message_is_unexpected(answer: bytes) -> None:
    async def behaviour(request: bytes, context: object) -> bytes:
        return answer

    async with consumer_of(behaviour) as consumer:
        with pytest.raises(UnexpectedResponse) as caught:
            await consumer.get(42)
    assert len(str(caught.value).splitlines()) == 1


async def test_unknown_fields_are_ignored() -> None:
    async def behaviour(request: bytes, context: object) -> bytes:
        return RECIPE_42 + b"\xfa\x01\x03new"

    async with consumer_of(behaviour) as consumer:
        assert await consumer.get(42) == Recipe(42, "Curry")


async def test_ignoring_the_field_mask_means_selection_is_unsupported() -> None:
    async with consumer_of(answer_42) as consumer:
        assert await consumer.get(42, ["id", "name"]) == Recipe(42, "Curry")
        with pytest.raises(OperationUnsupported, match="not selected"):
            await consumer.get(42, ["name"])


async def test_methods_that_the_node_sample_lacks_are_unsupported() -> None:
    async with consumer_of(answer_42, ("GetRecipe", "GetMetaData")) as consumer:
        assert await consumer.get(42) == Recipe(42, "Curry")
        with pytest.raises(OperationUnsupported):
            await consumer.list()
        with pytest.raises(OperationUnsupported):
            await consumer.create(DRAFT)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.NOT_FOUND, RecipeNotFound),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRecipe),
        (grpc.StatusCode.ALREADY_EXISTS, IdempotencyConflict),
        (grpc.StatusCode.UNIMPLEMENTED, OperationUnsupported),
        (grpc.StatusCode.UNAVAILABLE, ProducerUnreachable),
        (grpc.StatusCode.INTERNAL, UnexpectedResponse),
        (grpc.StatusCode.UNKNOWN, UnexpectedResponse),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, UnexpectedResponse),
        (grpc.StatusCode.UNAUTHENTICATED, UnexpectedResponse),
    ],
)
async def test_each_status_becomes_one_error(code: grpc.StatusCode, error: type[Exception]) -> None:
    async with consumer_of(aborting(code, "several\nlines")) as consumer:
        with pytest.raises(error) as caught:
            await consumer.get(42)
    assert "\n" not in str(caught.value)


async def test_not_found_is_unexpected_when_no_id_was_requested() -> None:
    async with consumer_of(aborting(grpc.StatusCode.NOT_FOUND)) as consumer:
        with pytest.raises(UnexpectedResponse, match="NOT_FOUND"):
            await consumer.list()


@pytest.mark.parametrize("details", [b"", b"\xff\xff", b"\x08\x03"])
async def test_unreadable_error_details_are_ignored(details: bytes) -> None:
    async with consumer_of(aborting(grpc.StatusCode.INVALID_ARGUMENT, grpc_status_details_bin=details)) as consumer:
        with pytest.raises(InvalidRecipe) as caught:
            await consumer.create(DRAFT)
    assert caught.value.field == ""


async def test_unimplemented_with_read_only_details_is_a_read_only_book() -> None:
    async with serving("grpc", small_book(read_only_because="shared")) as served, served.client() as consumer:
        with pytest.raises(BookIsReadOnly, match=r"^shared$"):
            await consumer.create(DRAFT)


async def test_each_client_has_its_own_connection() -> None:
    async with serving("grpc", small_book()) as served:
        target = served.client_settings.target
        async with relay_to(target.host, target.port) as relay:
            through = Target("127.0.0.1", relay.port)
            async with served.client(target=through) as one, served.client(target=through) as other:
                assert await one.get(42) == await other.get(42) == await one.get(42) == CHICKEN
            assert relay.connections == 2


async def test_an_idle_connection_is_closed_after_the_time_that_is_set() -> None:
    async with serving("grpc", small_book()) as served, served.client(keep_alive_s=0.2) as consumer:
        port = consumer.settings.target.port

        def connected() -> bool:
            # Both ends are in this process.
            return any(each.raddr and each.laddr.port == port for each in Process().net_connections())

        await consumer.get(1)
        assert connected()
        await until(lambda: not connected())
        assert (await consumer.get(1)).id == 1


async def test_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving("grpc", small_book()) as served:
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        async with served.client() as consumer:
            assert await consumer.get(42) == CHICKEN


async def test_calls_on_a_closed_client_fail() -> None:
    async with serving("grpc", small_book()) as served:
        async with served.client() as consumer:
            await consumer.get(42)
        with pytest.raises(ProducerUnreachable, match="closed"):
            await consumer.get(42)


async def test_a_client_can_be_closed_before_it_is_opened() -> None:
    consumer = GrpcHttp2Client(ClientSettings(target=Target("127.0.0.1", 1)))
    await consumer.close()
    async with consumer:
        with pytest.raises(ProducerUnreachable):
            await consumer.get(42)


async def test_a_requested_client_certificate_is_presented(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    server = grpc.aio.server()
    handlers: dict[str, Any] = {"GetRecipe": grpc.unary_unary_rpc_method_handler(answer_42)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("recipe.RecipeService", handlers)])
    credentials = grpc.ssl_server_credentials(
        [(files.server_key.read_bytes(), files.server.read_bytes())], files.ca.read_bytes(), require_client_auth=True
    )
    target = parse_target(f"grpcs://127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}")
    await server.start()
    shown = ClientSettings(target=target, ca=files.ca, client_certificate=files.client, client_key=files.client_key)
    async with GrpcHttp2Client(shown) as consumer:
        assert await consumer.get(42) == Recipe(42, "Curry")
    async with GrpcHttp2Client(ClientSettings(target=target, ca=files.ca)) as consumer:
        with pytest.raises(ConsumerError):
            await consumer.get(42)
    await server.stop(None)
    swapped = ClientSettings(target=target, client_certificate=files.client, client_key=files.server_key)
    with pytest.raises(ProducerUnreachable, match=r"client\.pem"):
        await GrpcHttp2Client(swapped).open()
