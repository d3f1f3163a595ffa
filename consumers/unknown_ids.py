"""Which of the ids asked for a producer has no recipe for."""

from collections.abc import Sequence


def unknown_id(named: str, asked: Sequence[int]) -> object:
    """The id that the producer `named` in its refusal, as it was asked for; all of them where it named none of them."""
    if len(asked) == 1:
        return asked[0]
    return next((recipe_id for recipe_id in asked if str(recipe_id) == named), " or ".join(map(str, asked)))
