"""The HTTP consumer: protos/recipe.openapi.json on aiohttp, decoded directly into the domain's values."""

from collections.abc import Collection, Sequence
from typing import ClassVar, NoReturn, cast

import msgspec
from yarl import URL

from consumers import causes, own_http
from consumers.aiohttp_session import HttpResponse, HttpSession, SessionFactory
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import one_line, unknown_id
from consumers.json_messages import page_decoder, pid_decoder, recipe_decoder, selection_decoder
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
_ACCEPT_JSON = {"Accept": JSON}


class Refusal(msgspec.Struct):
    """The fields used of problem+json, and of the errors of other producers."""

    error: str = ""
    detail: str = ""
    field: str = ""
    recipe_id: str = ""


_object_decoder = msgspec.json.Decoder(dict[str, object])
_refusal_decoder = msgspec.json.Decoder(Refusal)


class JsonHttpClient(RecipeClient):
    """Consumes recipe.openapi.json."""

    media_type: ClassVar[str] = JSON
    """The media type of requested and sent recipes."""

    def __init__(self, settings: ClientSettings, session: SessionFactory = HttpSession) -> None:
        """`session` creates the HTTP session."""
        super().__init__(settings)
        self._http = session(settings, self.media_type)
        self._recipes = self._http.base / "recipes"
        self._pid = self._http.base / "pid"

    async def open(self) -> None:
        """Prepare for calls; the first one connects. Raises ProducerUnreachable if certificates cannot be read."""
        self._http.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe, with all fields or those in the parameter `fields`."""
        url = self._recipes / str(recipe_id)
        if fields is None:
            answer = await self._get(url, recipe_id)
            return self.recipe_in(answer.body)
        answer = await self._get(url.with_query(fields=",".join(fields)), recipe_id)
        return self.selection_in(answer.body, fields)

    def recipe_in(self, body: bytes) -> Recipe:
        """The recipe in a response. Raises UnexpectedResponse."""
        return self._http.decode(body, recipe_decoder).recipe

    def selection_in(self, body: bytes, fields: Collection[str]) -> Recipe:
        """The recipe in a response to a request for `fields` only. Raises ConsumerError."""
        selection = self._http.decode(body, selection_decoder).recipe
        missing, unasked = selection.compared_with(fields)
        if missing:
            raise self._http.unexpected(f"the response lacks {', '.join(missing)}")
        if unasked:
            raise self._http.unsupported("the producer sends fields that were not selected")
        return selection.recipe()

    def page_in(self, body: bytes) -> RecipePage:
        """The page in a response. Raises UnexpectedResponse."""
        return self._http.decode(body, page_decoder)

    def encoded(self, draft: RecipeDraft) -> bytes:
        """A recipe to create, as it is sent. Raises InvalidRecipe."""
        try:
            return msgspec.json.encode(draft)
        except UnicodeEncodeError:
            raise InvalidRecipe("text must be Unicode, without lone surrogates") from None

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Whole recipes, named in the query's `ids`."""
        ids = ",".join(map(str, recipe_ids))
        answer = await self._http.request("GET", self._recipes.with_query(ids=ids))
        self._check(answer, 200, recipe_ids)
        return self.page_in(answer.body).recipes

    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes."""
        url = self._recipes.with_query(page_size=page_size)
        if page_token:
            url = url.update_query(page_token=page_token)
        return self.page_in((await self._get(url)).body)

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Keep a new recipe."""
        headers = {"Content-Type": self.media_type}
        if idempotency_key:
            if not idempotency_key.isprintable():
                raise InvalidRecipe("an idempotency key must be one line of printable ASCII", "idempotency_key")
            headers["Idempotency-Key"] = idempotency_key
        answer = await self._http.request("POST", self._recipes, self.encoded(draft), headers)
        self._check(answer, 201)
        return self.recipe_in(answer.body)

    async def pid(self) -> int:
        """The process id of the producer."""
        return self._http.decode((await self._get_json(self._pid)).body, pid_decoder).producer_pid

    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """The producer's JSON answer about one recipe."""
        answer = await self._get_json(self._recipes / str(recipe_id), recipe_id)
        return self._http.decode(answer.body, _object_decoder)

    async def own_calls(self, requests: Sequence[OwnRequest]) -> Sequence[OwnCall]:
        """Calls for HttpRequests."""
        return [own_http.HttpCall(request) for request in cast(Sequence[own_http.HttpRequest], requests)]

    async def ask(self, call: OwnCall) -> OwnAnswer:
        """Send an HttpCall."""
        return await own_http.ask(self._http, cast(own_http.HttpCall, call))

    async def _get(self, url: URL, recipe_id: int | None = None) -> HttpResponse:
        answer = await self._http.request("GET", url)
        self._check(answer, 200, (recipe_id,) if recipe_id is not None else ())
        return answer

    async def _get_json(self, url: URL, recipe_id: int | None = None) -> HttpResponse:
        """GET a resource in JSON, whatever `media_type` is."""
        answer = await self._http.request("GET", url, headers=_ACCEPT_JSON)
        self._check(answer, 200, (recipe_id,) if recipe_id is not None else (), JSON)
        return answer

    def _check(
        self, answer: HttpResponse, status: int, recipe_ids: Sequence[int] = (), media_type: str | None = None
    ) -> None:
        """Raise the error that a response stands for, unless it has this status and media type."""
        if answer.status != status:
            self._refuse(answer, recipe_ids)
        wanted = media_type or self.media_type
        if answer.media_type == wanted:
            return
        said = f"the response is {answer.media_type}, not {wanted}"
        if answer.media_type == JSON:
            # A producer that supports only JSON may ignore the Accept header.
            raise self._http.unsupported(said)
        raise self._http.unexpected(said)

    def _refuse(self, answer: HttpResponse, recipe_ids: Sequence[int]) -> NoReturn:
        """Raise the error that a response stands for. `recipe_ids`: the requested ids."""
        refusal = self._refusal(answer)
        text = one_line(refusal.detail) or causes.of_status(answer.status)
        match answer.status, refusal.error:
            case 404, "not_found" if recipe_ids:
                raise RecipeNotFound(unknown_id(refusal.recipe_id, recipe_ids))
            case 400, "invalid":
                raise InvalidRecipe(text, refusal.field)
            case 422, "idempotency_conflict":
                raise IdempotencyConflict
            case 501, "read_only":
                raise BookIsReadOnly(text)
            case (404, _) if not recipe_ids:
                raise self._http.unsupported(causes.of_status(answer.status), refusal.detail)
            case ((405 | 406 | 415 | 501), _):
                raise self._http.unsupported(causes.of_status(answer.status), refusal.detail)
            case _:
                raise self._http.unexpected(causes.of_status(answer.status), refusal.detail)

    def _refusal(self, answer: HttpResponse) -> Refusal:
        if answer.media_type in (JSON, PROBLEM_JSON):
            try:
                return _refusal_decoder.decode(answer.body)
            except (ValueError, RecursionError):
                pass
        return Refusal()
