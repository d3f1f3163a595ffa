"""GraphQL documents: parsed and validated once for each distinct text that is valid, and kept within bounds.

Strawberry's own ParserCache and ValidationCache are bounded in number only, so a few large documents could fill the
memory; and the latter finds a document by hashing its whole tree on every request.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import validate_document
from strawberry.types import ExecutionContext

MAXIMUM_DOCUMENTS = 256
MAXIMUM_KEPT_CHARACTERS = 16_384
"""Longer documents are parsed each time, so that the cache takes some megabytes at most."""
MAXIMUM_TOKENS = 10_000
"""The longest document that is parsed at all."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document, what validation says against it, and how many operations a caller may choose from."""

    document: DocumentNode
    errors: list[GraphQLError]
    operations: int


class DocumentCache:
    """The documents of one schema, least recently used first. `parsed` counts how many were not found here."""

    def __init__(self) -> None:
        self.parsed = 0
        self._kept: OrderedDict[str, ParsedDocument] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, text: str, context: ExecutionContext) -> ParsedDocument:
        """The document with this text, for the schema of `context`. Raises GraphQLError when it is no GraphQL."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        self.parsed += 1
        made = _parsed(text, context)
        # A document that is refused would only take the place of one that is asked for again.
        if not made.errors and len(text) <= MAXIMUM_KEPT_CHARACTERS:
            self._kept[text] = made
            if len(self._kept) > MAXIMUM_DOCUMENTS:
                self._kept.popitem(last=False)
        return made


def _parsed(text: str, context: ExecutionContext) -> ParsedDocument:
    document = parse(text, max_tokens=MAXIMUM_TOKENS)
    errors = validate_document(context.schema._schema, document, context.validation_rules)
    operations = sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions)
    return ParsedDocument(document, errors, operations)


def document_extension(cache: DocumentCache) -> type[SchemaExtension]:
    """The extension through which a schema takes its documents from `cache`."""

    class Documents(SchemaExtension):
        """Puts the document and the result of its validation where Strawberry would put its own."""

        def on_parse(self) -> Iterator[None]:
            context = self.execution_context
            assert context.query is not None
            found = cache.find(context.query, context)
            if found.operations > 1 and context._provided_operation_name is None:
                # Left alone, Strawberry would choose the first.
                raise CannotGetOperationTypeError(None)
            context.graphql_document = found.document
            context.pre_execution_errors = found.errors
            yield

    return Documents
