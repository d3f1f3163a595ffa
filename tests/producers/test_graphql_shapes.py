"""Shapes give the same results as graphql-core, which executes every document here once with and once without them."""

from typing import Any

import pytest
import strawberry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.graphql_http import CREATE, GET, GET_MANY, LIST, PID
from producers import graphql_documents
from producers.graphql_compiled import CompiledSchema
from producers.graphql_schema import Mutation, Query
from recipes.book import InMemoryRecipeBook
from recipes.model import Ingredient, Recipe
from tests.support.books import CHICKEN, EMPTY, UNICODE

PLAIN = strawberry.Schema(Query, Mutation)


def usual_book() -> InMemoryRecipeBook:
    return InMemoryRecipeBook([CHICKEN, UNICODE, EMPTY])


class OddBook(InMemoryRecipeBook):
    """Its recipes have values that the contract does not allow."""

    def __init__(self) -> None:
        odd: Any = object()
        super().__init__(
            [
                Recipe(1, "a", None, (Ingredient(1, "b", None),)),  # type: ignore[arg-type]
                Recipe(2, None, "c", ()),  # type: ignore[arg-type]
                Recipe(3, "d", "e", None),  # type: ignore[arg-type]
                Recipe(4, "f", "g", (None, Ingredient(2, "h"))),  # type: ignore[arg-type]
                Recipe(5, "i", "j", (Ingredient(1, None),)),  # type: ignore[arg-type]
                Recipe(6, 7, True, [Ingredient(8, 1.5)]),  # type: ignore[arg-type]
                Recipe(9, odd, odd, (Ingredient(odd, "k"),)),
                Recipe(10, "l", "m", "text"),  # type: ignore[arg-type]
                Recipe(11, ValueError("n"), "o", (ValueError("p"),)),  # type: ignore[arg-type]
                Recipe(12, "q", "r", iter([Ingredient(1, "s")])),  # type: ignore[arg-type]
            ]
        )


def shown(result: Any) -> tuple[object, object]:
    """Data and errors, with fields in their order."""
    return repr(result.data), [error.formatted for error in result.errors or ()]


async def check(query: str, variables: dict[str, Any] | None = None, *, book: Any = usual_book) -> CompiledSchema:
    """Execute with and without shapes, each with a fresh book, and compare. Returns the schema with shapes."""
    schema = CompiledSchema()
    for _ in ("parsed", "from the cache"):
        with_shapes = await schema.execute(query, variables, context_value=book())
        without = await PLAIN.execute(query, variables, context_value=book())
        assert shown(with_shapes) == shown(without)
    return schema


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (GET, {"id": "42"}),
        (GET, {"id": "43000"}),
        (LIST, {"first": 3}),
        (GET_MANY, {"ids": ["42", "61", "42"]}),
        (CREATE, {"input": {"name": "Soup", "ingredients": [{"name": "Water"}]}}),
        (
            "{ recipe(id: 42) { __typename a: id b: id ... on Recipe { name } ...F } } fragment F on Recipe { steps }",
            None,
        ),
        ("{ recipe(id: 42) { ingredients { id } ingredients { name q: quantity } } }", None),
        ("{ recipes(first: 2) { edges { cursor node { name } } pageInfo { hasNextPage startCursor } } }", None),
        ("{ a: recipe(id: 42) { name } b: recipe(id: 61) { id } }", None),
    ],
)
async def test_a_usual_document_has_shapes(query: str, variables: dict[str, Any] | None) -> None:
    assert (await check(query, variables)).shapes


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (PID, None),
        ("{ __schema { types { name fields { name } } } }", None),
        ("query Q($s: Boolean!) { recipe(id: 42) { id name @skip(if: $s) } }", {"s": True}),
        ("query Q($s: Boolean!) { recipe(id: 42) { id ... @include(if: $s) { name } } }", {"s": False}),
    ],
)
async def test_a_document_with_variables_below_the_top_or_introspection_has_none(
    query: str, variables: dict[str, Any] | None
) -> None:
    assert not (await check(query, variables)).shapes


async def test_two_selections_of_one_top_level_field_are_merged() -> None:
    await check("{ recipe(id: 42) { id } recipe(id: 42) { name } }")


@pytest.mark.parametrize("number", range(1, 13))
@pytest.mark.filterwarnings("ignore")
async def test_values_outside_the_contract_have_the_same_errors(number: int) -> None:
    await check(GET, {"id": str(number)}, book=OddBook)
    await check(GET_MANY, {"ids": ["1", str(number)]}, book=OddBook)
    await check(f"{{ recipe(id: {number}) {{ name }} }}", book=OddBook)


async def test_an_evicted_document_takes_its_shapes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_documents, "MAXIMUM_DOCUMENTS", 2)
    schema = CompiledSchema()
    for number in range(1, 6):
        result = await schema.execute(f"{{ recipe(id: 42) {{ a{number}: id }} }}", context_value=usual_book())
        assert result.data == {"recipe": {f"a{number}": "42"}}
    assert (len(schema.documents), len(schema.shapes)) == (2, 2)


FIELDS: dict[str, dict[str, str]] = {
    "Recipe": {"id": "", "name": "", "steps": "", "ingredients": "Ingredient", "__typename": ""},
    "Ingredient": {"id": "", "name": "", "quantity": "", "__typename": ""},
    "RecipeConnection": {"edges": "RecipeEdge", "pageInfo": "PageInfo"},
    "RecipeEdge": {"cursor": "", "node": "Recipe", "__typename": ""},
    "PageInfo": {"hasNextPage": "", "hasPreviousPage": "", "startCursor": "", "endCursor": ""},
}


def selections(kind: str) -> st.SearchStrategy[str]:
    """Valid selection sets of a type, some of them in fragments, with fields that are selected repeatedly."""

    def field(name: str) -> st.SearchStrategy[str]:
        alias = st.sampled_from(["", "", f"other_{name}: "])
        inner = selections(FIELDS[kind][name]) if FIELDS[kind][name] else st.just("")
        return st.builds("{}{} {}".format, alias, st.just(name), inner)

    fields = st.lists(st.sampled_from(sorted(FIELDS[kind])).flatmap(field), min_size=1, max_size=4).map(" ".join)
    fragments = st.sampled_from(["{}", "... {{ {} }}", f"... on {kind} {{{{ {{}} }}}}"])
    return st.lists(st.builds(str.format, fragments, fields), min_size=1, max_size=2).map(
        lambda parts: f"{{ {' '.join(parts)} }}"
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(selections("Recipe"), min_size=1, max_size=2), selections("RecipeConnection"))
@pytest.mark.no_cover
async def test_any_selection_has_the_same_result(of_recipe: list[str], of_page: str) -> None:
    recipes = " ".join(f"recipe(id: 42) {selected}" for selected in of_recipe)
    schema = await check(f"{{ {recipes} recipes(first: 2) {of_page} }}")
    assert schema.shapes, "the document is valid"
