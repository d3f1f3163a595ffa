"""The one interface of all consumers. What comes back is the domain's own values and errors, whatever the protocol."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from consumers.target import Target
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.model import Recipe, RecipeDraft, RecipePage


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How to reach a producer."""

    target: Target
    gzip: bool = False
    """Ask for gzip answers. Without it identity is asked for, explicitly."""
    ca: Path | None = None
    """PEM file of the authority to trust instead of the system's. Only of use with TLS."""
    client_certificate: Path | None = None
    client_key: Path | None = None
    timeout_s: float = 30.0
    """Longest wait for one call, connecting included."""
    dialect: str = ""
    """As in consumers.registry; empty: the protocol's own."""
    connections: int | None = None
    """The most connections to keep; None: what the library does unless told."""


class RecipeClient(ABC):
    """A consumer over persistent connections. Use as `async with`.

    Every call raises the errors of `recipes.errors` that the producer reports, and those of `consumers.errors`.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings

    @abstractmethod
    async def open(self) -> None:
        """Make ready to call. Connections may be opened later, by the first calls. Raises ConsumerError."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection. May be called twice."""

    @abstractmethod
    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe. With `fields` (of recipes.model.FIELDS) only these are asked for, and the others are empty.

        Raises RecipeNotFound.
        """

    @abstractmethod
    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Whole recipes in the order of their ids, in one request. An id that stands twice gives two.

        Raises RecipeNotFound for the first id that no recipe has, InvalidRecipe for a number of ids outside
        1..MAXIMUM_BATCH_SIZE, and OperationUnsupported where the producer does not offer it.
        """

    @abstractmethod
    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes. Raises InvalidRecipe for a size or a token that the producer refuses."""

    @abstractmethod
    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Keep a new recipe. Raises InvalidRecipe, IdempotencyConflict, BookIsReadOnly."""

    @abstractmethod
    async def pid(self) -> int:
        """The process id of the producer (of one of its workers)."""

    @abstractmethod
    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """What the consumer web API shows of the producer: its own answer about one recipe, as JSON."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
