"""The health and reflection services of the gRPC producer."""

import asyncio
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from producers.grpc_http2 import GrpcHttp2Producer
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.support.books import CHICKEN, PatientBook, small_book
from tests.support.grpc_channels import channel_to, refusal
from tests.support.serving import serving

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def test_health_is_reported_for_the_server_and_the_service() -> None:
    async with channel_to() as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", "recipe.RecipeService"):
            assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == SERVING
        error = await refusal(health.Check(health_pb2.HealthCheckRequest(service="recipe.Other")))
        assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_a_watch_sees_the_stop_and_does_not_delay_it() -> None:
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


async def test_health_is_not_serving_while_calls_finish() -> None:
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
