"""Books for tests: recipes that are difficult to encode, and books that wait or fail."""

import asyncio
from random import Random

from recipes.book import InMemoryRecipeBook
from recipes.model import Ingredient, Recipe

CHICKEN = Recipe(
    42,
    "Chicken Tikka Masala",
    "Throw it in a pot...",
    (Ingredient(1, "Chicken", "1 lb"), Ingredient(2, "Sauce", "2 cups")),
)
UNICODE = Recipe(
    61,
    'Crème "brûlée" 🍮 مرحبا 中文',
    "1.\tWhip\r\n2.\u2028Burn \\ </script> \x7f e\u0301 \ufeff\U0010ffff",
    (Ingredient(1, "jalapeño 🌶️", "½ ℔"), Ingredient(2, "Ω", "")),
)
EMPTY = Recipe(62, "Nothing")
LARGE = Recipe(63, "Encyclopaedia", "".join(Random(63).choices("aeiou lmnrst\n", k=500_000)), CHICKEN.ingredients)
SPECIAL = {recipe.id: recipe for recipe in (CHICKEN, UNICODE, EMPTY, LARGE)}


def ordinary(recipe_id: int) -> Recipe:
    """A recipe of typical size."""
    random = Random(recipe_id)
    words = ["stir", "the", "onion", "until", "golden", "butter", "add", "salt", "simmer", "minutes", "pan"]
    lines = tuple(
        Ingredient(number, " ".join(random.choices(words, k=4)), f"{random.randint(1, 9)} cups")
        for number in range(1, 10)
    )
    return Recipe(recipe_id, f"Recipe {recipe_id}", " ".join(random.choices(words, k=100)), lines)


def small_book(*, read_only_because: str = "") -> InMemoryRecipeBook:
    """A book with the ids 1 to 63, including the special recipes."""
    return InMemoryRecipeBook(
        (SPECIAL.get(recipe_id) or ordinary(recipe_id) for recipe_id in range(1, 64)),
        read_only_because=read_only_because,
    )


class PatientBook(InMemoryRecipeBook):
    """Sets `asked` when a recipe is requested, and returns it once `released` is set."""

    waits = True

    def __init__(self) -> None:
        super().__init__([CHICKEN])
        self.asked = asyncio.Event()
        self.released = asyncio.Event()

    async def get(self, recipe_id: int) -> Recipe:
        self.asked.set()
        await self.released.wait()
        return await super().get(recipe_id)


class BrokenBook(InMemoryRecipeBook):
    """Fails with an exception whose text must not reach a client."""

    SECRET = "password=hunter2"

    async def get(self, recipe_id: int) -> Recipe:
        raise RuntimeError(self.SECRET)
