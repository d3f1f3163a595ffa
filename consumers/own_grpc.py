"""A request of the user's own over gRPC: a method and a message in JSON, by server reflection or a descriptor set."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_database import DescriptorDatabase
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError, Message
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from msgspec import field
from msgspec.structs import replace

from consumers.errors import BadOwnRequest, OperationUnsupported, one_line
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest, Values, filled_json

Metadata = Sequence[tuple[str, str]] | None
"""Of each call; None: none."""
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
"""The services of both versions, whose messages are the same."""
Describe = Callable[[ServerReflectionRequest], Awaitable[list[FileDescriptorProto]]]
"""Asks a server for files. Those that it does not know are missing."""
FILES_AT_MOST = 1_000
"""Files that a method may depend on."""
DESCRIPTOR_SET_AT_MOST_BYTES = 64_000_000


class GrpcRequest(OwnRequest, frozen=True, kw_only=True):
    """The section `grpc`."""

    method: str
    """`package.Service/Method`."""
    message: dict[str, Any] = field(default_factory=dict)
    """In the JSON mapping of protobuf."""
    descriptor_set: str = ""
    """A file that `protoc --include_imports --descriptor_set_out=FILE` wrote. Empty: by server reflection."""

    @property
    def title(self) -> str:
        """The method."""
        return self.method

    def filled(self, values: Values) -> Self:
        """With a value in place of each name. Raises BadOwnRequest."""
        return replace(self, message=filled_json(self.message, values, "message"))

    def checked(self, directory: Path) -> Self:
        """With the path of the descriptor set, which has to fit the request. Raises BadOwnRequest."""
        service, slash, method = self.method.partition("/")
        if not slash or not service or not method or "/" in method:
            raise BadOwnRequest(f"method: {self.method!r} is not package.Service/Method")
        if not self.descriptor_set:
            return self
        found = replace(self, descriptor_set=str(directory / self.descriptor_set))
        try:
            _method(pool_of_file(found.descriptor_set), found)
        except OperationUnsupported as error:
            raise BadOwnRequest(f"method: {error}") from None
        return found

    def files(self) -> Sequence[bytes]:
        """The descriptor set."""
        return (descriptor_set(self.descriptor_set),) if self.descriptor_set else ()


class GrpcCall(OwnCall):
    """A request with its message."""

    def __init__(self, request: GrpcRequest, method: MethodDescriptor, pool: descriptor_pool.DescriptorPool) -> None:
        """Raises BadOwnRequest where the message does not fit the method."""
        super().__init__(request)
        self._pool = pool
        self.path = f"/{method.containing_service.full_name}/{method.name}"
        sent = message_factory.GetMessageClass(method.input_type)
        received = message_factory.GetMessageClass(method.output_type)
        try:
            self.message: Message = json_format.ParseDict(request.message, sent(), descriptor_pool=pool)
        except (json_format.ParseError, ValueError, TypeError) as error:
            raise BadOwnRequest(f"message: it is no {method.input_type.full_name}: {one_line(str(error))}") from None

        def deserialize(data: bytes) -> OwnAnswer:
            return OwnAnswer(len(data), received.FromString(data))

        self.deserialize = deserialize

    def plain(self, answer: OwnAnswer) -> Any:
        """The message in the JSON mapping, with the names of the contract."""
        return json_format.MessageToDict(answer.content, preserving_proto_field_name=True, descriptor_pool=self._pool)


def serialized(message: Message) -> bytes:
    """A message as it is sent."""
    return message.SerializeToString()


async def calls_of(
    requests: Sequence[GrpcRequest],
    connect: Callable[[], grpc.aio.Channel],
    timeout_s: float,
    metadata: Metadata = None,
) -> list[GrpcCall]:
    """Calls of one method. `connect` opens a channel for reflection, which is closed again; it gets the metadata.

    Raises BadOwnRequest for a method that is not there and a message that does not fit it, OperationUnsupported for a
    streaming method and where there is no reflection, AioRpcError.
    """
    first = requests[0]
    if first.descriptor_set:
        pool = pool_of_file(first.descriptor_set)
    else:
        async with _closing(connect()) as channel:
            pool = await reflected(channel, first.method.partition("/")[0], timeout_s, metadata)
    method = _method(pool, first)
    return [GrpcCall(request, method, pool) for request in requests]


@asynccontextmanager
async def _closing(channel: grpc.aio.Channel) -> AsyncIterator[grpc.aio.Channel]:
    try:
        yield channel
    finally:
        await channel.close()


def _method(pool: descriptor_pool.DescriptorPool, request: GrpcRequest) -> MethodDescriptor:
    """The method of a request. Raises BadOwnRequest and OperationUnsupported."""
    service_name, _, name = request.method.partition("/")
    try:
        service = pool.FindServiceByName(service_name)
    except KeyError:
        raise BadOwnRequest(f"method: there is no service {service_name}") from None
    except TypeError as error:
        raise BadOwnRequest(f"the description of {service_name} is not valid: {one_line(str(error))}") from None
    method = service.methods_by_name.get(name)
    if method is None:
        there = ", ".join(service.methods_by_name) or "none"
        raise BadOwnRequest(f"method: {service_name} has no method {name}; it has {there}")
    if method.client_streaming or method.server_streaming:
        raise OperationUnsupported(f"{request.method} is a streaming method, and the lab calls unary ones only")
    return method


def descriptor_set(path: str) -> bytes:
    """The content of a descriptor set. Raises BadOwnRequest, naming the file."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(DESCRIPTOR_SET_AT_MOST_BYTES + 1)
    except OSError as error:
        raise BadOwnRequest(f"descriptor_set: {path}: {error.strerror or error}") from None
    if len(content) > DESCRIPTOR_SET_AT_MOST_BYTES:
        raise BadOwnRequest(f"descriptor_set: {path} is larger than {DESCRIPTOR_SET_AT_MOST_BYTES:,} bytes")
    return content


