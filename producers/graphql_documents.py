"""GraphQL documents: a bounded cache of parsed, measured and validated documents by text.

Strawberry's own ParserCache and ValidationCache limit only the number of documents, so a few large ones could fill the
memory; and ValidationCache hashes the whole tree of a document on every request.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError

from producers.graphql_limits import exceeded, survey
from producers.graphql_loading import LoadingBook
from producers.settings import ProducerSettings

MAXIMUM_DOCUMENTS = 256
MAXIMUM_KEPT_CHARACTERS = 16_384
"""Longer documents are parsed each time, so that the cache takes a few MB at most."""
MAXIMUM_ERRORS = 10
"""The most errors to report for one document; validation stops there."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document and what is known about it."""

    document: DocumentNode
    errors: list[GraphQLError]
    """Why it is refused; empty for a valid document."""
    operations: int = 0
    """The number of its operations."""
    lookups: int = 0
    """The number of fields that look up a recipe by id."""


class DocumentCache:
    """The valid documents of one schema, least recently used first. `parsed` counts cache misses."""

    def __init__(self, settings: ProducerSettings) -> None:
        self.parsed = 0
        self._limits = settings.limits.document
        self._hide_suggestions = not settings.suggestions
        self._rules = list(specified_rules)
        if not settings.introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, ParsedDocument] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, text: str, schema: GraphQLSchema) -> ParsedDocument:
        """The document with this text. Raises GraphQLError for a syntax error."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        self.parsed += 1
        made = self._parse(text, schema)
        # A refused document would only evict valid ones.
        if not made.errors and len(text) <= MAXIMUM_KEPT_CHARACTERS:
            self._kept[text] = made
            self.added(made, schema)
            if len(self._kept) > MAXIMUM_DOCUMENTS:
                _, evicted = self._kept.popitem(last=False)
                self.evicted(evicted)
        return made

    def added(self, made: ParsedDocument, schema: GraphQLSchema) -> None:
        """A valid document is in the cache from now on."""

    def evicted(self, made: ParsedDocument) -> None:
        """A document is no longer in the cache."""

    def _parse(self, text: str, schema: GraphQLSchema) -> ParsedDocument:
        limits = self._limits
        document = parse(text, max_tokens=limits.tokens, max_source_length=limits.characters)
        found = survey(document, schema)
        # Before validation, whose time is not linear in the document.
        if (refused := exceeded(found, limits)) is not None:
            return ParsedDocument(document, [refused])
        errors = validate(schema, document, self._rules, MAXIMUM_ERRORS, hide_suggestions=self._hide_suggestions)
        return ParsedDocument(document, errors, found.operations, found.extent.lookups)


def document_extension(cache: DocumentCache) -> type[SchemaExtension]:
    """The extension that makes a schema take its documents from `cache`."""

    class Documents(SchemaExtension):
        """Sets the document and its validation errors where Strawberry expects them."""

        def on_parse(self) -> Iterator[None]:
            context = self.execution_context
            assert context.query is not None
            found = cache.find(context.query, context.schema._schema)
            if found.operations > 1 and context._provided_operation_name is None:
                # Strawberry would choose the first.
                raise CannotGetOperationTypeError(None)
            if found.lookups > 1:
                context.context = LoadingBook(context.context)
            context.graphql_document = found.document
            context.pre_execution_errors = found.errors
            yield

    return Documents
