"""The gRPC consumer: the generated stub of recipe.proto on one grpc.aio channel with its own connection."""

import asyncio
import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

# gRPC's core reads this once, when it is loaded. By default, it would log to stderr what the calls raise anyway.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from consumers import causes, grpc_rules, own_grpc
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import (
    ConsumerError,
    OperationUnsupported,
    ProducerTimeout,
    ProducerUnreachable,
    UnexpectedResponse,
    no_response_within,
    one_line,
)
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest
from consumers.protobuf_messages import draft_message, page_in, recipe_in
from consumers.tls import UnusableFile, check_files, is_valid_now, name_in, server_certificate
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from recipes.book import DEFAULT_PAGE_SIZE, MAXIMUM_ID
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage

if TYPE_CHECKING:
    from protos.recipe_pb2_grpc import RecipeServiceAsyncStub

Request = TypeVar("Request")
Answer = TypeVar("Answer")

ChannelFactory = Callable[[ClientSettings], grpc.aio.Channel]

IDENTITY_ONLY = 0b001
IDENTITY_AND_GZIP = 0b101
"""Values of `grpc.compression_enabled_algorithms_bitset`, which determines grpc-accept-encoding."""

NAME_IN_TLS = "grpc.ssl_target_name_override"
DETAILS = "grpc-status-details-bin"
"""The trailer with a google.rpc.Status."""


