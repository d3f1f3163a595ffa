"""Workloads send the stated requests, and detect wrong responses."""

from typing import Any

import pytest

from bench.workloads import (
    PAGES_AT_MOST,
    QUESTIONS_AT_MOST,
    WORKLOADS,
    BatchQuestion,
    CreateQuestion,
    FieldsQuestion,
    GetQuestion,
    ListQuestion,
    WrongAnswer,
    draft_of,
)
from recipes.errors import RecipeNotFound
from recipes.model import Ingredient, Recipe, RecipePage
from tests.support.fake_client import FakeClient

BOOK = tuple(Recipe(i, f"recipe {i}") for i in range(1, 101))
IDS = [5, 42, 7]


async def questions(workload: str, page_size: int = 0, known: bool = True, **given: Any) -> list[Any]:
    settings: dict[str, Any] = {"recipes": BOOK, "ids": IDS, **given}
    client = FakeClient()
    return list(await WORKLOADS[workload].questions(client, page_size, settings["recipes"], settings["ids"], known))


BATCHES = ("batch", "batch-one-by-one", "batch-at-once")
ALL = [("get", 0), ("fields", 0), ("list", 20), ("create", 0), *((name, 2) for name in BATCHES)]


@pytest.mark.parametrize(("workload", "page_size"), ALL)
@pytest.mark.parametrize("known", [True, False])
async def test_correct_responses_are_verified(workload: str, page_size: int, known: bool) -> None:
    asked = await questions(workload, page_size, known)
    assert 0 < len(asked) <= QUESTIONS_AT_MOST
    client = FakeClient()
    for question in asked:
        answer = await question.send(client)
        assert question.plausible(answer)
        question.verify(answer)


async def test_single_recipes_are_requested_in_the_given_order() -> None:
    assert [question.recipe_id for question in await questions("get")] == IDS


async def test_pages_follow_the_page_tokens() -> None:
    asked = await questions("list", 20)
    assert [question.page_token for question in asked] == ["", "20", "40", "60", "80"]
    assert [len(question.expected) for question in asked] == [20] * 5
    assert len(await questions("list", 5)) == PAGES_AT_MOST


async def test_a_partial_page_is_requested_only_without_a_full_one() -> None:
    assert [question.count for question in await questions("list", 30)] == [30, 30, 30]
    assert [question.count for question in await questions("list", 200)] == [100]


async def test_another_number_of_recipes_is_a_wrong_response() -> None:
    with pytest.raises(WrongAnswer, match="20 recipes came"):
        await questions("list", 20, recipes=BOOK[:10])


def test_whole_responses_are_compared() -> None:
    recipe = Recipe(1, "one", "steps", (Ingredient(1, "salt", "1 g"),))
    other = Recipe(1, "one", "steps", (Ingredient(1, "salt", "2 g"),))
    question = GetQuestion(1, recipe)
    question.verify(recipe)
    assert question.plausible(other)
    with pytest.raises(WrongAnswer, match="recipe 1"):
        question.verify(other)
    with pytest.raises(WrongAnswer, match="id 2"):
        GetQuestion(1, None).verify(Recipe(2, "two"))


def test_a_selection_with_extra_fields_is_a_wrong_response() -> None:
    recipe = Recipe(1, "one", "steps", (Ingredient(1, "salt"),))
    named = recipe.keeping(("name",))
    FieldsQuestion(1, named).verify(named)
    for question in (FieldsQuestion(1, named), FieldsQuestion(1, None)):
        assert not question.plausible(recipe)
        with pytest.raises(WrongAnswer):
            question.verify(recipe)
    with pytest.raises(WrongAnswer, match="has none"):
        FieldsQuestion(1, None).verify(Recipe(0, ""))


def test_pages_are_compared() -> None:
    question = ListQuestion(2, "", 2, 2, BOOK[:2])
    question.verify(RecipePage(BOOK[:2]))
    with pytest.raises(WrongAnswer, match="3 recipes came"):
        question.verify(RecipePage(BOOK[:3]))
    with pytest.raises(WrongAnswer, match="differs"):
        question.verify(RecipePage((Recipe(1, "forged"), BOOK[1])))
    assert not question.plausible(RecipePage(()))


@pytest.mark.parametrize(
    ("question", "first", "other"),
    [
        (GetQuestion(1, None), Recipe(1, "one"), Recipe(1, "won")),
        (FieldsQuestion(1, None), Recipe(0, "one"), Recipe(0, "won")),
        (ListQuestion(2, "", 2, 2, None), RecipePage(BOOK[:2]), RecipePage((Recipe(1, "won"), BOOK[1]))),
        (BatchQuestion((1,), None), (Recipe(1, "one"),), (Recipe(1, "won"),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unknown_responses_have_to_be_the_same_from_call_to_call(question: Any, first: Any, other: Any) -> None:
    question.verify(first)
    question.verify(first)
    with pytest.raises(WrongAnswer, match="not the same from call to call"):
        question.verify(other)
    question.verify(first)


def test_a_created_recipe_is_the_draft_with_an_id() -> None:
    recipe = Recipe(9, "nine", "", (Ingredient(1, "salt", "1 g"),))
    question = CreateQuestion(draft_of(recipe))
    question.verify(Recipe(1001, "nine", "", recipe.ingredients))
    with pytest.raises(WrongAnswer):
        question.verify(Recipe(1001, "nine"))
    assert not question.plausible(Recipe(0, "nine"))


async def test_refusals_of_the_producer_are_raised() -> None:
    with pytest.raises(RecipeNotFound):
        await GetQuestion(1000, None).send(FakeClient())


@pytest.mark.parametrize("workload", BATCHES)
async def test_a_batch_has_the_requested_size_and_exactly_its_recipes(workload: str) -> None:
    asked = await questions(workload, 2, ids=list(range(1, 8)))
    assert [question.recipe_ids for question in asked] == [(1, 2), (3, 4), (5, 6)]
    (more_than_there_are,) = await questions(workload, 5)
    assert more_than_there_are.recipe_ids == (5, 42, 7, 5, 42)
    one, two, three = BOOK[0], BOOK[1], BOOK[2]
    question = asked[0]
    assert not question.plausible((one,))
    assert not question.plausible((two, one))
    for wrong in ((one, three), (two, one), (one, Recipe(2, "another name"))):
        with pytest.raises(WrongAnswer, match="2 recipes"):
            question.verify(wrong)


@pytest.mark.parametrize(("workload", "requests", "in_flight"), [("batch-one-by-one", 3, 1), ("batch-at-once", 3, 3)])
async def test_a_batch_in_several_requests(workload: str, requests: int, in_flight: int) -> None:
    (question,) = await questions(workload, 3)
    client = FakeClient()
    assert question.plausible(await question.send(client))
    assert (len(client.asked), client.in_flight_most) == (requests, in_flight)
    assert not question.single
