"""The GraphQL producer with selections that are compiled once per document.

Schema, requests and responses are the default implementation's, and so is the library. Only the selections below the
top-level fields are executed by shapes instead of graphql-core.
"""

from graphql import GraphQLSchema

from producers.graphql_documents import DocumentCache, ParsedDocument
from producers.graphql_http import GraphqlHttpProducer
from producers.graphql_schema import RecipeSchema
from producers.graphql_shapes import Shapes, shapes_of, shaping_executor, top_level
from producers.settings import ProducerSettings


class CompiledProducer(GraphqlHttpProducer):
    """Serves recipe.graphql."""

    def prepare(self) -> None:
        """Build what executes operations."""
        self._schema = CompiledSchema(self.settings)


class CompiledDocuments(DocumentCache):
    """The valid documents of one schema with their shapes. A document that is too long to be kept has none."""

    def __init__(self, settings: ProducerSettings) -> None:
        super().__init__(settings)
        self.shapes: Shapes = {}
        """Those of all kept documents. Nodes of other documents have other ids, since all these are alive."""

    def added(self, made: ParsedDocument, schema: GraphQLSchema) -> None:
        """Compile it."""
        self.shapes.update(shapes_of(made.document, schema))

    def evicted(self, made: ParsedDocument) -> None:
        """Remove its shapes."""
        for _, node in top_level(made.document):
            self.shapes.pop(id(node), None)


class CompiledSchema(RecipeSchema):
    """The schema with its document cache, executed with shapes. The context is a RecipeBook."""

    def __init__(self, settings: ProducerSettings | None = None) -> None:
        settings = settings or ProducerSettings()
        documents = CompiledDocuments(settings)
        super().__init__(settings, documents, shaping_executor(documents.shapes))
        self.shapes = documents.shapes
