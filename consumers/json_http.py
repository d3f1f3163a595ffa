"""The JSON consumer: protos/recipe.openapi.json on aiohttp, decoded straight into the domain's values."""

from collections.abc import Collection, Sequence
from typing import NoReturn

import msgspec
from yarl import URL

from consumers.aiohttp_session import HttpAnswer, HttpSession, SessionFactory, one_line
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import OperationUnsupported
from consumers.selections import Selection
from consumers.unknown_ids import unknown_id
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"


class RecipeAnswer(msgspec.Struct):
    """The answer about one recipe. A producer's other keys mean nothing here."""

    recipe: Recipe


class SelectionAnswer(msgspec.Struct):
    """The answer about some fields of one recipe."""

    recipe: Selection


class PidAnswer(msgspec.Struct):
    """Who answered."""

    producer_pid: int


class Refusal(msgspec.Struct):
    """What is of use in problem+json, and in the errors of other people's producers."""

    error: str = ""
    detail: str = ""
    field: str = ""
    recipe_id: str = ""


_recipe_decoder = msgspec.json.Decoder(RecipeAnswer)
_selection_decoder = msgspec.json.Decoder(SelectionAnswer)
_page_decoder = msgspec.json.Decoder(RecipePage)
_pid_decoder = msgspec.json.Decoder(PidAnswer)
_object_decoder = msgspec.json.Decoder(dict[str, object])
_refusal_decoder = msgspec.json.Decoder(Refusal)


class JsonHttpClient(RecipeClient):
    """Consumes recipe.openapi.json."""

    def __init__(self, settings: ClientSettings, session: SessionFactory = HttpSession) -> None:
        """`session` makes what the requests go through."""
        super().__init__(settings)
        self._http = session(settings, JSON)
        self._recipes = self._http.base / "recipes"
        self._pid = self._http.base / "pid"

    async def open(self) -> None:
        """Make ready to call; the first call connects. Raises ProducerUnreachable when certificates cannot be read."""
        self._http.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe, with all fields or those that the query's `fields` names."""
        url = self._recipes / str(recipe_id)
        if fields is None:
            answer = await self._get(url, recipe_id)
            return self._http.decode(answer.body, _recipe_decoder).recipe
        answer = await self._get(url.with_query(fields=",".join(fields)), recipe_id)
        selection = self._http.decode(answer.body, _selection_decoder).recipe
        missing, unasked = selection.compared_with(fields)
        if missing:
            raise self._http.unexpected(f"the answer lacks {', '.join(missing)}")
        if unasked:
            raise OperationUnsupported(f"{self._http.authority}: this producer sends fields that were not selected")
        return selection.recipe()

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Whole recipes, named in the query's `ids`."""
        ids = ",".join(map(str, recipe_ids))
        answer = await self._http.ask("GET", self._recipes.with_query(ids=ids))
        self._check(answer, 200, recipe_ids)
        return self._http.decode(answer.body, _page_decoder).recipes

    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes."""
        url = self._recipes.with_query(page_size=page_size)
        if page_token:
            url = url.update_query(page_token=page_token)
        return self._http.decode((await self._get(url)).body, _page_decoder)

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Keep a new recipe."""
        headers = {"Content-Type": JSON}
        if idempotency_key:
            if not idempotency_key.isprintable():
                raise InvalidRecipe("an idempotency key is one line of text, to fit into a header", "idempotency_key")
            headers["Idempotency-Key"] = idempotency_key
        try:
            body = msgspec.json.encode(draft)
        except UnicodeEncodeError:
            raise InvalidRecipe("text must be Unicode, without lone surrogates") from None
        answer = await self._http.ask("POST", self._recipes, body, headers)
        self._check(answer, 201)
        return self._http.decode(answer.body, _recipe_decoder).recipe

    async def pid(self) -> int:
        """The process id of the producer."""
        return self._http.decode((await self._get(self._pid)).body, _pid_decoder).producer_pid

    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        """The producer's JSON answer about one recipe."""
        answer = await self._get(self._recipes / str(recipe_id), recipe_id)
        return self._http.decode(answer.body, _object_decoder)

    async def _get(self, url: URL, recipe_id: int | None = None) -> HttpAnswer:
        answer = await self._http.ask("GET", url)
        self._check(answer, 200, (recipe_id,) if recipe_id is not None else ())
        return answer

    def _check(self, answer: HttpAnswer, status: int, recipe_ids: Sequence[int] = ()) -> None:
        """Raise what the answer means, unless it has this status and is JSON. `recipe_ids` are those asked for."""
        if answer.status != status:
            self._refuse(answer, recipe_ids)
        if answer.media_type != JSON:
            raise self._http.unexpected(f"the answer is {answer.media_type}, not {JSON}")

    def _refuse(self, answer: HttpAnswer, recipe_ids: Sequence[int]) -> NoReturn:
        """Raise what an answer means that is not the one asked for."""
        refusal = self._refusal(answer)
        text = one_line(refusal.detail) or f"status {answer.status}"
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
                raise OperationUnsupported(f"{self._http.authority}: {text}")
            case ((405 | 501), _):
                raise OperationUnsupported(f"{self._http.authority}: {text}")
            case _:
                raise self._http.unexpected(f"status {answer.status}: {text}" if refusal.detail else text)

    def _refusal(self, answer: HttpAnswer) -> Refusal:
        if answer.media_type in (JSON, PROBLEM_JSON):
            try:
                return _refusal_decoder.decode(answer.body)
            except (ValueError, RecursionError):
                pass
        return Refusal()
