"""The book of recipes: the interface, which a database could implement, and the implementation in memory."""

import base64
import binascii
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import ClassVar

from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage, is_text

DEFAULT_PAGE_SIZE = 20
MAXIMUM_PAGE_SIZE = 1000
MAXIMUM_BATCH_SIZE = 100
"""The most recipes of a batch. Their ids fit into a request line several times over."""
MAXIMUM_CREATED = 10_000
"""The most created recipes and idempotency keys to keep; the oldest are dropped first."""
MAXIMUM_ID = 2**31 - 1
"""Ids are 32-bit signed integers in recipe.proto, and so in every protocol."""
MAXIMUM_KEY_LENGTH = 255


class RecipeBook(ABC):
    """A store of recipes. Asynchronous, so that a remote database can implement it."""

    waits: ClassVar[bool] = True
    """Whether methods may wait, and so need an event loop. Those of a book that never waits can run in any thread, one
    at a time."""

    @abstractmethod
    async def get(self, recipe_id: int) -> Recipe:
        """The recipe with this id. Raises RecipeNotFound."""

    @abstractmethod
    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """The recipes with these ids, in the order of the ids, in one access. A repeated id gives a repeated recipe.

        All or none: raises RecipeNotFound for the first unknown id, and InvalidRecipe for a number of ids outside
        1..MAXIMUM_BATCH_SIZE.
        """

    @abstractmethod
    async def page(self, size: int = DEFAULT_PAGE_SIZE, after: str = "") -> RecipePage:
        """Up to `size` recipes in ascending order of id, after the page token `after` (empty: from the start).

        Raises InvalidRecipe for a size outside 1..MAXIMUM_PAGE_SIZE and for an invalid token.
        """

    @abstractmethod
    async def add(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Create a recipe and return it with its id. Repeating a key with the same draft returns the same recipe.

        Raises InvalidRecipe, IdempotencyConflict (same key, different draft) and BookIsReadOnly.
        """


class InMemoryRecipeBook(RecipeBook):
    """A book in memory. The number of created recipes is limited, and they end with the process."""

    waits = False

    def __init__(self, recipes: Iterable[Recipe], *, read_only_because: str = "") -> None:
        """`read_only_because`: the reason for which `add` is refused, if it is. Raises InvalidRecipe for duplicate
        ids."""
        self._recipes: dict[int, Recipe] = {}
        for recipe in recipes:
            if recipe.id in self._recipes:
                raise InvalidRecipe(f"two recipes have the id {recipe.id}", "id")
            self._recipes[recipe.id] = recipe
        self._read_only_because = read_only_because
        self._ids = sorted(self._recipes)
        self._next_id = self._ids[-1] + 1 if self._ids else 1
        self._created: OrderedDict[int, Recipe] = OrderedDict()
        self._keys: OrderedDict[str, tuple[RecipeDraft, Recipe]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._recipes) + len(self._created)

    async def get(self, recipe_id: int) -> Recipe:
        return self._found(recipe_id)

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        if not 1 <= len(recipe_ids) <= MAXIMUM_BATCH_SIZE:
            raise InvalidRecipe(f"a batch must have 1 to {MAXIMUM_BATCH_SIZE} ids, not {len(recipe_ids)}", "ids")
        return tuple([self._found(recipe_id) for recipe_id in recipe_ids])

    async def page(self, size: int = DEFAULT_PAGE_SIZE, after: str = "") -> RecipePage:
        if not 1 <= size <= MAXIMUM_PAGE_SIZE:
            raise InvalidRecipe(f"a page size must be 1 to {MAXIMUM_PAGE_SIZE}, not {size}", "page_size")
        start = bisect_right(self._ids, id_after(after)) if after else 0
        ids = self._ids[start : start + size]
        token = page_token(ids[-1]) if start + size < len(self._ids) else ""
        return RecipePage(tuple([self._recipes.get(i) or self._created[i] for i in ids]), token)

    async def add(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        if self._read_only_because:
            raise BookIsReadOnly(self._read_only_because)
        check_draft(draft)
        if len(idempotency_key) > MAXIMUM_KEY_LENGTH:
            raise InvalidRecipe(
                f"an idempotency key can have at most {MAXIMUM_KEY_LENGTH} characters, not {len(idempotency_key)}",
                "idempotency_key",
            )
        if idempotency_key and (earlier := self._keys.get(idempotency_key)):
            if earlier[0] != draft:
                raise IdempotencyConflict
            return earlier[1]
        if self._next_id > MAXIMUM_ID:
            raise BookIsReadOnly("all ids are in use")
        recipe = draft.with_id(self._next_id)
        self._next_id += 1
        self._keep(recipe)
        if idempotency_key:
            self._keys[idempotency_key] = (draft, recipe)
            if len(self._keys) > MAXIMUM_CREATED:
                self._keys.popitem(last=False)
        return recipe

    def _found(self, recipe_id: int) -> Recipe:
        recipe = self._recipes.get(recipe_id) or self._created.get(recipe_id)
        if recipe is None:
            raise RecipeNotFound(recipe_id)
        return recipe

    def _keep(self, recipe: Recipe) -> None:
        self._created[recipe.id] = recipe
        self._ids.append(recipe.id)
        if len(self._created) > MAXIMUM_CREATED:
            oldest, _ = self._created.popitem(last=False)
            # Created ids are ascending and larger than all loaded ones, so the oldest is the first after those.
            del self._ids[len(self._recipes)]
            assert oldest not in self._created


def check_draft(draft: RecipeDraft) -> None:
    """Raise InvalidRecipe if a recipe or an ingredient has no name, or a text is not valid Unicode."""
    if not draft.name.strip():
        raise InvalidRecipe("a recipe needs a name", "name")
    _check_text(draft.name, "name")
    _check_text(draft.steps, "steps")
    for index, ingredient in enumerate(draft.ingredients):
        if not ingredient.name.strip():
            raise InvalidRecipe("an ingredient needs a name", f"ingredients[{index}].name")
        _check_text(ingredient.name, f"ingredients[{index}].name")
        _check_text(ingredient.quantity, f"ingredients[{index}].quantity")


def _check_text(text: str, field: str) -> None:
    if not is_text(text):
        raise InvalidRecipe("text must be Unicode, without lone surrogates", field)


def page_token(last_id: int) -> str:
    """The token of the page after `last_id`. Opaque to callers, so that each store can have its own form."""
    return base64.urlsafe_b64encode(f"after:{last_id}".encode()).decode().rstrip("=")


def id_after(token: str) -> int:
    """The id after which the page of a token begins. Raises InvalidRecipe for an invalid token."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
        prefix, _, digits = text.partition(":")
        if prefix == "after" and digits.isdigit() and len(digits) <= 10 and page_token(int(digits)) == token:
            return int(digits)
    except (binascii.Error, ValueError):
        pass
    raise InvalidRecipe("the page token is invalid", "page_token")
