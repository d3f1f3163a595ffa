"""The size and cost of a GraphQL document, computed before it is validated or executed, pure.

Fragments are expanded as in execution, but each is visited once: its counts are stored, and every further spread adds
the stored counts. The time is linear in the length of the document, so fragments that double at each level (20 levels
expand to a million fields) cost no more than their text.

The cost of lists follows IBM's GraphQL cost specification (`@listSize(slicingArguments, sizedFields)`): the length of a
list is the value of its slicing argument, or the maximum if that is a variable, or else a typical length.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from producers.graphql_errors import TOO_COMPLEX, refusal
from producers.settings import DocumentLimits
from recipes.book import DEFAULT_PAGE_SIZE, MAXIMUM_BATCH_SIZE, MAXIMUM_PAGE_SIZE

MOST = 1_000_000_000
"""Counting stops here: far beyond every limit, and small enough for fast arithmetic."""

USUAL_LIST = 20
"""Assumed length of a list without a slicing argument: more than the ingredients of 95 % of recipes."""
INTROSPECTION_LIST = 5
"""The same for introspection, whose lists depend on the schema."""
SLICING = {"first": MAXIMUM_PAGE_SIZE, "ids": MAXIMUM_BATCH_SIZE}
"""Arguments that determine the length of a list, with the maximum of each."""
MAXIMUM_NESTING = 100
"""The most nested selection sets and fragments. Also limits fragments that contain only fragments, without depth."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a selection requests. Counts end at MOST."""

    nesting: int = 0
    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    lookups: int = 0
    """Top-level fields that look up something by id."""
    values: int = 0
    """Values to resolve, except those in lists whose length the enclosing field determines."""
    values_per_element: int = 0
    """Values to resolve for each element of those lists."""

    def plus(self, other: "Extent") -> "Extent":
        """The sum of both, as in one selection set."""
        return Extent(
            max(self.nesting, other.nesting),
            max(self.depth, other.depth),
            min(MOST, self.fields + other.fields),
            min(MOST, self.aliases + other.aliases),
            min(MOST, self.directives + other.directives),
            min(MOST, self.lookups + other.lookups),
            min(MOST, self.values + other.values),
            min(MOST, self.values_per_element + other.values_per_element),
        )


@dataclass(frozen=True, slots=True)
class Survey:
    """What a document requests: for each count, the largest of its operations and fragments."""

    extent: Extent
    operations: int
    literal_characters: int
    """The length of the longest string literal."""
    visited: int
    """Nodes visited to compute this."""


def survey(document: DocumentNode, schema: GraphQLSchema) -> Survey:
    """Measure `document` against `schema`. Raises GraphQLError if it is nested too deeply."""
    return _Surveyor(document, schema).survey()


def exceeded(found: Survey, limits: DocumentLimits) -> GraphQLError | None:
    """The error for a document that exceeds a limit, or None."""
    extent = found.extent
    requested = {
        "operations": found.operations,
        "depth": extent.depth,
        "fields": extent.fields,
        "aliases": extent.aliases,
        "directives": extent.directives,
        "literal_characters": found.literal_characters,
        "values": min(MOST, extent.values + extent.values_per_element * USUAL_LIST),
    }
    for limit in fields(limits):
        number = requested.get(limit.name)
        allowed = getattr(limits, limit.name)
        if number is not None and number > allowed:
            return refusal(_TOO_MUCH[limit.name].format(number=number, allowed=allowed), TOO_COMPLEX)
    return None


_TOO_MUCH = {
    "operations": "the document has {number} operations; the limit is {allowed}",
    "depth": "fields are nested {number} deep; the limit is {allowed}",
    "fields": "{number} fields are selected with fragments expanded; the limit is {allowed}",
    "aliases": "{number} aliases are used with fragments expanded; the limit is {allowed}. Use recipesByIds",
    "directives": "{number} directives are used with fragments expanded; the limit is {allowed}",
    "literal_characters": "a string in the document has {number} characters; the limit is {allowed}. Use a variable",
    "values": "the document requests up to {number} values; the limit is {allowed}. Request fewer recipes or fewer "
    "fields (a page size in a variable counts as the maximum)",
}


