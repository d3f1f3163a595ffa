"""The size of a GraphQL document, counted in time linear in its text, and the limits on it."""

import pytest
from graphql import get_introspection_query, parse
from hypothesis import given
from hypothesis import strategies as st

from producers.graphql_limits import MOST, USUAL_LIST, Survey, exceeded, survey
from producers.graphql_schema import RecipeSchema
from producers.settings import DocumentLimits, ProducerSettings
from tests.support.books import small_book

SCHEMA = RecipeSchema()._schema
WHOLE = "id name steps ingredients { id name quantity }"
VALUES_OF_A_RECIPE = 4 + USUAL_LIST * 3
"""`ingredients` is a value, and so is each field of its elements."""


def surveyed(text: str) -> Survey:
    return survey(parse(text), SCHEMA)


def doubling(levels: int) -> str:
    """Fragments that each spread the next one twice: 2 ** `levels` fields in a text of linear length."""
    chain = "".join(f" fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels))
    return f"{{ ...f0 }}{chain} fragment f{levels} on Query {{ pid }}"


def test_every_measure_of_a_document_is_counted() -> None:
    found = surveyed(
        'query A($x: String = "abc") @a { b: recipe(id: "12345") @skip(if: true) { ingredients { name } } }'
    )
    extent = found.extent
    assert (found.operations, extent.depth, extent.fields, extent.aliases, extent.directives) == (1, 3, 3, 1, 2)
    assert (found.literal_characters, extent.lookups) == (5, 1)


def test_fragments_count_where_they_are_spread() -> None:
    spread = surveyed(
        "{ a: recipe(id: 1) { ...f } ... on Query { recipe(id: 2) { ...f } } } fragment f on Recipe { id name }"
    )
    written = surveyed("{ a: recipe(id: 1) { id name } recipe(id: 2) { id name } }")
    for name in ("depth", "fields", "aliases", "lookups", "values"):
        assert getattr(spread.extent, name) == getattr(written.extent, name), name


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{ pid }", 1),
        ("{ recipe(id: 1) { id } }", 2),
        (f"{{ recipe(id: 1) {{ {WHOLE} }} }}", 1 + VALUES_OF_A_RECIPE),
        ("{ recipes(first: 7) { edges { node { id } } } }", 1 + 1 + 7 * 2),
        ("{ recipes { edges { node { id } } } }", 1 + 1 + 20 * 2),
        ("{ recipes(first: null) { edges { node { id } } } }", 1 + 1 + 20 * 2),
        ("query($n: Int) { recipes(first: $n) { edges { cursor } } }", 1 + 1 + 1000),
        ("{ recipes(first: 99999999999) { edges { cursor } } }", MOST),
        (
            "{ recipes(first: 2) { ...f pageInfo { endCursor } } } fragment f on RecipeConnection { edges { cursor } }",
            6,
        ),
        ("{ recipesByIds(ids: [1, 2, 3]) { id name } }", 1 + 3 * 2),
        ("query($i: [ID!]!) { recipesByIds(ids: $i) { id name } }", 1 + 100 * 2),
        ("{ nothing { at { all } } }", 3),
    ],
)
def test_lists_count_as_their_maximum_length(text: str, values: int) -> None:
    extent = surveyed(text).extent
    assert (extent.values, extent.values_per_element) == (values, 0)


@pytest.mark.parametrize("levels", [20, 30, 45, 90])
def test_each_fragment_is_visited_once(levels: int) -> None:
    found = surveyed(doubling(levels))
    assert found.visited <= 4 * levels + 10
    assert found.extent.fields == min(MOST, 2**levels)
    assert exceeded(found, DocumentLimits()) is not None


