"""The interface of all consumers. Calls return domain values and raise domain errors, whatever the protocol."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

from consumers.access import Access
from consumers.errors import OperationUnsupported
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest
from consumers.target import Target
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.model import Recipe, RecipeDraft, RecipePage


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings(Access):
    """How to reach a producer. `headers` are those of the client's protocol."""

    target: Target
    """The producer: in requests, in the verification of its certificate, and in errors."""
    via: Target | None = None
    """Where to connect instead: what passes everything on to the producer. None: to the producer itself."""
    gzip: bool = False
    """Accept gzip responses. Otherwise identity is requested explicitly."""
    timeout_s: float = 30.0
    """The timeout of a call, including connecting."""
    dialect: str = ""
    """A dialect in consumers.registry; empty: the protocol's default."""
    known_certificate: str = ""
    """In PEM, what the server is known to present in a handshake that meets `tls_min`. Empty: not known;
    then consumers whose library has neither `insecure` nor `tls_min` make that handshake when they are opened."""
    connections: int | None = None
    """The maximum number of connections; None: the library's default."""
    keep_alive_s: float | None = None
    """How long an idle connection is kept; None: the consumer's own time."""

    @property
    def connects_to(self) -> Target:
        """The address of connections."""
        return self.via or self.target

    @classmethod
    def with_access(cls, access: Access, **settings: Any) -> Self:
        """With what a server demands, and other settings."""
        return cls(**{each.name: getattr(access, each.name) for each in fields(Access)}, **settings)


class RecipeClient(ABC):
    """A consumer over persistent connections. Use as `async with`.

    Every call raises the errors of `recipes.errors` that the producer reports, and those of `consumers.errors`.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings

    @abstractmethod
    async def open(self) -> None:
        """Prepare for calls. Connections may be opened later, by the first calls. Raises ConsumerError."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection. May be called twice."""

    @abstractmethod
    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe. With `fields` (of recipes.model.FIELDS) only these are requested, and the others are empty.

        Raises RecipeNotFound.
        """

    @abstractmethod
    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Whole recipes in the order of the ids, in one request. A repeated id gives a repeated recipe.

        Raises RecipeNotFound for the first unknown id, InvalidRecipe for a number of ids outside 1..MAXIMUM_BATCH_SIZE,
        and OperationUnsupported if the producer does not support it.
        """

    @abstractmethod
    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes. Raises InvalidRecipe for a size or a token that the producer refuses."""

    @abstractmethod
    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Create a recipe. Raises InvalidRecipe, IdempotencyConflict, BookIsReadOnly."""

    @abstractmethod
    async def pid(self) -> int:
        """The process id of the producer (of one of its workers)."""

    @abstractmethod
    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """The producer's response about one recipe as JSON, for the consumer web API."""

    async def own_calls(self, requests: Sequence[OwnRequest]) -> Sequence[OwnCall]:
        """Calls for the user's own requests, which are of the protocol's kind and differ in their values only.

        Raises BadOwnRequest, and OperationUnsupported where such requests cannot be sent.
        """
        raise OperationUnsupported("requests of your own cannot be sent in this dialect")

    async def ask(self, call: OwnCall) -> OwnAnswer:
        """Send a call of `own_calls`, of this client or of another one to the same producer."""
        raise OperationUnsupported("requests of your own cannot be sent in this dialect")

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
