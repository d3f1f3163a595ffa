"""The workloads: what one request asks for, which response is correct, and how that is verified.

A workload makes questions. A question can send itself through any RecipeClient. It has a cheap check for each response,
and a full comparison with the value of the domain.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from time import monotonic
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct

from consumers.client import RecipeClient
from recipes.book import MAXIMUM_BATCH_SIZE, MAXIMUM_PAGE_SIZE
from recipes.model import IngredientDraft, Recipe, RecipeDraft, RecipePage

OWN = "own"
"""The workload of a request file, which is of no recipes (bench.own_workload)."""
QUESTIONS_AT_MOST = 256
"""Different questions of one workload at most: enough variety, and few enough to keep all expected responses."""
PAGES_WITHIN_S = 2.0
"""After this time no further pages are looked for, as each takes a request. One is found in any case."""
PAGES_AT_MOST = 12

Answer = TypeVar("Answer")


class Workload(Struct, frozen=True, kw_only=True, order=True):
    """What one request asks for. `page_size` is None where the workload has no pages."""

    name: str
    page_size: int | None = None

    @property
    def label(self) -> str:
        """The name, with the page size where there is one: `list20`."""
        return f"{self.name}{self.page_size}" if self.page_size else self.name

    @property
    def words(self) -> str:
        """For readers: `get: one recipe`, `list: a page of 20 recipes`."""
        if self.name == OWN:
            return "own: a request of the request file"
        kind = WORKLOADS.get(self.name)
        if kind is None:
            return self.name if self.page_size is None else f"{self.name}, pages of {self.page_size}"
        return f"{self.name}: {kind.describe(self.page_size)}"


class WrongAnswer(Exception):
    """A well-formed response with the wrong content. The text says what was requested and what differs."""

    def __init__(self, text: str, recipe_id: int | None = None) -> None:
        """`recipe_id`: the one recipe that was requested, if it was one."""
        super().__init__(text)
        self.recipe_id = recipe_id


class Question(ABC, Generic[Answer]):
    """What is requested at once, and the response that is expected."""

    single: ClassVar[bool] = True
    """Whether it is one request. Several cannot be prepared, and their bytes cannot be divided by request."""

    @abstractmethod
    async def send(self, client: RecipeClient) -> Answer:
        """Send it, and return what the consumer decoded. Raises what the client raises."""

    @abstractmethod
    def plausible(self, answer: Answer) -> bool:
        """A cheap check, for every response that is timed."""

    @abstractmethod
    def verify(self, answer: Answer) -> None:
        """Compare the whole response with the value of the domain. Raises WrongAnswer."""


def _as_before(question: str, before: Answer | None, answer: Answer) -> Answer:
    """The answer, which has to be the same as one before, if there was one. Raises WrongAnswer."""
    if before is not None and answer != before:
        raise WrongAnswer(f"{question}: the response is not the same from call to call")
    return answer


def _same(question: str, expected: object, answer: object, recipe_id: int | None = None) -> None:
    if answer != expected:
        raise WrongAnswer(f"{question}: the response differs from the recipes that were given", recipe_id)


@dataclass(slots=True)
class GetQuestion(Question[Recipe]):
    """One recipe, all its fields. `expected` None: any well-formed recipe with this id, always the same."""

    recipe_id: int
    expected: Recipe | None
    before: Recipe | None = None

    async def send(self, client: RecipeClient) -> Recipe:
        return await client.get(self.recipe_id)

    def plausible(self, answer: Recipe) -> bool:
        return answer.id == self.recipe_id

    def verify(self, answer: Recipe) -> None:
        if self.expected is not None:
            _same(f"recipe {self.recipe_id}", self.expected, answer, self.recipe_id)
        elif answer.id != self.recipe_id:
            raise WrongAnswer(f"recipe {self.recipe_id}: the response has the id {answer.id}", self.recipe_id)
        else:
            self.before = _as_before(f"recipe {self.recipe_id}", self.before, answer)


@dataclass(slots=True)
class FieldsQuestion(Question[Recipe]):
    """One recipe, name only. `expected` None: any response with a name and nothing else, always the same."""

    recipe_id: int
    expected: Recipe | None
    before: Recipe | None = None

    FIELDS: ClassVar[tuple[str, ...]] = ("name",)

    async def send(self, client: RecipeClient) -> Recipe:
        return await client.get(self.recipe_id, self.FIELDS)

    def plausible(self, answer: Recipe) -> bool:
        return bool(answer.name) and not answer.ingredients

    def verify(self, answer: Recipe) -> None:
        expected = answer.keeping(self.FIELDS) if self.expected is None else self.expected
        _same(f"the name of recipe {self.recipe_id}", expected, answer, self.recipe_id)
        if not answer.name:
            raise WrongAnswer(f"the name of recipe {self.recipe_id}: the response has none", self.recipe_id)
        if self.expected is None:
            self.before = _as_before(f"the name of recipe {self.recipe_id}", self.before, answer)


@dataclass(slots=True)
class ListQuestion(Question[RecipePage]):
    """One page of whole recipes. `expected` None: any page, as it was when it was first seen."""

    page_size: int
    page_token: str
    count: int
    last_id: int
    expected: tuple[Recipe, ...] | None
    before: tuple[Recipe, ...] | None = None

    async def send(self, client: RecipeClient) -> RecipePage:
        return await client.list(self.page_size, self.page_token)

    def plausible(self, answer: RecipePage) -> bool:
        return len(answer.recipes) == self.count and answer.recipes[-1].id == self.last_id

    def verify(self, answer: RecipePage) -> None:
        if not self.plausible(answer):
            raise WrongAnswer(f"a page of {self.page_size}: {len(answer.recipes)} recipes came, not {self.count}")
        if self.expected is not None:
            _same(f"a page of {self.page_size}", self.expected, answer.recipes)
        else:
            self.before = _as_before(f"a page of {self.page_size}", self.before, answer.recipes)


@dataclass(slots=True)
class CreateQuestion(Question[Recipe]):
    """A new recipe, which comes back with an id."""

    draft: RecipeDraft

    async def send(self, client: RecipeClient) -> Recipe:
        return await client.create(self.draft)

    def plausible(self, answer: Recipe) -> bool:
        return answer.id > 0 and answer.name == self.draft.name

    def verify(self, answer: Recipe) -> None:
        _same("a created recipe", self.draft.with_id(answer.id), answer)


@dataclass(slots=True)
class BatchQuestion(Question[tuple[Recipe, ...]]):
    """Several recipes, all their fields, in one request. `expected` None: recipes with these ids, always the same."""

    recipe_ids: tuple[int, ...]
    expected: tuple[Recipe, ...] | None
    before: tuple[Recipe, ...] | None = None

    async def send(self, client: RecipeClient) -> tuple[Recipe, ...]:
        return await client.get_many(self.recipe_ids)

    def plausible(self, answer: tuple[Recipe, ...]) -> bool:
        ids = self.recipe_ids
        return len(answer) == len(ids) and (answer[0].id, answer[-1].id) == (ids[0], ids[-1])

    def verify(self, answer: tuple[Recipe, ...]) -> None:
        what = f"{len(self.recipe_ids)} recipes"
        if tuple(recipe.id for recipe in answer) != self.recipe_ids:
            raise WrongAnswer(f"{what}: other ones came, or in another order")
        if self.expected is not None:
            _same(what, self.expected, answer)
        else:
            self.before = _as_before(what, self.before, answer)


@dataclass(slots=True)
class OneByOneQuestion(BatchQuestion):
    """The same recipes, each in a request of its own, one after the other."""

    single: ClassVar[bool] = False

    async def send(self, client: RecipeClient) -> tuple[Recipe, ...]:
        return tuple([await client.get(recipe_id) for recipe_id in self.recipe_ids])


@dataclass(slots=True)
class AtOnceQuestion(BatchQuestion):
    """The same recipes, each in a request of its own, all at once."""

    single: ClassVar[bool] = False

    async def send(self, client: RecipeClient) -> tuple[Recipe, ...]:
        return tuple(await asyncio.gather(*(client.get(recipe_id) for recipe_id in self.recipe_ids)))


class WorkloadKind(ABC):
    """Makes the questions of one kind of workload."""

    paged: ClassVar[bool] = False
    """Whether one request asks for several recipes, `--page-size` of them."""
    by_id: ClassVar[bool] = True
    """Whether requests name recipes by their ids."""
    page_size_at_most: ClassVar[int] = MAXIMUM_PAGE_SIZE

    def of_size(self, name: str, page_size: int, recipes: int | None) -> Workload:
        """The workload of this name and page size. `recipes`: how many there are; None where that is not known."""
        return Workload(name=name, page_size=page_size)

    @abstractmethod
    def describe(self, page_size: int | None) -> str:
        """What one request asks for, in words."""

    @abstractmethod
    async def questions(
        self, client: RecipeClient, page_size: int, recipes: Sequence[Recipe], ids: Sequence[int], known: bool
    ) -> Sequence[Question[object]]:
        """Questions about the recipes with these ids, at most QUESTIONS_AT_MOST, in a fixed order.

        `recipes` are the lab's own, by ascending id. With `known` responses must equal their values; without,
        responses only have to be well-formed. `client` is for what only the producer knows, such as page tokens.
        Raises what the client raises, and WrongAnswer.
        """


class Get(WorkloadKind):
    """One recipe, all its fields."""

    def describe(self, page_size: int | None) -> str:
        return "one recipe"

    async def questions(
        self, client: RecipeClient, page_size: int, recipes: Sequence[Recipe], ids: Sequence[int], known: bool
    ) -> Sequence[Question[object]]:
        by_id = {recipe.id: recipe for recipe in recipes} if known else {}
        return [GetQuestion(i, by_id.get(i)) for i in ids[:QUESTIONS_AT_MOST]]  # type: ignore[misc]


class Fields(WorkloadKind):
    """One recipe, name only."""

    def describe(self, page_size: int | None) -> str:
        return "the name of one recipe"

    async def questions(
        self, client: RecipeClient, page_size: int, recipes: Sequence[Recipe], ids: Sequence[int], known: bool
    ) -> Sequence[Question[object]]:
        by_id = {recipe.id: recipe.keeping(FieldsQuestion.FIELDS) for recipe in recipes} if known else {}
        return [FieldsQuestion(i, by_id.get(i)) for i in ids[:QUESTIONS_AT_MOST]]  # type: ignore[misc]


class List(WorkloadKind):
    """A page of recipes, from the start of the book on."""

    paged = True
    by_id = False

    def of_size(self, name: str, page_size: int, recipes: int | None) -> Workload:
        return Workload(name=name, page_size=page_size if recipes is None else min(page_size, recipes))

    def describe(self, page_size: int | None) -> str:
        return f"a page of {_recipes(page_size)}"

    async def questions(
        self, client: RecipeClient, page_size: int, recipes: Sequence[Recipe], ids: Sequence[int], known: bool
    ) -> Sequence[Question[object]]:
        found: list[ListQuestion] = []
        token = ""
        until_s = monotonic() + PAGES_WITHIN_S
        while len(found) < PAGES_AT_MOST and (not found or monotonic() < until_s):
            page = await client.list(page_size, token)
            start = len(found) * page_size
            expected = tuple(recipes[start : start + page_size]) if known else None
            full = len(page.recipes) == page_size
            if not page.recipes or (expected is not None and len(expected) != len(page.recipes)):
                raise WrongAnswer(f"a page of {page_size}: {len(page.recipes)} recipes came")
            # A page that is not full is less work, so it stands only where there is no other.
            if full or not found:
                found.append(ListQuestion(page_size, token, len(page.recipes), page.recipes[-1].id, expected))
            token = page.next_page_token
            if not token or not full:
                break
        return found  # type: ignore[return-value]


class Create(WorkloadKind):
    """A new recipe with the text of one that is there."""

    by_id = False

    def describe(self, page_size: int | None) -> str:
        return "a new recipe"

    async def questions(
        self, client: RecipeClient, page_size: int, recipes: Sequence[Recipe], ids: Sequence[int], known: bool
    ) -> Sequence[Question[object]]:
        return [CreateQuestion(draft_of(recipe)) for recipe in recipes[:QUESTIONS_AT_MOST]]  # type: ignore[misc]


class Batch(WorkloadKind):
    """Several recipes by their ids. `asked` says in how many requests."""

    paged = True
    page_size_at_most = MAXIMUM_BATCH_SIZE

    def __init__(self, asked: type[BatchQuestion], requests: str) -> None:
        """`requests`: in how many requests, in words."""
        self._asked = asked
        self._requests = requests

    def describe(self, page_size: int | None) -> str:
        return f"{_recipes(page_size)} by their ids, {self._requests}"

    async def questions(
        self, client: RecipeClient, page_size: int, recipes: Sequence[Recipe], ids: Sequence[int], known: bool
    ) -> Sequence[Question[object]]:
        by_id = {recipe.id: recipe for recipe in recipes} if known else {}
        # Where there are fewer recipes than a batch takes, they come again: every batch has the size asked for.
        count = min(PAGES_AT_MOST, max(1, len(ids) // page_size)) if ids else 0
        endless = cycle(ids)
        batches = [tuple(islice(endless, page_size)) for _ in range(count)]
        return [self._asked(each, tuple(by_id[i] for i in each) if known else None) for each in batches]  # type: ignore[misc]


def page_size_of(questions: Sequence[Question[Any]]) -> int | None:
    """How many recipes the fullest page has; None where no pages of the producer's are requested."""
    return max((each.count for each in questions if isinstance(each, ListQuestion)), default=None)


def draft_of(recipe: Recipe) -> RecipeDraft:
    """The draft that would become this recipe."""
    lines = tuple(IngredientDraft(line.name, line.quantity) for line in recipe.ingredients)
    return RecipeDraft(recipe.name, recipe.steps, lines)


WORKLOADS: dict[str, WorkloadKind] = {
    "get": Get(),
    "list": List(),
    "fields": Fields(),
    "create": Create(),
    "batch": Batch(BatchQuestion, "in one request"),
    "batch-one-by-one": Batch(OneByOneQuestion, "in as many requests, one after the other"),
    "batch-at-once": Batch(AtOnceQuestion, "in as many requests, all at once"),
}
"""Every kind of workload of recipes by name. One more is one more line."""


def _recipes(count: int | None) -> str:
    return "recipes" if count is None else "1 recipe" if count == 1 else f"{count} recipes"
