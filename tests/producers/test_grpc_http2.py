"""Features of gRPC alone: field masks, deadlines, limits on calls, compression per message."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hyperframe.frame import DataFrame, Frame

from bench.protocols import PROTOCOLS
from consumers.client import ClientSettings
from consumers.grpc_http2 import GrpcHttp2Client
from consumers.target import Target
from producers.grpc_http2 import GrpcHttp2Producer
from producers.grpc_ports import ONLY_GZIP_LEVEL
from producers.producer import UnsupportedSetting
from producers.settings import CallLimits, Limits, ProducerSettings
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from recipes.book import InMemoryRecipeBook
from tests.support.books import CHICKEN, PatientBook, ordinary, small_book
from tests.support.grpc_channels import SERVICE, channel_to, in_bytes, refusal, with_retries
from tests.support.relay import relay_to
from tests.support.serving import serving

IDENTITY_ONLY, WITH_DEFLATE, WITH_GZIP, DEFLATE_AND_GZIP = 0b001, 0b011, 0b101, 0b111


async def test_an_empty_mask_and_no_page_size_mean_the_defaults() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        whole = await stub.GetRecipe(messages.RecipeRequest(id=42, read_mask=FieldMask()))
        assert whole == await stub.GetRecipe(messages.RecipeRequest(id=42))
        assert len(whole.ingredients) == 2
        assert len((await stub.ListRecipes(messages.ListRecipesRequest())).recipes) == 20


async def test_a_mask_applies_to_every_recipe_of_a_batch() -> None:
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


async def test_an_overdue_request_is_ended_and_a_slow_response_is_not() -> None:
    book = PatientBook()
    async with channel_to(book, limits=Limits(body_timeout_s=0.1)) as channel:

        async def nothing() -> AsyncIterator[bytes]:
            await asyncio.sleep(3600)
            yield b""

        slow = RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))
        error = await refusal(in_bytes(channel.stream_unary(f"{SERVICE}/GetRecipe"))(nothing()))
        assert (error.code().name, error.details()) == ("DEADLINE_EXCEEDED", "no message arrived within 0.1 s")
        book.released.set()
        assert (await slow).name == CHICKEN.name


async def test_calls_over_the_concurrency_limit_are_refused() -> None:
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
    """The name of the recipe that a call returns, or the name of its status."""
    try:
        return str((await call).name)
    except grpc.aio.AioRpcError as error:
        return error.code().name


@pytest.mark.no_cover
@pytest.mark.parametrize("strict", [False, True], ids=["core", "filter"])
async def test_no_call_is_lost_when_connections_reach_their_maximum_age(*, strict: bool) -> None:
    limits = Limits(calls=CallLimits(connection_age_s=0.05))
    settings = ProducerSettings(strict_calls=strict)
    async with serving("grpc", small_book(), limits=limits, settings=settings) as served:
        target = served.client_settings.target
        async with (
            relay_to(target.host, target.port) as relay,
            GrpcHttp2Client(ClientSettings(target=Target("127.0.0.1", relay.port)), with_retries) as consumer,
        ):

            async def call_on() -> None:
                while relay.connections < 30:
                    assert await consumer.get(42) == CHICKEN

            # Many at once, so that some call is being started at each GOAWAY.
            await asyncio.gather(*(call_on() for _ in range(8)))


async def test_more_concurrent_calls_than_streams_all_succeed() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        answers = await asyncio.gather(*(stub.GetRecipe(messages.RecipeRequest(id=1 + n % 60)) for n in range(250)))
    assert [answer.id for answer in answers] == [1 + n % 60 for n in range(250)]


def grpc_messages(received: bytes) -> list[tuple[int, bytes]]:
    """The compressed flag and the payload of each gRPC message that a server sent."""
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


async def test_a_gzip_request_is_accepted_without_gzip_responses() -> None:
    async with channel_to() as channel:
        stub = RecipeServiceStub(channel)
        request = messages.CreateRecipeRequest(recipe=messages.Recipe(name="Soup", steps="stir " * 100))
        created = await stub.CreateRecipe(request, compression=grpc.Compression.Gzip)
    assert created.steps == "stir " * 100


async def test_an_unsupported_gzip_level_is_refused() -> None:
    with pytest.raises(UnsupportedSetting, match="level 9"):
        await GrpcHttp2Producer(small_book(), ProducerSettings(port=0, gzip=True, gzip_level=9)).start()
    unaffected = GrpcHttp2Producer(small_book(), ProducerSettings(port=0, gzip=False, gzip_level=9))
    assert len(await unaffected.start()) == 1
    await unaffected.stop()


def test_the_registry_lists_the_only_supported_level() -> None:
    assert PROTOCOLS["grpc"].gzip_levels == (ONLY_GZIP_LEVEL,)
