"""The errors of the domain. Each producer translates them into errors of its protocol, and each consumer translates
those back, so that a caller sees the same error whatever the protocol.

    RecipeError
    ├── RecipeNotFound        no recipe has this id
    ├── InvalidRecipe         an invalid draft, id, field name or page request
    ├── IdempotencyConflict   the key was used before with another draft
    └── BookIsReadOnly        the book does not create recipes

SourceError is separate: it is raised when a program starts, before there is a book.
"""


class RecipeError(Exception):
    """A request that the domain refuses. The text is written for the caller and contains nothing internal."""


class RecipeNotFound(RecipeError):
    """No recipe has the requested id."""

    def __init__(self, recipe_id: object) -> None:
        super().__init__(f"no recipe has the id {recipe_id}")
        self.recipe_id = recipe_id


class InvalidRecipe(RecipeError):
    """A request is invalid. `field` is the dotted path of the invalid part, or empty."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class IdempotencyConflict(RecipeError):
    """An idempotency key was repeated with another draft."""

    def __init__(self) -> None:
        super().__init__("this idempotency key was used before with another recipe")


class BookIsReadOnly(RecipeError):
    """The book does not create recipes, for the reason given."""


class SourceError(Exception):
    """A source of recipes cannot be used. The text is one line: the source, and what to do."""
