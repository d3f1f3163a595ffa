"""Calls that fail: a status with machine-readable details, and no internal information."""

import logging
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from producers.settings import Limits
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.support.books import CHICKEN, BrokenBook, small_book
from tests.support.grpc_channels import SERVICE, channel_to, in_bytes, refusal


async def test_a_create_request_without_a_recipe_is_invalid() -> None:
    async with channel_to() as channel:
        error = await refusal(RecipeServiceStub(channel).CreateRecipe(messages.CreateRecipeRequest()))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_errors_carry_machine_readable_details() -> None:
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
async def test_an_undecodable_message_is_an_invalid_argument(method: str, sent: bytes) -> None:
    async with channel_to() as channel:
        error = await refusal(in_bytes(channel.unary_unary(method))(sent))
        assert (error.code().name, error.details()) == (
            "INVALID_ARGUMENT",
            "the request is not the message type of this method",
        )
        assert (await RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))).name == CHICKEN.name


async def test_an_undecodable_message_in_a_stream_is_an_invalid_argument() -> None:
    async with channel_to() as channel:
        watch = in_bytes(channel.unary_stream("/grpc.health.v1.Health/Watch"))(b"\xff")
        reflection = in_bytes(channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"))(
            iter([b"\xff"])
        )
        for stream in (watch, reflection):
            assert (await refusal(stream.read())).code().name == "INVALID_ARGUMENT"


async def test_an_internal_error_is_logged_and_masked(caplog: pytest.LogCaptureFixture) -> None:
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