@pytest.mark.no_cover
@given(st.integers(2, 60), st.integers(1, 5))
def test_the_nodes_visited_are_linear_in_the_document(levels: int, spreads: int) -> None:
    chain = "".join(f" fragment f{n} on Query {{ {f'...f{n + 1} ' * spreads}}}" for n in range(levels))
    text = f"{{ ...f0 }}{chain} fragment f{levels} on Query {{ a: pid @x(y: [1, {{z: 2}}]) }}"
    assert surveyed(text).visited <= len(text.split())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ " + "a { " * 50 + "b" + " }" * 51, "fields are nested 51 deep; the limit is 20"),
        (
            "{ ...f0 }" + "".join(f" fragment f{n} on Query {{ a {{ ...f{n + 1} }} }}" for n in range(25)),
            "fields are nested 25 deep",
        ),
        ("{ " + " ".join(f"a{n}: pid" for n in range(101)) + " }", "101 aliases are used"),
        ("{ pid" + " @skip(if: false)" * 60 + " }", "60 directives are used"),
        ("query A" + " @a" * 21 + " { pid }", "21 directives are used"),
        ("query A($x: Int" + " @a" * 21 + ") { pid }", "21 directives are used"),
        ("{ pid } fragment f on Query" + " @a" * 21 + " { pid }", "21 directives are used"),
        ("{ " + "pid " * 400 + "}", "400 fields are selected"),
        ("{ pid } fragment unused on Query { " + "pid " * 301 + "}", "301 fields are selected"),
        (" ".join(f"query q{n} {{ pid }}" for n in range(100)), "the document has 100 operations; the limit is 10"),
        ('{ recipe(id: "' + "1" * 1_000_000 + '") { id } }', "a string in the document has 1000000 characters"),
        ('query($x: [[String]] = [["' + "1" * 20_001 + '"]]) { pid }', "a string in the document has 20001 characters"),
        (
            f"{{ a: recipes(first: 1000) {{ edges {{ node {{ {WHOLE} }} }} }} b: recipes(first: 1000) "
            f"{{ edges {{ node {{ {WHOLE} }} }} }} }}",
            "the document requests up to 130004 values; the limit is 100000",
        ),
    ],
)
def test_documents_over_a_limit_are_refused(text: str, reason: str) -> None:
    refused = exceeded(surveyed(text), DocumentLimits())
    assert refused is not None
    assert refused.message.startswith(reason)


@pytest.mark.parametrize(
    "text",
    [
        "{ pid }",
        get_introspection_query(
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        ),
        f"query($n: Int!) {{ recipes(first: $n) {{ edges {{ node {{ {WHOLE} }} }} pageInfo {{ hasNextPage }} }} }}",
        f"query($ids: [ID!]!) {{ recipesByIds(ids: $ids) {{ {WHOLE} }} }}",
        "{ " + " ".join(f"a{n}: recipe(id: {n}) {{ id name }}" for n in range(100)) + " }",
    ],
)
async def test_common_queries_are_within_every_limit(text: str) -> None:
    assert exceeded(surveyed(text), DocumentLimits()) is None
    result = await RecipeSchema().execute(text, {"n": 1000, "ids": ["42"]}, context_value=small_book())
    assert all(error.path for error in result.errors or ()), "it was executed"


@pytest.mark.parametrize(
    "text",
    [
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a pid }",
        "{ ...nowhere }",
        "{ ... on Nothing { a } }",
        "type Query { pid: Int }",
        "subscription { pid }",
    ],
)
async def test_invalid_documents_can_be_counted(text: str) -> None:
    assert exceeded(surveyed(text), DocumentLimits()) is None


@pytest.mark.parametrize(
    "text",
    [
        "{ ...f0 }" + "".join(f" fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(300)),
        "".join(f" fragment f{n} on Query {{ ...f{n + 1} }}" for n in reversed(range(300))) + " { ...f0 }",
        "{ " + "... { " * 150 + "pid" + " }" * 151,
    ],
    ids=["chain", "chain from its end", "inline"],
)
async def test_nesting_without_fields_is_limited(text: str) -> None:
    result = await RecipeSchema().execute(text, context_value=small_book())
    assert result.errors is not None
    assert "nested more than 100 deep" in result.errors[0].message


async def test_documents_over_a_limit_are_not_validated_or_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("producers.graphql_documents.validate", never)
    schema = RecipeSchema(ProducerSettings())
    for text in (doubling(45), "{ " + "pid " * 400 + "}"):
        result = await schema.execute(text, context_value=small_book())
        assert result.errors is not None
        assert [(error.extensions or {})["code"] for error in result.errors] == ["TOO_COMPLEX"]
    assert len(schema.documents) == 0
