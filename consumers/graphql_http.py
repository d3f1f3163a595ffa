"""The GraphQL consumer: protos/recipe.graphql on aiohttp, decoded directly into the domain's values.

GraphQL writes an ID as a string, but ids of the domain are numbers. The decoders convert them, because they are not
strict.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, NoReturn, TypeVar, cast

import msgspec

from consumers import causes
from consumers.aiohttp_session import HttpResponse, HttpSession, SessionFactory
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import one_line, unknown_id
from consumers.json_messages import Selection
from consumers.own_graphql import GraphqlCall, GraphqlRequest
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import FIELDS, Recipe, RecipeDraft, RecipePage

Data = TypeVar("Data")

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
ACCEPT = f"{GRAPHQL_JSON}, {JSON};q=0.9"

SELECTIONS = {
    "id": "id",
    "name": "name",
    "steps": "steps",
    "ingredients": "ingredients { id name quantity }",
}
"""The selection of each field of a recipe with all its subfields."""

WHOLE = " ".join(SELECTIONS[name] for name in FIELDS)
GET = f"query Get($id: ID!) {{ recipe(id: $id) {{ {WHOLE} }} }}"
LIST = (
    "query List($first: Int!, $after: String) { recipes(first: $first, after: $after) "
    f"{{ edges {{ node {{ {WHOLE} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)
GET_MANY = f"query GetMany($ids: [ID!]!) {{ recipesByIds(ids: $ids) {{ {WHOLE} }} }}"
CREATE = (
    "mutation Create($input: RecipeInput!, $idempotencyKey: String) "
    f"{{ createRecipe(input: $input, idempotencyKey: $idempotencyKey) {{ {WHOLE} }} }}"
)
PID = "{ pid }"
SHOW = "query Show($id: ID!) { recipe(id: $id) { id name ingredients { name quantity } } pid }"


class RecipeData(msgspec.Struct):
    """`data` of GET. The recipe is null if there is an error."""

    recipe: Recipe | None


class SelectionData(msgspec.Struct):
    """`data` of a query for some fields."""

    recipe: Selection | None


class ManyData(msgspec.Struct, rename="camel"):
    """`data` of GET_MANY. The recipes are null if there is an error."""

    recipes_by_ids: tuple[Recipe, ...] | None


class Edge(msgspec.Struct):
    """A recipe in a connection."""

    node: Recipe


class PageInfo(msgspec.Struct, rename="camel"):
    """Whether there is a next page, and its cursor."""

    has_next_page: bool
    end_cursor: str | None = None


class Connection(msgspec.Struct, rename="camel"):
    """A page."""

    edges: tuple[Edge, ...]
    page_info: PageInfo


class ListData(msgspec.Struct):
    """`data` of LIST."""

    recipes: Connection


class CreateData(msgspec.Struct, rename="camel"):
    """`data` of CREATE."""

    create_recipe: Recipe


class PidData(msgspec.Struct):
    """`data` of PID."""

    pid: int


class Extensions(msgspec.Struct, rename="camel"):
    """The machine-readable part of an error."""

    code: str = ""
    field: str = ""
    recipe_id: str = ""


class Error(msgspec.Struct):
    """An error in a response."""

    message: str
    extensions: Extensions | None = None


class Answer(msgspec.Struct, Generic[Data]):
    """A GraphQL response."""

    data: Data | None = None
    errors: tuple[Error, ...] | None = None


_recipe_decoder = msgspec.json.Decoder(Answer[RecipeData], strict=False)
_selection_decoder = msgspec.json.Decoder(Answer[SelectionData], strict=False)
_many_decoder = msgspec.json.Decoder(Answer[ManyData], strict=False)
_list_decoder = msgspec.json.Decoder(Answer[ListData], strict=False)
_create_decoder = msgspec.json.Decoder(Answer[CreateData], strict=False)
_pid_decoder = msgspec.json.Decoder(Answer[PidData], strict=False)
_raw_decoder = msgspec.json.Decoder(Answer[dict[str, object]])
_own_decoder = msgspec.json.Decoder(Answer[Any])

UNKNOWN_TO_SCHEMA = (
    "Cannot query field",
    "Unknown type",
    "Unknown argument",
    "Schema is not configured",
    "The mutation operation is not supported",
)
"""Prefixes of validation errors, for producers whose errors have no code."""


class GraphqlHttpClient(RecipeClient):
    """Consumes recipe.graphql."""

    def __init__(self, settings: ClientSettings, session: SessionFactory = HttpSession) -> None:
        """`session` creates the HTTP session."""
        super().__init__(settings)
        self._http = session(settings, ACCEPT)
        self._url = self._http.base if settings.target.path else self._http.base / "graphql"

    async def open(self) -> None:
        """Prepare for calls; the first one connects. Raises ProducerUnreachable if certificates cannot be read."""
        self._http.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe, with all fields or those in the selection set."""
        variables = {"id": str(recipe_id)}
        if fields is None:
            whole = (await self._ask(GET, variables, _recipe_decoder, (recipe_id,))).recipe
            if whole is None:
                raise RecipeNotFound(recipe_id)
            return whole
        document = selecting(frozenset(fields))
        selection = (await self._ask(document, variables, _selection_decoder, (recipe_id,))).recipe
        if selection is None:
            raise RecipeNotFound(recipe_id)
        missing, _ = selection.compared_with(fields)
        if missing:
            raise self._http.unexpected(f"the response lacks {', '.join(missing)}")
        return selection.recipe()

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Whole recipes, with the ids in a variable."""
        variables = {"ids": [str(recipe_id) for recipe_id in recipe_ids]}
        recipes = (await self._ask(GET_MANY, variables, _many_decoder, recipe_ids)).recipes_by_ids
        if recipes is None:
            raise self._http.unexpected("recipesByIds is null without an error")
        return recipes

    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes."""
        variables = {"first": page_size, "after": page_token or None}
        page = (await self._ask(LIST, variables, _list_decoder)).recipes
        token = page.page_info.end_cursor if page.page_info.has_next_page else ""
        if token is None:
            raise self._http.unexpected("there is a next page, but no endCursor")
        return RecipePage(tuple([edge.node for edge in page.edges]), token)

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Create a recipe."""
        variables = {"input": draft, "idempotencyKey": idempotency_key or None}
        return (await self._ask(CREATE, variables, _create_decoder)).create_recipe

    async def pid(self) -> int:
        """The process id of the producer."""
        return (await self._ask(PID, {}, _pid_decoder)).pid

    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """The whole response to a query for one recipe and the producer's process id."""
        data = await self._ask(SHOW, {"id": str(recipe_id)}, _raw_decoder, (recipe_id,))
        if data.get("recipe") is None:
            raise RecipeNotFound(recipe_id)
        return {"data": data}

    async def own_calls(self, requests: Sequence[OwnRequest]) -> Sequence[OwnCall]:
        """Calls for GraphqlRequests."""
        return [GraphqlCall(request) for request in cast(Sequence[GraphqlRequest], requests)]

    async def ask(self, call: OwnCall) -> OwnAnswer:
        """Send a GraphqlCall. An answer with errors is not a successful one, whatever its status."""
        answer = await self._posted(cast(GraphqlCall, call).sent)
        decoded = self._decoded(answer, _own_decoder)
        if decoded.errors:
            raise self._http.unexpected(f"{call.title}: {decoded.errors[0].message}")
        return OwnAnswer(len(answer.body), decoded.data)

    async def _ask(
        self,
        document: str,
        variables: Mapping[str, object],
        decoder: "msgspec.json.Decoder[Answer[Data]]",
        recipe_ids: Sequence[int] = (),
    ) -> Data:
        """`data` of the response to one operation. Raises the error that its `errors` stand for."""
        decoded = await self._responded(document, variables, decoder)
        if decoded.errors:
            self._refuse(decoded.errors[0], recipe_ids)
        assert decoded.data is not None, "a response without errors has data"
        return decoded.data

    async def _responded(
        self, document: str, variables: Mapping[str, object], decoder: "msgspec.json.Decoder[Answer[Data]]"
    ) -> Answer[Data]:
        """The response to one operation, which may hold errors."""
        return await self._answered({"query": document, "variables": variables}, decoder)

    async def _answered(self, sent: object, decoder: "msgspec.json.Decoder[Answer[Data]]") -> Answer[Data]:
        return self._decoded(await self._posted(sent), decoder)

    async def _posted(self, sent: object) -> HttpResponse:
        try:
            body = _encode(sent)
        except UnicodeEncodeError:
            raise InvalidRecipe("text must be Unicode, without lone surrogates") from None
        return await self._http.request("POST", self._url, body, _HEADERS)

    def _decoded(self, answer: HttpResponse, decoder: "msgspec.json.Decoder[Answer[Data]]") -> Answer[Data]:
        if answer.media_type not in (JSON, GRAPHQL_JSON):
            if answer.status != 200:
                raise self._http.unexpected(causes.of_status(answer.status))
            raise self._http.unexpected(f"the response is {answer.media_type}, which is not a GraphQL response")
        decoded = self._http.decode(answer.body, decoder)
        if not decoded.errors and answer.status != 200:
            raise self._http.unexpected(causes.of_status(answer.status))
        if not decoded.errors and decoded.data is None:
            raise self._http.unexpected("the response has neither errors nor data")
        return decoded

    def _refuse(self, error: Error, recipe_ids: Sequence[int]) -> NoReturn:
        """Raise the exception for an error of the response."""
        extensions = error.extensions or Extensions()
        text = one_line(error.message)
        match extensions.code:
            case "NOT_FOUND" if recipe_ids:
                raise RecipeNotFound(unknown_id(extensions.recipe_id, recipe_ids))
            case "BAD_USER_INPUT":
                raise InvalidRecipe(text, extensions.field)
            case "IDEMPOTENCY_CONFLICT":
                raise IdempotencyConflict
            case "READ_ONLY":
                raise BookIsReadOnly(text)
            case "GRAPHQL_VALIDATION_FAILED" | "PERSISTED_QUERY_NOT_SUPPORTED":
                raise self._http.unsupported(text)
            case code if not code and text.startswith(UNKNOWN_TO_SCHEMA):
                raise self._http.unsupported(text)
            case code:
                raise self._http.unexpected(code, text)


_HEADERS = {"Content-Type": JSON}
_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=16)
def selecting(fields: frozenset[str]) -> str:
    """The document that selects these fields of one recipe. Raises InvalidRecipe for no field or an unknown one."""
    for name in fields:
        if name not in SELECTIONS:
            raise InvalidRecipe(f"a recipe has no field {name!r}; its fields are {', '.join(FIELDS)}", "fields")
    if not fields:
        raise InvalidRecipe("no field is selected; select at least one", "fields")
    chosen = " ".join(SELECTIONS[name] for name in FIELDS if name in fields)
    return f"query Select($id: ID!) {{ recipe(id: $id) {{ {chosen} }} }}"
