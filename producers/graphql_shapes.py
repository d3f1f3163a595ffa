"""Shapes: selections of a validated document, compiled to functions that read them from the values of the domain.

graphql-core executes a document by interpreting it: for each field of each object it looks up the definition, builds a
description of the call, and examines the type and the value in some 400 steps of Python, also where a field is an
attribute of a frozen value. Below the top-level fields, nearly all are. A shape does that examination once, when the
document is parsed (docs/decisions/0022-graphql-execution.md).

A shape only knows how to make a complete, correct value. For anything else it raises `Unusual`, and graphql-core
executes the same selection instead, so that errors and nulls are its own. Resolvers with arguments, directives and
variables are never part of a shape.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_scalar_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

Shape = Callable[[Any], Any]
"""Makes the response value of a domain value. May raise any exception for values that are not as expected."""

Shapes = dict[int, tuple[GraphQLOutputType, Shape]]
"""Types and shapes of top-level fields, by the `id` of their nodes."""


class Unusual(Exception):
    """The selection or the value is one that only graphql-core handles."""


def shapes_of(document: DocumentNode, schema: GraphQLSchema) -> Shapes:
    """The shapes of a valid document. Fields that have none are left out."""
    compiler = _Compiler(document, schema)
    return {
        id(node): found
        for operation, node in top_level(document)
        if (found := compiler.top_level(node, operation)) is not None
    }


def top_level(document: DocumentNode) -> Iterator[tuple[OperationDefinitionNode, FieldNode]]:
    """The top-level fields of a document, those in fragments left out, each with its operation."""
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            for node in operation.selection_set.selections:
                if isinstance(node, FieldNode):
                    yield operation, node


class _Compiler:
    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def top_level(self, node: FieldNode, operation: OperationDefinitionNode) -> tuple[GraphQLOutputType, Shape] | None:
        root = self._schema.get_root_type(operation.operation)
        definition = root and self._schema.get_field(root, node.name.value)
        if not definition or node.selection_set is None:
            return None
        try:
            return definition.type, self._completed(definition.type, [node])
        except Unusual:
            return None

    def _completed(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Shape:
        """What completes a value of this type. Raises Unusual."""
        if is_non_null_type(kind):
            return self._not_null(kind.of_type, nodes)
        inner = self._not_null(kind, nodes)
        return lambda value: None if value is None else inner(value)

    def _not_null(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Shape:
        if is_list_type(kind):
            return _list(self._completed(kind.of_type, nodes))
        if is_object_type(kind):
            return self._object(kind, nodes)
        if is_scalar_type(kind) and kind.name in _SCALARS:
            return _SCALARS[kind.name]
        raise Unusual

    def _object(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Shape:
        if kind.is_type_of is not None:
            raise Unusual
        grouped: dict[str, list[FieldNode]] = {}
        for node in nodes:
            self._collect(kind, node.selection_set, grouped)
        fields: list[tuple[str, Callable[[Any], Any], Shape]] = []
        for name, same in grouped.items():
            if same[0].name.value == "__typename":
                fields.append((name, _nothing, _constant(kind.name)))
                continue
            definition = self._schema.get_field(kind, same[0].name.value)
            assert definition is not None, "the document is valid"
            fields.append((name, _reader(definition), self._completed(definition.type, same)))
        return lambda value: {name: complete(read(value)) for name, read, complete in fields}

    def _collect(
        self, kind: GraphQLObjectType, selections: SelectionSetNode | None, grouped: dict[str, list[FieldNode]]
    ) -> None:
        """Add the fields of a selection set, fragments expanded, under their names in the response."""
        assert selections is not None, "a valid document selects fields of objects"
        for node in selections.selections:
            if node.directives:
                raise Unusual
            if isinstance(node, FieldNode):
                grouped.setdefault((node.alias or node.name).value, []).append(node)
                continue
            fragment = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
            condition = fragment.type_condition
            if condition is not None and condition.name.value != kind.name:
                raise Unusual
            self._collect(kind, fragment.selection_set, grouped)


def _reader(definition: GraphQLField) -> Callable[[Any], Any]:
    """What reads a field from its object: its attribute, or a resolver that takes nothing but the object."""
    declared = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(declared, StrawberryField) or definition.args or declared.extensions:
        raise Unusual
    resolver = declared.base_resolver
    if resolver is None:
        return attrgetter(declared.python_name)
    if resolver.is_async or list(resolver.signature.parameters.values()) != [resolver.parent_parameter]:
        raise Unusual
    return cast(Callable[[Any], Any], resolver.wrapped_func)


def _list(complete: Shape) -> Shape:
    def completed(values: Any) -> list[Any]:
        if type(values) not in _SEQUENCES:
            raise Unusual
        return [complete(value) for value in values]

    return completed


def _constant(text: str) -> Shape:
    return lambda _: text


def _nothing(_: Any) -> None:
    return None


def _string(value: Any) -> str:
    if type(value) is not str:
        raise Unusual
    return value


def _id(value: Any) -> str:
    if type(value) is int:
        return str(value)
    return _string(value)


def _int(value: Any) -> int:
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise Unusual
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise Unusual
    return value


_SCALARS: Mapping[str, Shape] = {"String": _string, "ID": _id, "Int": _int, "Boolean": _boolean}
_SEQUENCES = frozenset({tuple, list})
_NONE: tuple[None, Shape] = (None, _nothing)


def shaping_executor(shapes: Shapes) -> type[StrawberryGraphQLCoreExecutionContext]:
    """The executor that completes the top-level fields in `shapes` by their shapes, and all else as graphql-core."""

    class ShapingExecutor(StrawberryGraphQLCoreExecutionContext):
        """One operation."""

        def complete_value(
            self,
            return_type: GraphQLOutputType,
            field_details_list: list[FieldDetails],
            info: GraphQLResolveInfo[Any],
            path: Path,
            result: Any,
            position_context: Any,
        ) -> Any:
            """The response value of what a resolver returned."""
            if len(field_details_list) == 1:
                kind, shape = shapes.get(id(field_details_list[0].node), _NONE)
                if kind is return_type:
                    try:
                        return shape(result)
                    except Exception:  # noqa: S110 - whatever it is, graphql-core meets it again and reports it
                        pass
            return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    return ShapingExecutor
