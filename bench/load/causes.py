"""Why requests failed, counted by text: a bounded number of texts of bounded length."""

from collections.abc import Iterable

from msgspec.structs import replace

from bench.results import Cause
from consumers.errors import ConsumerError, one_line
from recipes.errors import RecipeError, RecipeNotFound

CAUSES_AT_MOST = 12
"""Different texts that are counted apart; all others of a kind are counted together."""
OTHER_CAUSES = "other causes"
TEXT_AT_MOST = 160
"""Characters of a text."""
UNCUT_AT_MOST = 4096
"""The same in a load process, which replaces the values of headers in a text: half of one would not be found."""


class Causes:
    """Failed requests by kind and text."""

    def __init__(self, text_at_most: int = TEXT_AT_MOST) -> None:
        """`text_at_most`: characters of a text."""
        self._text_at_most = text_at_most
        self._found: dict[tuple[str, str], Cause] = {}

    def add(self, cause: Cause) -> None:
        """Count the requests of a cause."""
        text, detail = bounded(cause.text, self._text_at_most), bounded(cause.detail, self._text_at_most)
        if (cause.kind, text) not in self._found and len(self._found) >= CAUSES_AT_MOST:
            text = OTHER_CAUSES
        known = self._found.get((cause.kind, text))
        self._found[cause.kind, text] = (
            replace(cause, text=text, detail=detail)
            if known is None
            else replace(known, count=known.count + cause.count, detail=known.detail or detail)
        )

    def add_all(self, causes: Iterable[Cause]) -> None:
        """Count the requests of several causes."""
        for cause in causes:
            self.add(cause)

    def found(self) -> list[Cause]:
        """All of them, the most frequent first; what was counted together comes last."""
        return sorted(self._found.values(), key=lambda cause: (cause.text == OTHER_CAUSES, -cause.count))


def words_of(error: Exception) -> tuple[str, str]:
    """The cause in an error, the same from request to request, and what else it says."""
    match error:
        case ConsumerError():
            return error.cause, error.detail
        case RecipeNotFound():
            # Otherwise each id would be a cause of its own.
            return "no such recipe", str(error)
        case RecipeError():
            return str(error), ""
        case _:
            return str(error) or type(error).__name__, ""


def bounded(text: str, at_most: int = TEXT_AT_MOST) -> str:
    """The text on one line, without control characters, at most so many characters long."""
    line = one_line(text)
    return line if len(line) <= at_most else f"{line[: at_most - 1]}…"
