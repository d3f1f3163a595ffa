"""The HTTP producer: protos/recipe.openapi.json over HTTP/1.1, in JSON by default."""

from collections.abc import Mapping
from importlib import resources

from aiohttp import web
from multidict import istr

from producers.aiohttp_hosting import AiohttpProducer
from producers.aiohttp_messages import body_media_type, header, read_body
from producers.http_messages import MOMENTARY, query_of
from producers.http_problems import Problem
from producers.http_semantics import JSON
from producers.json_messages import pid_response
from producers.representations import MEDIA_TYPES, representation
from producers.request_values import BadBody, page_size, parse_id, parse_ids, selected_fields
from producers.settings import ProducerSettings
from recipes.book import DEFAULT_PAGE_SIZE, RecipeBook
from recipes.errors import InvalidRecipe
from recipes.model import RecipePage

IDEMPOTENCY_KEY = istr("Idempotency-Key")


class JsonHttpProducer(AiohttpProducer):
    """Serves recipe.openapi.json."""

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        super().__init__(book, settings)
        self._openapi = resources.files("protos").joinpath("recipe.openapi.json").read_bytes()

    def routes(self) -> list[web.RouteDef]:
        """The routes of the contract."""
        return [
            web.get("/recipes/{id}", self.get_recipe),
            web.get("/recipes", self.list_recipes),
            web.post("/recipes", self.create_recipe, expect_handler=self.expect_continue),
            web.get("/pid", self.get_pid),
            web.get("/openapi.json", self.get_openapi),
        ]

    async def get_recipe(self, request: web.Request) -> web.StreamResponse:
        """One recipe with all fields, or with those in `fields`."""
        query = query_of(request, ("fields",))
        names = selected_fields(query["fields"]) if "fields" in query else None
        recipe = await self.book.get(parse_id(request.match_info["id"]))
        media_type = self.responses.media_type(request, MEDIA_TYPES)
        return self.responses.response(request, representation(media_type).recipe_response(recipe, names), media_type)

    async def list_recipes(self, request: web.Request) -> web.StreamResponse:
        """A page of recipes, or the recipes with the given `ids` in that order."""
        query = query_of(request, ("page_size", "page_token", "ids"))
        if "ids" in query:
            if len(query) > 1:
                raise InvalidRecipe("ids cannot be combined with page_size or page_token", "ids")
            named = await self.book.get_many(parse_ids(query["ids"].split(",")))
            return self._page_response(request, RecipePage(named))
        size = page_size(query["page_size"]) if "page_size" in query else DEFAULT_PAGE_SIZE
        page = await self.book.page(size, query.get("page_token", ""))
        if not page.next_page_token:
            return self._page_response(request, page)
        # RFC 8288: clients can follow the link instead of building the URL from the token.
        target = f"/recipes?page_size={size}&page_token={page.next_page_token}"
        return self._page_response(request, page, {"Link": f'<{target}>; rel="next"'})

    async def create_recipe(self, request: web.Request) -> web.StreamResponse:
        """201 with the new recipe. Repeating an Idempotency-Key with the same recipe returns the recipe created
        first."""
        query_of(request, ())
        media_type = self._acceptable(request, MEDIA_TYPES)
        sent_in = body_media_type(request, MEDIA_TYPES)
        body = await read_body(request, self.settings.limits)
        try:
            draft = representation(sent_in).draft_in(body)
        except BadBody as error:
            raise Problem(400, str(error)) from None
        recipe = await self.book.add(draft, header(request, IDEMPOTENCY_KEY) or "")
        place = {"Location": f"/recipes/{recipe.id}"}
        made = representation(media_type).recipe_response(recipe)
        return self.responses.response(request, made, media_type, status=201, headers=place)

    async def get_pid(self, request: web.Request) -> web.StreamResponse:
        """`{"producer_pid": …}`: the id of the process."""
        query_of(request, ())
        media_type = self.responses.media_type(request, (JSON,))
        return self.responses.response(request, pid_response(), media_type, headers=MOMENTARY)

    async def get_openapi(self, request: web.Request) -> web.StreamResponse:
        """The description of this API."""
        query_of(request, ())
        return self.responses.response(request, self._openapi, self._acceptable(request, (JSON,)))

    def _page_response(
        self, request: web.Request, page: RecipePage, headers: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        media_type = self.responses.media_type(request, MEDIA_TYPES)
        body = representation(media_type).page_response(page)
        return self.responses.response(request, body, media_type, headers=headers)

    def _acceptable(self, request: web.Request, offered: tuple[str, ...]) -> str:
        """The media type of the response. Raises Problem if no offered media type or coding is acceptable."""
        media_type = self.responses.media_type(request, offered)
        self.responses.coding(request)
        return media_type
