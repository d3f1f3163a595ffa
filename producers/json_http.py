"""The JSON producer: recipes over HTTP/1.1, as protos/recipe.openapi.json describes them."""

import os
from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib import resources

import msgspec
from aiohttp import web

from producers.aiohttp_hosting import ANSWERS, BOOK, SETTINGS, AiohttpProducer, application_over, expect_continue
from producers.aiohttp_messages import Answers, header, read_json_body
from producers.http_problems import Problem
from producers.json_bodies import BadJson, decode
from producers.media_types import JSON
from producers.recipe_ids import parse_id, parse_ids
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.errors import InvalidRecipe
from recipes.model import FIELDS, IngredientDraft, RecipeDraft, RecipePage

OPENAPI = web.AppKey("openapi", bytes)

_encode = msgspec.json.Encoder().encode


class JsonHttpProducer(AiohttpProducer):
    """Serves recipe.openapi.json."""

    def application(self) -> web.Application:
        """The application with its routes."""
        application = application_over(self.book, self.settings, Answers(self.settings))
        application[OPENAPI] = resources.files("protos").joinpath("recipe.openapi.json").read_bytes()
        application.add_routes(
            [
                web.get("/recipes/{id}", get_recipe),
                web.get("/recipes", list_recipes),
                web.post("/recipes", create_recipe, expect_handler=expect_continue),
                web.get("/pid", get_pid),
                web.get("/openapi.json", get_openapi),
            ]
        )
        return application


async def get_recipe(request: web.Request) -> web.Response:
    """`{"producer_pid": …, "recipe": {…}}`, the recipe with all fields, or with those that `fields` names."""
    query = query_of(request, ("fields",))
    names = selected_fields(query["fields"]) if "fields" in query else None
    recipe = await request.app[BOOK].get(parse_id(request.match_info["id"]))
    shown = recipe if names is None else {name: getattr(recipe, name) for name in names}
    return answer(request, {"producer_pid": os.getpid(), "recipe": shown})


async def list_recipes(request: web.Request) -> web.Response:
    """`{"recipes": […], "next_page_token": "…"}`: a page, or the recipes that `ids` names, in that order."""
    query = query_of(request, ("page_size", "page_token", "ids"))
    if "ids" in query:
        if len(query) > 1:
            raise InvalidRecipe("ids names the recipes; page_size and page_token are of a page", "ids")
        named = await request.app[BOOK].get_many(parse_ids(query["ids"].split(",")))
        return answer(request, RecipePage(named))
    size = page_size(query["page_size"]) if "page_size" in query else DEFAULT_PAGE_SIZE
    page = await request.app[BOOK].page(size, query.get("page_token", ""))
    if not page.next_page_token:
        return answer(request, page)
    # RFC 8288: a client that follows links needs to know nothing of tokens.
    target = f"/recipes?page_size={size}&page_token={page.next_page_token}"
    return answer(request, page, headers={"Link": f'<{target}>; rel="next"'})


async def create_recipe(request: web.Request) -> web.Response:
    """201 with the new recipe. The same Idempotency-Key with the same recipe gives the one created first."""
    query_of(request, ())
    check_acceptable(request)
    body = await read_json_body(request, request.app[SETTINGS].limits)
    try:
        sent = decode(body, _draft_decoder)
    except BadJson as error:
        raise Problem(400, str(error)) from None
    recipe = await request.app[BOOK].add(sent.draft(), header(request, "Idempotency-Key") or "")
    place = {"Location": f"/recipes/{recipe.id}"}
    return answer(request, {"producer_pid": os.getpid(), "recipe": recipe}, status=201, headers=place)


async def get_pid(request: web.Request) -> web.Response:
    """`{"producer_pid": …}`: the process that answers."""
    query_of(request, ())
    return answer(request, {"producer_pid": os.getpid()})


async def get_openapi(request: web.Request) -> web.Response:
    """The description of this API."""
    query_of(request, ())
    check_acceptable(request)
    return request.app[ANSWERS].answer(request, request.app[OPENAPI], JSON)


class IngredientBody(msgspec.Struct, forbid_unknown_fields=True):
    """An ingredient as a caller sends it."""

    name: str
    quantity: str = ""


class RecipeBody(msgspec.Struct, forbid_unknown_fields=True):
    """A recipe as a caller sends it. A key that means nothing here is refused: it may be a misspelt one that does."""

    name: str
    steps: str = ""
    ingredients: tuple[IngredientBody, ...] = ()

    def draft(self) -> RecipeDraft:
        """The domain's draft of it."""
        lines = tuple([IngredientDraft(line.name, line.quantity) for line in self.ingredients])
        return RecipeDraft(self.name, self.steps, lines)


_draft_decoder = msgspec.json.Decoder(RecipeBody)


def answer(
    request: web.Request, content: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response whose JSON is made from `content` as it is. Raises Problem."""
    answers = request.app[ANSWERS]
    media_type = answers.media_type(request, (JSON,))
    return answers.answer(request, _encode(content), media_type, status=status, headers=headers)


def check_acceptable(request: web.Request) -> None:
    """Raise Problem when the caller takes no JSON, or no coding that is on offer."""
    answers = request.app[ANSWERS]
    answers.media_type(request, (JSON,))
    answers.coding(request)


def query_of(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """The query's parameters. Raises InvalidRecipe for one that is unknown, or that stands there twice."""
    if not request.query_string:
        return {}
    query = request.query
    for name in query:
        if name not in known:
            raise InvalidRecipe(f"unknown parameter; there are {', '.join(known) or 'none'}", name)
    if len(query) > len(set(query)):
        raise InvalidRecipe("a parameter stands twice in the query", next(iter(query)))
    return query


@lru_cache(maxsize=256)
def selected_fields(text: str) -> tuple[str, ...]:
    """The fields of a recipe that `name,ingredients` selects, in the order of the contract. Raises InvalidRecipe."""
    names = text.split(",")
    for name in names:
        if name not in FIELDS:
            raise InvalidRecipe(f"a recipe has no field {name!r}; its fields are {', '.join(FIELDS)}", "fields")
    return tuple(name for name in FIELDS if name in names)


def page_size(text: str) -> int:
    """The number that a text writes. Raises InvalidRecipe; whether a page can be that large is the book's to say."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(2**31))):
        raise InvalidRecipe("a page size is a whole number", "page_size")
    return int(text)
