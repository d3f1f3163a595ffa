"""GraphQL documents: parsed, weighed and validated once for each distinct text that is valid, and kept within bounds.

Strawberry's own ParserCache and ValidationCache are bounded in number only, so a few large documents could fill the
memory; and the latter finds a document by hashing its whole tree on every request.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import DocumentNode, GraphQLError, NoSchemaIntrospectionCustomRule, parse, specified_rules, validate
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext

from producers.graphql_limits import exceeded, survey
from producers.graphql_loading import LoadingBook
from producers.settings import ProducerSettings

MAXIMUM_DOCUMENTS = 256
MAXIMUM_KEPT_CHARACTERS = 16_384
"""Longer documents are parsed each time, so that the cache takes some megabytes at most."""
MAXIMUM_ERRORS = 10
"""Of a document's errors, so many are told; looking for more of them would cost more than the document is worth."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document, and what is known of it."""

    document: DocumentNode
    errors: list[GraphQLError]
    """What is said against it."""
    operations: int = 0
    """How many a caller may choose from."""
    lookups: int = 0
    """How often it looks up a recipe by its id."""


class DocumentCache:
    """The documents of one schema, least recently used first. `parsed` counts how many were not found here."""

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

    def find(self, text: str, context: ExecutionContext) -> ParsedDocument:
        """The document with this text, for the schema of `context`. Raises GraphQLError when it is no GraphQL."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        self.parsed += 1
        made = self._parse(text, context)
        # A document that is refused would only take the place of one that is asked for again.
        if not made.errors and len(text) <= MAXIMUM_KEPT_CHARACTERS:
            self._kept[text] = made
            if len(self._kept) > MAXIMUM_DOCUMENTS:
                self._kept.popitem(last=False)
        return made

    def _parse(self, text: str, context: ExecutionContext) -> ParsedDocument:
        limits = self._limits
        document = parse(text, max_tokens=limits.tokens, max_source_length=limits.characters)
        schema = context.schema._schema
        found = survey(document, schema)
        # Before validation, whose time is not linear in the document.
        if (refused := exceeded(found, limits)) is not None:
            return ParsedDocument(document, [refused])
        errors = validate(schema, document, self._rules, MAXIMUM_ERRORS, hide_suggestions=self._hide_suggestions)
        return ParsedDocument(document, errors, found.operations, found.extent.lookups)


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
            if found.lookups > 1:
                context.context = LoadingBook(context.context)
            context.graphql_document = found.document
            context.pre_execution_errors = found.errors
            yield

    return Documents
