"""The GraphQL producer: the schema over HTTP/1.1 according to the GraphQL-over-HTTP specification.

The schema is built with Strawberry, the handler is not: Strawberry's aiohttp view is made for browsers, subscriptions,
uploads and batches, which are not offered here, and much of it would have to be overridden to meet the specification.
"""

from collections.abc import Set
from http import HTTPMethod
from typing import Any

import msgspec
from aiohttp import web
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from producers.aiohttp_hosting import AiohttpProducer
from producers.aiohttp_messages import read_json_body
from producers.graphql_errors import code_of, is_request_error, shown, shown_problem
from producers.graphql_persisted import PersistedQueries, check_hash, hash_in
from producers.graphql_schema import RecipeSchema
from producers.http_problems import Problem
from producers.http_semantics import JSON
from producers.json_messages import BadJson, decode
from producers.settings import ProducerSettings
from recipes.book import RecipeBook

GRAPHQL_JSON = "application/graphql-response+json"
MEDIA_TYPES = (JSON, GRAPHQL_JSON)
"""Media types of responses. The first is the default; clients that know the second ask for it."""

READING = frozenset({OperationType.QUERY})
ANYTHING = frozenset(OperationType)

_encode = msgspec.json.Encoder().encode


def no_operation() -> Problem:
    """The problem of a request that names no operation of its document."""
    return Problem(400, "operationName must name an operation of the document", error="operation_resolution_failure")


def not_allowed() -> Problem:
    """The problem of a mutation in a GET request."""
    return Problem(405, "mutations require POST", headers={"Allow": "POST"})


class Parameters(msgspec.Struct, rename={"operation_name": "operationName"}):
    """A GraphQL request. Batches, which are arrays, are not supported."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


_parameters_decoder = msgspec.json.Decoder(Parameters)
_map_decoder = msgspec.json.Decoder(dict[str, Any] | None)


class GraphqlHttpProducer(AiohttpProducer):
    """Serves recipe.graphql."""

    path = "/graphql"
    takes_documents = True

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        super().__init__(book, settings)
        self._persisted = PersistedQueries() if settings.persisted_queries else None
        self.prepare()

    def prepare(self) -> None:
        """Build what executes operations."""
        self._schema = RecipeSchema(self.settings)

    def routes(self) -> list[web.RouteDef]:
        """The routes of the contract."""
        return [
            web.get(self.path, self.execute_graphql),
            web.post(self.path, self.execute_graphql, expect_handler=self.expect_continue),
        ]

    async def execute_graphql(self, request: web.Request) -> web.StreamResponse:
        """The result of one operation. Problems of the request are reported as GraphQL errors, too."""
        responses = self.responses
        media_type = JSON
        try:
            # Negotiated first: a mutation must not be executed if its response cannot be sent.
            media_type = responses.media_type(request, MEDIA_TYPES)
            responses.coding(request)
            result = await self._execute(request, await self._read_parameters(request))
        except Problem as problem:
            error = shown_problem(problem)
            response = responses.refusal(request, problem, _encode({"errors": [error]}), media_type)
            response.outcome = code_of(error)
            return response
        if not result.errors:
            return responses.response(request, _encode({"data": result.data}), media_type)
        errors = [shown(error, result) for error in result.errors]
        if is_request_error(result):
            # With application/json, which proxies also send, clients recognize a GraphQL response only by its 200.
            status = 400 if media_type == GRAPHQL_JSON else 200
            response = responses.response(request, _encode({"errors": errors}), media_type, status=status)
        else:
            response = responses.response(request, _encode({"data": result.data, "errors": errors}), media_type)
        response.outcome = code_of(errors[0])
        return response

    async def _execute(self, request: web.Request, parameters: Parameters) -> ExecutionResult:
        """The result of the requested operation. Raises Problem if there is none to execute."""
        persisted = self._persisted
        query_hash = hash_in(parameters.extensions) if parameters.extensions else None
        query = parameters.query
        if query:
            if query_hash is not None and persisted is not None:
                check_hash(query_hash, query)
        elif query_hash is None:
            raise Problem(400, "the parameter query is missing")
        elif persisted is None:
            raise Problem(400, "PersistedQueryNotSupported", error="persisted_query_not_supported")
        else:
            query = persisted.text(query_hash)
        result = await self.executed(query, parameters, ANYTHING if request.method == HTTPMethod.POST else READING)
        if query_hash is not None and persisted is not None and not is_request_error(result):
            persisted.keep(query_hash, query)
        return result

    async def executed(self, query: str, parameters: Parameters, allowed: Set[OperationType]) -> ExecutionResult:
        """The result of the operation that the parameters name. Raises Problem."""
        try:
            return await self._schema.execute(
                query,
                variable_values=parameters.variables,
                context_value=self.book,
                operation_name=parameters.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=parameters.extensions,
            )
        except CannotGetOperationTypeError:
            raise no_operation() from None
        except InvalidOperationTypeError:
            raise not_allowed() from None

    async def _read_parameters(self, request: web.Request) -> Parameters:
        """The parameters of the request: in the body of a POST, in the query string of a GET. Raises Problem."""
        try:
            if request.method == HTTPMethod.POST:
                return decode(await read_json_body(request, self.settings.limits), _parameters_decoder)
            query = request.query
            return Parameters(
                query.get("query"),
                query.get("operationName"),
                decode(query.get("variables", "null").encode(), _map_decoder),
                decode(query.get("extensions", "null").encode(), _map_decoder),
            )
        except BadJson as error:
            raise Problem(400, str(error)) from None
