"""What can go wrong in the domain. Each producer translates these once into the errors of its protocol,
and each consumer translates those back, so that a caller sees the same error whatever the protocol.

    RecipeError
    ├── RecipeNotFound        no recipe has this id
    ├── InvalidRecipe         a draft, an id, a field name or a page request that cannot be accepted
    ├── IdempotencyConflict   the key was used before, with another draft
    └── BookIsReadOnly        this book takes no new recipes

SourceError stands apart: it is for whoever starts a program, before any book exists.
"""


class RecipeError(Exception):
    """Something the domain refuses. The text is written for the caller and safe to show."""


class RecipeNotFound(RecipeError):
    """No recipe has the id that was asked for."""

    def __init__(self, recipe_id: object) -> None:
        super().__init__(f"no recipe has the id {recipe_id}")
        self.recipe_id = recipe_id


class InvalidRecipe(RecipeError):
    """What was sent cannot be accepted; `field` names the part, as a dotted path, or is empty."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class IdempotencyConflict(RecipeError):
    """An idempotency key came again with another draft."""

    def __init__(self) -> None:
        super().__init__("this idempotency key was used before with another recipe")


class BookIsReadOnly(RecipeError):
    """The book takes no new recipes, for the reason given."""


class SourceError(Exception):
    """A source of recipes cannot be used. One line, complete by itself: what was asked for, and what would do."""