def pool_of_file(path: str) -> descriptor_pool.DescriptorPool:
    """What a descriptor set describes. Raises BadOwnRequest, naming the file."""
    try:
        files = {file.name: file for file in FileDescriptorSet.FromString(descriptor_set(path)).file}
    except DecodeError:
        files = {}
    if not files:
        raise BadOwnRequest(
            f"descriptor_set: {path} is no descriptor set; write one with "
            "protoc --include_imports --descriptor_set_out=FILE"
        )
    return _pool_of(files)


def _pool_of(files: dict[str, FileDescriptorProto]) -> descriptor_pool.DescriptorPool:
    database = DescriptorDatabase()
    for file in files.values():
        database.Add(file)
    return descriptor_pool.DescriptorPool(database)


async def reflected(
    channel: grpc.aio.Channel, service: str, timeout_s: float, metadata: Metadata
) -> descriptor_pool.DescriptorPool:
    """What a server says of its service by reflection, with everything that it depends on.

    Raises OperationUnsupported where the server has no reflection, BadOwnRequest where it does not know the service,
    and AioRpcError.
    """
    for version in REFLECTION:
        try:
            return await _with_dependencies(_describing(channel, version, timeout_s, metadata), service)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
        except DecodeError:
            raise BadOwnRequest(f"method: the description of {service} is not valid") from None
    raise OperationUnsupported(
        "the server has no reflection, so its methods are not known; give a descriptor_set in [grpc]"
    )


def _describing(channel: grpc.aio.Channel, version: str, timeout_s: float, metadata: Metadata) -> Describe:
    """What asks the server with a version of reflection. It raises AioRpcError and DecodeError."""
    # The method takes a stream of requests, and one of a single request is enough. It leaves as one with the call: a
    # request that is written later may meet the end of the call, and then grpc.aio loses the status.
    method = channel.unary_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )

    async def describe(asked: ServerReflectionRequest) -> list[FileDescriptorProto]:
        async for answer in method(asked, timeout=timeout_s, metadata=metadata):
            contents = answer.file_descriptor_response.file_descriptor_proto
            return [FileDescriptorProto.FromString(content) for content in contents]
        return []

    return describe


async def _with_dependencies(describe: Describe, service: str) -> descriptor_pool.DescriptorPool:
    files = {file.name: file for file in await describe(ServerReflectionRequest(file_containing_symbol=service))}
    if not files:
        raise BadOwnRequest(f"the server's reflection knows no service {service}")
    while missing := [name for file in files.values() for name in file.dependency if name not in files]:
        if len(files) > FILES_AT_MOST:
            raise BadOwnRequest(f"{service} depends on more than {FILES_AT_MOST:,} files")
        name = missing[0]
        found = await describe(ServerReflectionRequest(file_by_filename=name))
        files.update((file.name, file) for file in found)
        if name not in files:
            files[name] = _well_known(name, service)
    return _pool_of(files)


def _well_known(name: str, service: str) -> FileDescriptorProto:
    """A file that comes with protobuf, which servers need not describe. Raises BadOwnRequest."""
    file = FileDescriptorProto()
    try:
        descriptor_pool.Default().FindFileByName(name).CopyToProto(file)
    except KeyError:
        raise BadOwnRequest(f"{service} depends on {name}, which the server's reflection does not know") from None
    return file