class GrpcHttp2Client(RecipeClient):
    """Consumes recipe.proto. A channel has one connection, whatever `settings.connections` says."""

    _channel: grpc.aio.Channel | None = None
    _stub: "RecipeServiceAsyncStub"

    def __init__(self, settings: ClientSettings, new_channel: ChannelFactory | None = None) -> None:
        """`new_channel` creates the channel; None: one that connects to the target."""
        super().__init__(settings)
        self._new_channel = new_channel or connecting_channel
        self._connects = new_channel is None and settings.target.tls
        # Names of metadata are in lower case.
        self._metadata = tuple([(header.name.lower(), header.value) for header in settings.headers]) or None

    async def open(self) -> None:
        """Create the channel; the first call connects. Raises ConsumerError if certificates cannot be used."""
        settings = self.settings
        if self._connects and settings.needs_known_certificate and not settings.known_certificate:
            self.settings = settings = replace(settings, known_certificate=await server_certificate(settings))
        self._channel = self._new_channel(settings)
        self._own: dict[str, Any] = {}
        self.connect(self._channel)

    def connect(self, channel: grpc.aio.Channel) -> None:
        """Create the stub for `channel`."""
        self._stub = RecipeServiceStub(channel)

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe, with all fields or those in the read mask."""
        if not -MAXIMUM_ID - 1 <= recipe_id <= MAXIMUM_ID:
            raise RecipeNotFound(recipe_id)
        if fields is None:
            return recipe_in(await self._call(self._stub.GetRecipe, messages.RecipeRequest(id=recipe_id), recipe_id))
        if not fields:
            # An empty mask means all fields.
            raise InvalidRecipe("no field is selected; select at least one", "fields")
        request = messages.RecipeRequest(id=recipe_id, read_mask=FieldMask(paths=fields))
        answer = await self._call(self._stub.GetRecipe, request, recipe_id)
        if any(field.name not in fields for field, _ in answer.ListFields()):
            raise self.unsupported("the producer sends fields that were not selected")
        return recipe_in(answer)

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Several recipes in one call."""
        for recipe_id in recipe_ids:
            if not -MAXIMUM_ID - 1 <= recipe_id <= MAXIMUM_ID:
                raise RecipeNotFound(recipe_id)
        request = messages.BatchGetRecipesRequest(ids=recipe_ids)
        answer = await self._call(self._stub.BatchGetRecipes, request)
        return tuple([recipe_in(message) for message in answer.recipes])

    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes."""
        if not 0 < page_size <= MAXIMUM_ID:
            # 0 means the default in recipe.proto, and larger numbers do not fit into 32 bits.
            raise InvalidRecipe(f"a page cannot hold {page_size} recipes", "page_size")
        request = messages.ListRecipesRequest(page_size=page_size, page_token=page_token)
        return page_in(await self._call(self._stub.ListRecipes, request))

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Create a recipe."""
        try:
            request = messages.CreateRecipeRequest(recipe=draft_message(draft), idempotency_key=idempotency_key)
        except UnicodeEncodeError:
            raise InvalidRecipe("an idempotency key must be Unicode, without lone surrogates") from None
        return recipe_in(await self._call(self._stub.CreateRecipe, request))

    async def pid(self) -> int:
        """The process id of the producer."""
        return (await self._call(self._stub.GetMetaData, messages.Empty())).pid

    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """Meta and the recipe as JSON, from two concurrent calls."""
        pid, recipe = await asyncio.gather(self.pid(), self.get(recipe_id))
        ingredients = [{"id": line.id, "name": line.name, "quantity": line.quantity} for line in recipe.ingredients]
        shown = {"id": recipe.id, "name": recipe.name, "steps": recipe.steps, "ingredients": ingredients}
        return {"pid": pid, "recipe": shown}

    async def own_calls(self, requests: Sequence[OwnRequest]) -> Sequence[OwnCall]:
        """Calls for GrpcRequests. Reflection has a connection of its own, which is closed again."""
        try:
            return await own_grpc.calls_of(
                cast(Sequence[own_grpc.GrpcRequest], requests),
                lambda: connecting_channel(self.settings),
                self.settings.timeout_s,
                self._metadata,
            )
        except grpc.aio.AioRpcError as error:
            failure = self._failure(error)
        except ConsumerError as error:
            raise type(error)(error.cause, producer=self.settings.target.authority, detail=error.detail) from None
        raise failure from None

    async def ask(self, call: OwnCall) -> OwnAnswer:
        """Send a GrpcCall. No status is an error of the domain."""
        own = cast(own_grpc.GrpcCall, call)
        method = self._own.get(own.path)
        if method is None:
            assert self._channel is not None, "the client is open"
            method = self._own[own.path] = self._channel.unary_unary(
                own.path, request_serializer=own_grpc.serialized, response_deserializer=own.deserialize
            )
        try:
            answer: OwnAnswer | None = await method(
                own.message, timeout=self.settings.timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            failure = self._failure(error)
        except grpc.aio.UsageError:
            raise ProducerUnreachable("the client is closed", producer=self.settings.target.authority) from None
        else:
            if answer is None:
                raise self.unexpected(f"{call.title}: the response is not the expected message")
            return answer
        raise failure from None

    async def _call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Answer]",
        request: Request,
        recipe_id: int | None = None,
    ) -> Answer:
        try:
            answer = await method(request, timeout=self.settings.timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            failure = error
        except grpc.aio.UsageError:
            raise ProducerUnreachable("the client is closed", producer=self.settings.target.authority) from None
        else:
            if answer is None:
                # grpc.aio returns None for a message that it cannot parse.
                raise self.unexpected(grpc_rules.NOT_ONE_MESSAGE)
            return answer
        raise self._translated(failure, recipe_id) from None

    def _translated(self, error: grpc.aio.AioRpcError, recipe_id: int | None) -> RecipeError | ConsumerError:
        """The domain's or the consumer's error for a status."""
        if grpc_rules.in_core_text(error.details() or "") is not None:
            return self._failure(error)
        text = one_line(error.details() or "no details")
        match error.code():
            case grpc.StatusCode.NOT_FOUND if (missing := _missing_id(error, recipe_id)) is not None:
                return RecipeNotFound(missing)
            case grpc.StatusCode.INVALID_ARGUMENT:
                return InvalidRecipe(text, _field(error))
            case grpc.StatusCode.ALREADY_EXISTS:
                return IdempotencyConflict()
            case grpc.StatusCode.UNIMPLEMENTED if _reason(error) == "READ_ONLY":
                return BookIsReadOnly(text)
            case grpc.StatusCode.UNIMPLEMENTED:
                return self.unsupported(*why(error))
            case _:
                return self._failure(error)

    def _failure(self, error: grpc.aio.AioRpcError) -> ConsumerError:
        """The consumer's error for a status that is none of the domain."""
        producer = self.settings.target.authority
        if (found := grpc_rules.in_core_text(error.details() or "")) is not None:
            kind, cause = found
            return kind(cause, producer=producer)
        match error.code():
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return ProducerTimeout(no_response_within(self.settings.timeout_s), producer=producer)
            case grpc.StatusCode.UNAVAILABLE:
                cause, detail = why(error)
                return ProducerUnreachable(cause, producer=producer, detail=detail)
            case _:
                return self.unexpected(*why(error))

    def unexpected(self, cause: str, detail: str = "") -> UnexpectedResponse:
        """The error for a response that violates the contract."""
        return UnexpectedResponse(cause, producer=self.settings.target.authority, detail=detail)

    def unsupported(self, cause: str, detail: str = "") -> OperationUnsupported:
        """The error for an operation that the producer does not support."""
        return OperationUnsupported(cause, producer=self.settings.target.authority, detail=detail)


def connecting_channel(settings: ClientSettings) -> grpc.aio.Channel:
    """A channel with its own connection. Raises ProducerUnreachable if certificates cannot be read."""
    authority, options = settings.connects_to.authority, channel_options(settings)
    if settings.target.tls:
        return grpc.aio.secure_channel(authority, channel_credentials(settings), options=options)
    return grpc.aio.insecure_channel(authority, options=options)


def channel_options(settings: ClientSettings) -> list[tuple[str, int | str]]:
    """The channel arguments of a consumer."""
    kept_ms = None if settings.keep_alive_s is None else round(settings.keep_alive_s * 1000)
    return [
        *_names(settings),
        # Its own default is half an hour.
        *([] if kept_ms is None else [("grpc.client_idle_timeout_ms", kept_ms)]),
        ("grpc.compression_enabled_algorithms_bitset", IDENTITY_AND_GZIP if settings.gzip else IDENTITY_ONLY),
        # Pages of large recipes exceed the default of 4 MiB.
        ("grpc.max_receive_message_length", -1),
        # No client repeats a request by itself, so that a server looks the same to all of them.
        ("grpc.enable_retries", 0),
        # Otherwise the channels of one process to one address share a connection.
        ("grpc.use_local_subchannel_pool", 1),
        # Always connect to the target itself, not to a proxy from the environment or a service from DNS.
        ("grpc.enable_http_proxy", 0),
        ("grpc.service_config_disable_resolution", 1),
    ]


def _names(settings: ClientSettings) -> list[tuple[str, int | str]]:
    """By which names the library knows the producer, where the address does not say.

    Raises OperationUnsupported where no name makes it accept the known certificate.
    """
    if not (settings.insecure and settings.known_certificate):
        named = [("grpc.default_authority", settings.target.authority), (NAME_IN_TLS, settings.target.host)]
        return [*named] if settings.via is not None else []
    name = name_in(settings.known_certificate)
    if not name or not is_valid_now(settings.known_certificate):
        lacks = "has expired or is not valid yet" if name else "has no name"
        raise OperationUnsupported(
            f"{settings.target.authority}: gRPC's library uses no certificate that {lacks}, not even with --insecure"
        )
    return [
        (NAME_IN_TLS, name),
        # Otherwise the name in the certificate would be sent as :authority. It accepts no other than where it connects.
        ("grpc.default_authority", settings.connects_to.authority),
    ]


def channel_credentials(settings: ClientSettings) -> grpc.ChannelCredentials:
    """Credentials with trusted and own certificates. Raises ProducerUnreachable, naming an unusable file."""
    # gRPC accepts any bytes and fails in the handshake without a reason. OpenSSL gives one.
    try:
        check_files(settings)
    except UnusableFile as error:
        raise ProducerUnreachable(f"{causes.UNUSABLE_FILE} {error}", producer=settings.target.authority) from None
    authorities = settings.known_certificate.encode() if settings.insecure else _content(settings.ca)
    certificate = settings.client_certificate
    key = certificate if settings.client_key is None else settings.client_key
    return grpc.ssl_channel_credentials(authorities, _content(key), _content(certificate))


def _content(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None


def why(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """The cause of a failed call, and details: what gRPC's core found, or the status that the producer sent."""
    details = error.details() or ""
    found = causes.in_core_text(details)
    if found is None:
        return error.code().name, details
    return found, details if found == causes.HANDSHAKE_FAILED else ""


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The google.rpc.Status of the error, or an empty one."""
    try:
        return status_pb2.Status.FromString(error.trailing_metadata().get(DETAILS, b""))
    except DecodeError:
        return status_pb2.Status()


def _reason(error: grpc.aio.AioRpcError) -> str:
    info = error_details_pb2.ErrorInfo()
    for detail in _status(error).details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def _missing_id(error: grpc.aio.AioRpcError, asked_for: int | None) -> int | None:
    """The unknown id: the only one requested, or the one that the producer names."""
    resource = error_details_pb2.ResourceInfo()
    for detail in _status(error).details:
        if asked_for is None and detail.Unpack(resource) and re.fullmatch(r"-?[0-9]{1,10}", resource.resource_name):
            return int(resource.resource_name)
    return asked_for


def _field(error: grpc.aio.AioRpcError) -> str:
    bad_request = error_details_pb2.BadRequest()
    for detail in _status(error).details:
        if detail.Unpack(bad_request):
            return "".join([violation.field for violation in bad_request.field_violations][:1])
    return ""
