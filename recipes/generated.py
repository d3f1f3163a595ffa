"""Recipes generated from a seed, with the sizes and compressibility of real ones.

A recipe depends only on the seed and its id, so a longer book begins with the shorter one. The only source of
randomness is `random.random`, and only exact or correctly rounded arithmetic is applied to it. So a seed gives the same
recipes with every version of Python and on every machine.

Sizes follow a low-discrepancy sequence instead of a random one: any hundred consecutive recipes have nearly the
calibrated quantiles. Random sizes would miss the outer quantiles of 1,000 recipes by several percent.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from random import Random

from recipes import phrases
from recipes.model import Ingredient, Recipe

DEFAULT_COUNT = 1000
DEFAULT_SEED = 1
MAXIMUM_COUNT = 10_000_000
MAXIMUM_SEED = 2**31 - 1

KNOWN_RECIPE = Recipe(
    42,
    "Chicken Tikka Masala",
    "Throw it in a pot...",
    (Ingredient(1, "Chicken", "1 lb"), Ingredient(2, "Sauce", "2 cups")),
)
"""The recipe with id 42 in every implementation of this domain."""

# Distributions as pairs of (share of recipes below, bytes), with linear interpolation.
_NAME_BYTES = ((0.0, 9.0), (0.05, 20.0), (0.25, 26.0), (0.5, 32.5), (0.75, 44.0), (0.95, 64.0), (1.0, 85.0))
_LINE_BYTES = ((0.0, 4.0), (0.05, 9.0), (0.25, 15.0), (0.5, 26.0), (0.75, 36.0), (0.95, 59.5), (1.0, 90.0))
_STEPS_BYTES = (
    (0.0, 40.0),
    (0.05, 162.0),
    (0.25, 360.0),
    (0.5, 568.0),
    (0.75, 880.0),
    (0.95, 1490.0),
    (0.99, 2400.0),
    (1.0, 4000.0),
)
_INGREDIENTS_ABOVE = (
    0.0,
    0.005,
    0.015,
    0.03,
    0.08,
    0.16,
    0.25,
    0.345,
    0.44,
    0.56,
    0.65,
    0.735,
    0.80,
    0.855,
    0.89,
    0.92,
    0.9425,
    0.9585,
    0.97,
    0.98,
    0.9875,
    0.994,
)
"""The n-th element is the share of recipes with fewer than n ingredients."""
_BEYOND_ASCII = 0.29

# Each size follows the multiples of an irrational number, modulo 1. Multiples of quadratic irrationals with small
# partial quotients are distributed most evenly. None of these numbers is a rational combination of the others, so the
# sizes are independent.
_STRIDES = (0.41421356237309515, 0.6180339887498949, 0.7320508075688772, 0.30277563773199456)


def generate(count: int = DEFAULT_COUNT, seed: int = DEFAULT_SEED) -> Iterator[Recipe]:
    """The recipes 1 to `count` of a seed. KNOWN_RECIPE is among them if `count` is at least 42."""
    source = Random(seed)
    offsets = [source.random() for _ in _STRIDES]
    for recipe_id in range(1, count + 1):
        if recipe_id == KNOWN_RECIPE.id:
            yield KNOWN_RECIPE
            continue
        places = [(offset + recipe_id * step) % 1.0 for offset, step in zip(offsets, _STRIDES, strict=True)]
        source.seed((seed << 32) + recipe_id)
        yield _recipe(recipe_id, places, source.random)


def _recipe(recipe_id: int, places: Sequence[float], random: phrases.RandomNumber) -> Recipe:
    """One recipe. `places`: its quantiles, 0 to 1, for the name, the number of ingredients, the steps and spelling."""
    dish = phrases.dish(random)
    name = phrases.name(_at(_NAME_BYTES, places[0]), dish, random)
    foods: list[str] = []
    lines: list[tuple[str, str]] = []
    for _ in range(bisect_right(_INGREDIENTS_ABOVE, places[1])):
        food, quantity, line = phrases.ingredient(_at(_LINE_BYTES, random()), foods, random)
        foods.append(food)
        lines.append((line, quantity))
    # Recipes with many ingredients have long steps. Pairing the halves of both ranges keeps each evenly distributed.
    place = (places[2] + (places[1] >= 0.5)) / 2
    steps = phrases.steps(_at(_STEPS_BYTES, place), dish, foods, random)
    if places[3] < _BEYOND_ASCII:
        texts = [name, steps, *(text for line in lines for text in line)]
        name, steps, *texts = phrases.accented(texts)
        lines = list(zip(texts[::2], texts[1::2], strict=True))
    return Recipe(recipe_id, name, steps, tuple([Ingredient(n, *line) for n, line in enumerate(lines, start=1)]))


def _at(quantiles: Sequence[tuple[float, float]], place: float) -> int:
    """The size at a quantile of a distribution, in bytes."""
    above = bisect_right(quantiles, (place, 0.0), 1, len(quantiles) - 1)
    (low, size), (high, larger) = quantiles[above - 1], quantiles[above]
    return int(size + (larger - size) * (place - low) / (high - low) + 0.5)
