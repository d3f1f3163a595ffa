"""What the gRPC producer does that no other protocol has: health, reflection, statuses, compression, its ports."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from hyperframe.frame import DataFrame, Frame

from consumers.target import Target
from producers import certificates
from producers.grpc_http2 import ONLY_GZIP_LEVEL, GrpcHttp2Producer
from producers.producer import PortUnavailable, UnsupportedSetting
from producers.registry import ONE_GZIP_LEVEL
from producers.settings import CallLimits, Limits, ProducerSettings, TlsFiles
from producers.tls import TlsFilesUnusable
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from recipes.book import InMemoryRecipeBook
from tests.support.books import CHICKEN, BrokenBook, PatientBook, ordinary, small_book
from tests.support.relay import relay_to
from tests.support.serving import serving

SERVICE = "/recipe.RecipeService"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
IDENTITY_ONLY, WITH_DEFLATE, WITH_GZIP, DEFLATE_AND_GZIP = 0b001, 0b011, 0b101, 0b111


@asynccontextmanager
async def channel_to(book: InMemoryRecipeBook | None = None, **given: Any) -> AsyncIterator[grpc.aio.Channel]:
    async with serving("grpc", small_book() if book is None else book, **given) as served:
        authority = served.client_settings.target.authority
        async with grpc.aio.insecure_channel(authority) as channel:
            yield channel


def in_bytes(method: Any) -> Any:
    """A method without serializers: takes and gives bytes."""
    return method


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_health_is_known_for_the_server_and_the_service() -> None:
    async with channel_to() as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", "recipe.RecipeService"):
            assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == SERVING
        error = await refusal(health.Check(health_pb2.HealthCheckRequest(service="recipe.Other")))
        assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_a_watch_sees_the_stop_and_does_not_hold_it_up() -> None:
    async with (
        serving("grpc", small_book(), drain_s=60.0) as served,
        grpc.aio.insecure_channel(served.client_settings.target.authority) as channel,
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service="recipe.RecipeService"))
        unknown = health.Watch(health_pb2.HealthCheckRequest(service="recipe.Other"))
        assert (await watch.read()).status == SERVING
        assert (await unknown.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        async with asyncio.timeout(10):
            await served.producer.stop()
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() == grpc.aio.EOF
        assert await unknown.read() == grpc.aio.EOF


async def test_health_says_not_serving_while_calls_finish() -> None:
    book = PatientBook()
    async with serving("grpc", book) as served:
        assert isinstance(served.producer, GrpcHttp2Producer)
        async with grpc.aio.insecure_channel(served.client_settings.target.authority) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == SERVING
            call = RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))
            await book.asked.wait()
            stopping = asyncio.create_task(served.producer.stop())
            assert (await watch.read()).status == NOT_SERVING
            book.released.set()
            assert (await call).name == CHICKEN.name
            await stopping


async def test_reflection_lists_and_describes_every_service() -> None:
    async with channel_to() as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(cast(Any, channel))
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="recipe.RecipeService"),
        ]
        services, file = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]
    assert {service.name for service in services.list_services_response.service} == {
        "recipe.RecipeService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert b"RecipeService" in file.file_descriptor_response.file_descriptor_proto[0]


async def test_an_empty_mask_and_no_page_size_mean_the_defaults() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        whole = await stub.GetRecipe(messages.RecipeRequest(id=42, read_mask=FieldMask()))
        assert whole == await stub.GetRecipe(messages.RecipeRequest(id=42))
        assert len(whole.ingredients) == 2
        assert len((await stub.ListRecipes(messages.ListRecipesRequest())).recipes) == 20


async def test_a_mask_holds_for_every_recipe_of_a_batch() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        mask = FieldMask(paths=["name", "ingredients"])
        answer = await stub.BatchGetRecipes(messages.BatchGetRecipesRequest(ids=[42, 1], read_mask=mask))
        assert [(recipe.id, recipe.name, recipe.steps) for recipe in answer.recipes] == [
            (0, CHICKEN.name, ""),
            (0, "Recipe 1", ""),
        ]
        unknown = messages.BatchGetRecipesRequest(ids=[42], read_mask=FieldMask(paths=["price"]))
        assert (await refusal(stub.BatchGetRecipes(unknown))).code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_without_a_recipe_creates_nothing() -> None:
    async with channel_to() as channel:
        error = await refusal(RecipeServiceStub(channel).CreateRecipe(messages.CreateRecipeRequest()))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_errors_carry_details_that_programs_can_read() -> None:
    async with channel_to(small_book(read_only_because="no")) as channel:
        stub = RecipeServiceStub(channel)
        missing: Any = await refusal(stub.GetRecipe(messages.RecipeRequest(id=999)))
        invalid: Any = await refusal(stub.ListRecipes(messages.ListRecipesRequest(page_size=-1)))
        read_only: Any = await refusal(stub.CreateRecipe(messages.CreateRecipeRequest()))
    codes = [error.code().name for error in (missing, invalid, read_only)]
    assert codes == ["NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED"]
    reasons = []
    for error in (missing, invalid, read_only):
        status = rpc_status.from_call(error)
        assert status is not None
        info = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info)
        assert info.domain == "recipe.RecipeService"
        reasons.append(info.reason)
    assert reasons == ["RECIPE_NOT_FOUND", "INVALID_RECIPE", "READ_ONLY"]
    resource = error_details_pb2.ResourceInfo()
    status = rpc_status.from_call(missing)
    assert status is not None
    assert status.details[1].Unpack(resource)
    assert (resource.resource_type, resource.resource_name) == ("recipe.Recipe", "999")
    bad_request = error_details_pb2.BadRequest()
    status = rpc_status.from_call(invalid)
    assert status is not None
    assert status.details[1].Unpack(bad_request)
    assert [violation.field for violation in bad_request.field_violations] == ["page_size"]


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        (f"{SERVICE}/GetRecipe", b"\xff\xff\xff\xff"),
        (f"{SERVICE}/GetRecipe", b"\x08"),
        (f"{SERVICE}/CreateRecipe", b"\x12\x02\xff\xfe"),
        (f"{SERVICE}/CreateRecipe", b"\x0a\x7f"),
        (f"{SERVICE}/ListRecipes", b"\x12\x01\x80"),
        ("/grpc.health.v1.Health/Check", b"\xff"),
    ],
)
async def test_what_is_no_message_is_an_invalid_argument(method: str, sent: bytes) -> None:
    async with channel_to() as channel:
        error = await refusal(in_bytes(channel.unary_unary(method))(sent))
        assert (error.code().name, error.details()) == (
            "INVALID_ARGUMENT",
            "the request is not the message that this method takes",
        )
        assert (await RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))).name == CHICKEN.name


async def test_what_is_no_message_in_a_stream_is_an_invalid_argument() -> None:
    async with channel_to() as channel:
        watch = in_bytes(channel.unary_stream("/grpc.health.v1.Health/Watch"))(b"\xff")
        reflection = in_bytes(channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"))(
            iter([b"\xff"])
        )
        for stream in (watch, reflection):
            assert (await refusal(stream.read())).code().name == "INVALID_ARGUMENT"


async def test_an_exception_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async with channel_to(BrokenBook([])) as channel:
        with caplog.at_level(logging.ERROR, "producers.grpc_errors"):
            error: Any = await refusal(RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42)))
    assert (error.code().name, error.details()) == ("INTERNAL", "internal error")
    status = rpc_status.from_call(error)
    assert status is not None
    assert BrokenBook.SECRET not in str(error) + str(status)
    incident = error_details_pb2.RequestInfo()
    assert status.details[0].Unpack(incident)
    assert f"incident {incident.request_id}: a call failed" in caplog.text
    assert BrokenBook.SECRET in caplog.text


async def test_a_message_over_the_limit_exhausts_resources() -> None:
    async with channel_to(limits=Limits(body_bytes=1000)) as channel:
        stub = RecipeServiceStub(channel)
        request = messages.CreateRecipeRequest(recipe=messages.Recipe(name="x" * 1000))
        assert (await refusal(stub.CreateRecipe(request))).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await stub.GetRecipe(messages.RecipeRequest(id=42))).name == CHICKEN.name


@pytest.mark.parametrize("method", [f"{SERVICE}/DropTables", "/recipe.Other/GetRecipe"])
async def test_an_unknown_method_is_unimplemented(method: str) -> None:
    async with channel_to() as channel:
        assert (await refusal(in_bytes(channel.unary_unary(method))(b""))).code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_deadline_cancels_the_handler() -> None:
    cancelled = asyncio.Event()

    class CancelledBook(PatientBook):
        async def get(self, recipe_id: int) -> Any:
            try:
                return await super().get(recipe_id)
            except asyncio.CancelledError:
                cancelled.set()
                raise

    async with channel_to(book := CancelledBook()) as channel:
        call = RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42), timeout=0.1)
        assert (await refusal(call)).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        async with asyncio.timeout(10):
            await cancelled.wait()
        cancelled.clear()
        book.asked.clear()
        call = RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))
        await book.asked.wait()
        call.cancel()
        async with asyncio.timeout(10):
            await cancelled.wait()


async def test_a_request_that_is_overdue_ends_and_a_slow_answer_does_not() -> None:
    book = PatientBook()
    async with channel_to(book, limits=Limits(body_timeout_s=0.1)) as channel:

        async def nothing() -> AsyncIterator[bytes]:
            await asyncio.sleep(3600)
            yield b""

        slow = RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))
        error = await refusal(in_bytes(channel.stream_unary(f"{SERVICE}/GetRecipe"))(nothing()))
        assert (error.code().name, error.details()) == ("DEADLINE_EXCEEDED", "no message came within 0.1 s")
        book.released.set()
        assert (await slow).name == CHICKEN.name


async def test_more_calls_at_once_than_there_may_be_are_refused() -> None:
    book = PatientBook()
    async with channel_to(book, limits=Limits(calls=CallLimits(concurrent=3))) as channel:
        stub = RecipeServiceStub(channel)
        calls = [stub.GetRecipe(messages.RecipeRequest(id=42)) for _ in range(5)]
        done, _ = await asyncio.wait(
            [asyncio.ensure_future(one(call)) for call in calls], return_when="FIRST_COMPLETED"
        )
        assert {outcome.result() for outcome in done} == {"RESOURCE_EXHAUSTED"}
        book.released.set()
        outcomes = [await one(call) for call in calls]
        assert sorted(outcomes) == [CHICKEN.name] * 3 + ["RESOURCE_EXHAUSTED"] * 2


async def one(call: Any) -> str:
    """The name of the recipe that a call gives, or of the status."""
    try:
        return str((await call).name)
    except grpc.aio.AioRpcError as error:
        return error.code().name


async def test_no_call_is_lost_when_connections_come_of_age() -> None:
    limits = Limits(calls=CallLimits(connection_age_s=0.05))
    async with serving("grpc", small_book(), limits=limits) as served:
        target = served.client_settings.target
        async with (
            relay_to(target.host, target.port) as relay,
            served.client(target=Target("127.0.0.1", relay.port)) as consumer,
        ):

            async def call_on() -> None:
                while relay.connections < 60:
                    assert await consumer.get(42) == CHICKEN

            # Many at once, so that with each GOAWAY some call is just being made.
            await asyncio.gather(*(call_on() for _ in range(8)))


async def test_more_calls_at_once_than_streams_on_a_connection() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        answers = await asyncio.gather(*(stub.GetRecipe(messages.RecipeRequest(id=1 + n % 60)) for n in range(250)))
    assert [answer.id for answer in answers] == [1 + n % 60 for n in range(250)]


def grpc_messages(received: bytes) -> list[tuple[int, bytes]]:
    """The compressed flag and the payload of each gRPC message in what a server sent."""
    by_stream: dict[int, bytearray] = {}
    at = 0
    while at + 9 <= len(received):
        frame, length = Frame.parse_frame_header(memoryview(received[at : at + 9]))
        frame.parse_body(memoryview(received[at + 9 : at + 9 + length]))
        at += 9 + length
        if isinstance(frame, DataFrame):
            by_stream.setdefault(frame.stream_id, bytearray()).extend(frame.data)
    found = []
    for data in by_stream.values():
        while data:
            length = int.from_bytes(data[1:5], "big")
            found.append((data[0], bytes(data[5 : 5 + length])))
            del data[: 5 + length]
    return found


@pytest.mark.parametrize(
    ("gzip", "accepted", "compressed"),
    [
        (True, WITH_GZIP, True),
        (True, DEFLATE_AND_GZIP, True),
        (True, IDENTITY_ONLY, False),
        (False, WITH_GZIP, False),
        (False, DEFLATE_AND_GZIP, False),
        (False, IDENTITY_ONLY, False),
    ],
)
async def test_a_message_is_compressed_when_both_sides_want_gzip(gzip: bool, accepted: int, compressed: bool) -> None:
    recipe = ordinary(7)
    async with serving("grpc", InMemoryRecipeBook([recipe]), gzip=gzip) as served:
        target = served.client_settings.target
        options = [("grpc.compression_enabled_algorithms_bitset", accepted)]
        async with (
            relay_to(target.host, target.port) as relay,
            grpc.aio.insecure_channel(f"127.0.0.1:{relay.port}", options=options) as channel,
        ):
            answer = await RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=7))
        ((flag, payload),) = grpc_messages(bytes(relay.received))
    assert answer.steps == recipe.steps
    assert flag == compressed
    # The magic number of gzip; deflate, which the core of gRPC would prefer at a higher level, has none.
    assert payload.startswith(b"\x1f\x8b") == compressed


async def test_a_request_in_gzip_is_read_whether_or_not_answers_are() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        request = messages.CreateRecipeRequest(recipe=messages.Recipe(name="Soup", steps="stir " * 100))
        created = await stub.CreateRecipe(request, compression=grpc.Compression.Gzip)
    assert created.steps == "stir " * 100


async def test_a_gzip_level_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(UnsupportedSetting, match="level 9"):
        await GrpcHttp2Producer(small_book(), ProducerSettings(port=0, gzip=True, gzip_level=9)).start()
    unaffected = GrpcHttp2Producer(small_book(), ProducerSettings(port=0, gzip=False, gzip_level=9))
    assert len(await unaffected.start()) == 1
    await unaffected.stop()


async def test_a_busy_port_is_refused_with_its_reason() -> None:
    async with serving("grpc", small_book()) as served:
        port = served.client_settings.target.port
        with pytest.raises(PortUnavailable, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            await GrpcHttp2Producer(small_book(), ProducerSettings(port=port)).start()


async def test_a_port_that_only_grpc_finds_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.grpc_http2.check_port", lambda host, port: None)
    async with serving("grpc", small_book()) as served:
        port = served.client_settings.target.port
        with pytest.raises(PortUnavailable, match=f"127.0.0.1:{port}; choose another"):
            await GrpcHttp2Producer(small_book(), ProducerSettings(port=port)).start()


async def test_a_busy_tls_port_leaves_nothing_listening(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    with socket.socket() as held, socket.socket() as free:
        held.bind(("127.0.0.1", 0))
        held.listen()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = ProducerSettings(
            port=port,
            tls_port=held.getsockname()[1],
            tls=TlsFiles(certificate=files.server, key=files.server_key),
        )
        with pytest.raises(PortUnavailable):
            await GrpcHttp2Producer(small_book(), settings).start()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            assert probe.getsockname()[1] == port


async def test_a_shared_port_takes_a_second_producer() -> None:
    first = GrpcHttp2Producer(small_book(), ProducerSettings(port=0, share_port=True))
    (address,) = await first.start()
    second = GrpcHttp2Producer(small_book(), ProducerSettings(port=int(address.rpartition(":")[2]), share_port=True))
    assert await second.start() == [address]
    await asyncio.gather(first.stop(), second.stop())


async def test_plain_and_tls_ports_answer_alike(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    settings = ProducerSettings(
        port=0, tls_port=0, tls=TlsFiles(certificate=files.server, key=files.server_key), host="::1"
    )
    producer = GrpcHttp2Producer(small_book(), settings)
    plain, secure = await producer.start()
    assert plain.startswith("grpc://[::1]:")
    assert secure.startswith("grpcs://[::1]:")
    credentials = grpc.ssl_channel_credentials(files.ca.read_bytes())
    async with (
        grpc.aio.insecure_channel(plain.removeprefix("grpc://")) as one,
        grpc.aio.secure_channel(secure.removeprefix("grpcs://"), credentials) as other,
    ):
        request = messages.RecipeRequest(id=42)
        assert await RecipeServiceStub(one).GetRecipe(request) == await RecipeServiceStub(other).GetRecipe(request)
    await producer.stop()


async def test_certificates_that_cannot_be_served_are_named(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    files.server_key.write_bytes(files.client_key.read_bytes())
    settings = ProducerSettings(port=None, tls_port=0, tls=TlsFiles(certificate=files.server, key=files.server_key))
    with pytest.raises(TlsFilesUnusable, match=r"server-key\.pem"):
        await GrpcHttp2Producer(small_book(), settings).start()


async def test_a_producer_that_never_started_can_be_stopped() -> None:
    producer = GrpcHttp2Producer(small_book(), ProducerSettings(port=0))
    await producer.stop()
    (address,) = await producer.start()
    async with grpc.aio.insecure_channel(address.removeprefix("grpc://")) as channel:
        assert (await RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))).name == CHICKEN.name
    await producer.stop()


def test_the_registry_knows_the_only_level() -> None:
    assert ONE_GZIP_LEVEL["grpc"] == ONLY_GZIP_LEVEL