class _Surveyor:
    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._definitions = document.definitions
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._known: dict[str, Extent | None] = {}
        self._longest = 0
        self._visited = 0

    def survey(self) -> Survey:
        largest = Extent()
        operations = 0
        for definition in self._definitions:
            if isinstance(definition, OperationDefinitionNode):
                operations += 1
                found = self._selections(
                    definition.selection_set, self._schema.get_root_type(definition.operation), nesting=1
                )
                for variable in definition.variable_definitions or ():
                    self._look_at_values([variable.default_value])
                    found = found.plus(self._directives(variable.directives))
                found = found.plus(self._directives(definition.directives))
            elif isinstance(definition, FragmentDefinitionNode):
                # Includes fragments that are never spread: they are validated, but return no values.
                found = replace(self._fragment(definition.name.value, nesting=1), values=0, values_per_element=0)
            else:
                continue
            largest = Extent(*[max(getattr(largest, name.name), getattr(found, name.name)) for name in fields(Extent)])
        return Survey(largest, operations, self._longest, self._visited)

    def _selections(self, selections: SelectionSetNode | None, parent: Any, nesting: int) -> Extent:
        if nesting > MAXIMUM_NESTING:
            raise refusal(f"selections and fragments are nested more than {MAXIMUM_NESTING} deep", TOO_COMPLEX)
        total = Extent()
        for selection in selections.selections if selections is not None else ():
            self._visited += 1
            if isinstance(selection, FieldNode):
                found = self._field(selection, parent, nesting)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                kind = self._schema.get_type(condition.name.value) if condition is not None else parent
                found = _deeper(self._selections(selection.selection_set, kind, nesting + 1))
            else:
                assert isinstance(selection, FragmentSpreadNode)
                found = _deeper(self._fragment(selection.name.value, nesting + 1))
            total = total.plus(found)
            if selection.directives:
                total = total.plus(self._directives(selection.directives))
        if nesting + total.nesting > MAXIMUM_NESTING:
            raise refusal(f"selections and fragments are nested more than {MAXIMUM_NESTING} deep", TOO_COMPLEX)
        return total

    def _fragment(self, name: str, nesting: int) -> Extent:
        if name in self._known:
            # None: the fragment contains itself, which validation refuses. Here it adds nothing.
            return self._known[name] or Extent()
        fragment = self._fragments.get(name)
        if fragment is None:
            return Extent()
        self._known[name] = None
        kind = self._schema.get_type(fragment.type_condition.name.value)
        found = self._selections(fragment.selection_set, kind, nesting)
        found = found.plus(self._directives(fragment.directives))
        self._known[name] = found
        return found

    def _field(self, node: FieldNode, parent: Any, nesting: int) -> Extent:
        arguments = node.arguments or ()
        self._look_at_values(argument.value for argument in arguments)
        field = self._schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        inner = Extent()
        if node.selection_set is not None:
            kind = get_named_type(field.type) if field is not None else None
            inner = self._selections(node.selection_set, kind, nesting + 1)
        values, values_per_element = _weighed(field, inner, arguments)
        return Extent(
            inner.nesting + 1,
            inner.depth + 1,
            min(MOST, inner.fields + 1),
            min(MOST, inner.aliases + (node.alias is not None)),
            inner.directives,
            int(parent is self._schema.query_type and any(argument.name.value == "id" for argument in arguments)),
            min(MOST, values),
            min(MOST, values_per_element),
        )

    def _directives(self, directives: Iterable[Any] | None) -> Extent:
        count = 0
        for directive in directives or ():
            self._visited += 1
            count += 1
            self._look_at_values(argument.value for argument in directive.arguments or ())
        return Extent(directives=count)

    def _look_at_values(self, values: Iterable[ValueNode | None]) -> None:
        left: list[Node | None] = list(values)
        while left:
            value = left.pop()
            self._visited += 1
            if isinstance(value, StringValueNode):
                self._longest = max(self._longest, len(value.value))
            elif value is not None:
                left.extend(_inner_values(value))


def _deeper(found: Extent) -> Extent:
    """The counts of a fragment at the place of its spread."""
    return replace(found, nesting=found.nesting + 1)


def _inner_values(value: Node) -> Iterator[Node]:
    if isinstance(value, ListValueNode):
        yield from value.values
    else:
        for field in getattr(value, "fields", None) or ():
            yield field.value


def _weighed(field: GraphQLField | None, inner: Extent, arguments: Iterable[ArgumentNode]) -> tuple[int, int]:
    """The values of a field, and those per element of a list whose length the enclosing field determines."""
    introspection = field is not None and str(get_named_type(field.type)).startswith("__")
    usual = INTROSPECTION_LIST if introspection else USUAL_LIST
    sliced = _slice_length(field, arguments)
    if field is None or not is_list_type(get_nullable_type(field.type)):
        return 1 + inner.values + inner.values_per_element * (usual if sliced is None else sliced), 0
    element = max(1, inner.values + inner.values_per_element * usual)
    if introspection:
        sliced = usual
    return (1, element) if sliced is None else (1 + sliced * element, 0)


def _slice_length(field: GraphQLField | None, arguments: Iterable[ArgumentNode]) -> int | None:
    """The length of a field's list according to its arguments, or None if it has no slicing argument."""
    slicing = [name for name in SLICING if field is not None and name in field.args]
    if not slicing:
        return None
    (name,) = slicing
    for argument in arguments:
        if argument.name.value != name:
            continue
        value = argument.value
        if isinstance(value, IntValueNode):
            return min(MOST, max(0, int(value.value))) if len(value.value) < len(str(MOST)) else MOST
        if isinstance(value, ListValueNode):
            return len(value.values)
        if not isinstance(value, NullValueNode):
            return SLICING[name]
    return DEFAULT_PAGE_SIZE
