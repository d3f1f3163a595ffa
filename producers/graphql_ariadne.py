"""The GraphQL producer on Ariadne: the schema as it is written in protos/recipe.graphql, and functions for its fields.

Requests are read and answered as by the default implementation, and documents come from the same cache. Ariadne
executes them on graphql-core as well, without the layer that Strawberry lays between graphql-core and resolvers.
"""

import logging
from collections.abc import Set
from importlib import resources

import ariadne
from graphql import GraphQLError, GraphQLSchema, get_operation_ast
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from producers.graphql_documents import DocumentCache
from producers.graphql_errors import note_errors
from producers.graphql_http import GraphqlHttpProducer, Parameters, no_operation, not_allowed
from producers.graphql_loading import LoadingBook
from producers.graphql_resolvers import RESOLVERS

_unused_log = logging.getLogger(f"{__name__}.unused")
"""For Ariadne, which would log errors of callers as well."""
# Not `disabled`, which configuring logging resets, as Granian does in the same process.
_unused_log.setLevel(logging.CRITICAL + 1)


class AriadneProducer(GraphqlHttpProducer):
    """Serves recipe.graphql."""

    def prepare(self) -> None:
        """Build what executes operations."""
        self._documents = DocumentCache(self.settings)
        self._executable = executable_schema()

    async def executed(self, query: str, parameters: Parameters, allowed: Set[OperationType]) -> ExecutionResult:
        """The result of the operation that the parameters name. Raises Problem."""
        suggestions = self.settings.suggestions
        try:
            found = self._documents.find(query, self._executable)
        except GraphQLError as error:
            return _refused([error], suggestions=suggestions)
        operation = get_operation_ast(found.document, parameters.operation_name)
        if operation is None:
            raise no_operation()
        if OperationType(operation.operation.value) not in allowed:
            raise not_allowed()
        if found.errors:
            return _refused(found.errors, suggestions=suggestions)
        _, result = await ariadne.graphql(
            self._executable,
            {"query": query, "variables": parameters.variables, "operationName": parameters.operation_name},
            context_value=LoadingBook(self.book) if found.lookups > 1 else self.book,
            query_document=found.document,
            # The document has been validated.
            query_validator=lambda *_, **__: [],
            error_formatter=lambda error, _: error,
            logger=_unused_log,
        )
        errors: list[GraphQLError] | None = result.get("errors")
        if errors:
            note_errors(errors, suggestions=suggestions)
        return ExecutionResult(result.get("data"), errors)


def executable_schema() -> GraphQLSchema:
    """The schema of the contract with its resolvers."""
    text = resources.files("protos").joinpath("recipe.graphql").read_text(encoding="utf-8")
    types = [ariadne.ObjectType(name) for name in RESOLVERS]
    for made in types:
        for field, resolve in RESOLVERS[made.name].items():
            made.set_field(field, resolve)
    schema: GraphQLSchema = ariadne.make_executable_schema(text, types, convert_names_case=True)
    return schema


def _refused(errors: list[GraphQLError], *, suggestions: bool) -> ExecutionResult:
    note_errors(errors, suggestions=suggestions)
    return PreExecutionError(None, errors)
