"""The HTTP producer: protos/recipe.openapi.json over HTTP/1.1, in JSON by default."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib import resources

from aiohttp import web

from producers.aiohttp_hosting import (
    BOOK,
    MOMENTARY,
    RESPONSES,
    SETTINGS,
    AiohttpProducer,
    application_over,
    expect_continue,
)
from producers.aiohttp_messages import Responses, body_media_type, header, read_body
from producers.http_problems import Problem
from producers.http_semantics import JSON
from producers.json_messages import pid_response
from producers.representations import MEDIA_TYPES, representation
from producers.request_values import BadBody, check_fields, page_size, parse_id, parse_ids
from recipes.book import DEFAULT_PAGE_SIZE
from recipes.errors import InvalidRecipe
from recipes.model import FIELDS, RecipePage

OPENAPI = web.AppKey("openapi", bytes)


class JsonHttpProducer(AiohttpProducer):
    """Serves recipe.openapi.json."""

    def application(self) -> web.Application:
        """The application with its routes."""
        application = application_over(self.book, self.settings, Responses(self.settings, vary=("Accept",)))
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
    """One recipe with all fields, or with those in `fields`."""
    query = query_of(request, ("fields",))
    names = selected_fields(query["fields"]) if "fields" in query else None
    recipe = await request.app[BOOK].get(parse_id(request.match_info["id"]))
    responses = request.app[RESPONSES]
    media_type = responses.media_type(request, MEDIA_TYPES)
    return responses.response(request, representation(media_type).recipe_response(recipe, names), media_type)


async def list_recipes(request: web.Request) -> web.Response:
    """A page of recipes, or the recipes with the given `ids` in that order."""
    query = query_of(request, ("page_size", "page_token", "ids"))
    if "ids" in query:
        if len(query) > 1:
            raise InvalidRecipe("ids cannot be combined with page_size or page_token", "ids")
        named = await request.app[BOOK].get_many(parse_ids(query["ids"].split(",")))
        return page_response(request, RecipePage(named))
    size = page_size(query["page_size"]) if "page_size" in query else DEFAULT_PAGE_SIZE
    page = await request.app[BOOK].page(size, query.get("page_token", ""))
    if not page.next_page_token:
        return page_response(request, page)
    # RFC 8288: clients can follow the link instead of building the URL from the token.
    target = f"/recipes?page_size={size}&page_token={page.next_page_token}"
    return page_response(request, page, {"Link": f'<{target}>; rel="next"'})


def page_response(request: web.Request, page: RecipePage, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response with a page of recipes. Raises Problem."""
    responses = request.app[RESPONSES]
    media_type = responses.media_type(request, MEDIA_TYPES)
    return responses.response(request, representation(media_type).page_response(page), media_type, headers=headers)


async def create_recipe(request: web.Request) -> web.Response:
    """201 with the new recipe. Repeating an Idempotency-Key with the same recipe returns the recipe created first."""
    query_of(request, ())
    responses = request.app[RESPONSES]
    media_type = check_acceptable(request, MEDIA_TYPES)
    sent_in = body_media_type(request, MEDIA_TYPES)
    body = await read_body(request, request.app[SETTINGS].limits)
    try:
        draft = representation(sent_in).draft_in(body)
    except BadBody as error:
        raise Problem(400, str(error)) from None
    recipe = await request.app[BOOK].add(draft, header(request, "Idempotency-Key") or "")
    place = {"Location": f"/recipes/{recipe.id}"}
    made = representation(media_type).recipe_response(recipe)
    return responses.response(request, made, media_type, status=201, headers=place)


async def get_pid(request: web.Request) -> web.Response:
    """`{"producer_pid": …}`: the id of the process."""
    query_of(request, ())
    responses = request.app[RESPONSES]
    return responses.response(request, pid_response(), responses.media_type(request, (JSON,)), headers=MOMENTARY)


async def get_openapi(request: web.Request) -> web.Response:
    """The description of this API."""
    query_of(request, ())
    check_acceptable(request, (JSON,))
    return request.app[RESPONSES].response(request, request.app[OPENAPI], JSON)


def check_acceptable(request: web.Request, offered: tuple[str, ...]) -> str:
    """The media type of the response. Raises Problem if no offered media type or coding is acceptable."""
    responses = request.app[RESPONSES]
    media_type = responses.media_type(request, offered)
    responses.coding(request)
    return media_type


def query_of(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """The query parameters. Raises InvalidRecipe for an unknown or repeated one."""
    if not request.query_string:
        return {}
    query = request.query
    for name in query:
        if name not in known:
            raise InvalidRecipe(f"unknown query parameter; known: {', '.join(known) or 'none'}", name)
    if len(query) > len(set(query)):
        raise InvalidRecipe("a query parameter is repeated", next(iter(query)))
    return query


@lru_cache(maxsize=256)
def selected_fields(text: str) -> tuple[str, ...]:
    """The fields in a comma list such as `name,ingredients`, in the order of the contract. Raises InvalidRecipe."""
    names = text.split(",")
    check_fields(names, "fields")
    return tuple([name for name in FIELDS if name in names])
