"""protos/recipe.openapi.json apart from any server: a request as values in, an answer as values out.

For servers that call an application, in whatever interface of theirs. The producer on aiohttp has handlers of its own,
which use what aiohttp offers.
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Protocol

import msgspec

from producers.counters import OK, UNKNOWN
from producers.http_messages import (
    MOMENTARY,
    READY,
    Queried,
    media_type_of,
    no_coding,
    no_match,
    no_media_type,
    overdue,
    query_of,
    shared_headers,
    stopping,
    too_large,
    without_coding,
)
from producers.http_problems import Problem, internal_error, problem_of
from producers.http_semantics import (
    GZIP,
    HEALTH,
    IDENTITY,
    JSON,
    PROBLEM_JSON,
    NotAcceptable,
    entity_tag,
    gzipped,
    is_known,
    is_listed,
    negotiated_coding,
    preferred_media_type,
)
from producers.json_messages import pid_response
from producers.representations import MEDIA_TYPES, representation
from producers.request_values import BadBody, page_size, parse_id, parse_ids, selected_fields
from producers.settings import ProducerSettings
from recipes.book import DEFAULT_PAGE_SIZE, RecipeBook
from recipes.errors import InvalidRecipe, RecipeError
from recipes.model import RecipePage

log = logging.getLogger(__name__)

RECIPE = "/recipes/"

Headers = Mapping[str, str]


class Request(Queried, Protocol):
    """What a server shows of a request."""

    method: str
    path: str
    """Decoded."""

    def header(self, name: str) -> str | None:
        """The value of a header, its name in lower case. Repeated headers are joined into one list."""

    def body(self) -> AsyncIterable[bytes]:
        """The body as it arrives."""


@dataclass(slots=True)
class Answer:
    """What to send. Servers add Date and Content-Length."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    outcome: str = OK
    """What the counters call it: the code of an error, if it is one."""


Handler = Callable[[Request], Awaitable[Answer]]


class HttpApplication:
    """Serves recipe.openapi.json."""

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        self.stopping = False
        """Whether health checks report that the producer is stopping."""
        self._book = book
        self._settings = settings
        self._headers = shared_headers(settings)
        self._openapi = resources.files("protos").joinpath("recipe.openapi.json").read_bytes()
        self._routes: dict[str, dict[str, Handler]] = {
            "/recipes": {"GET": self._list_recipes, "POST": self._create_recipe},
            HEALTH: {"GET": self._health},
            "/pid": {"GET": self._pid},
            "/openapi.json": {"GET": self._describe},
        }
        self._recipe_route: dict[str, Handler] = {"GET": self._get_recipe}

    async def answer(self, request: Request) -> Answer:
        """The answer to a request. Raises nothing."""
        try:
            return await self._handler(request)(request)
        except Problem as error:
            problem = error
        except RecipeError as error:
            problem = problem_of(error)
        except Exception:
            problem = internal_error(log, "a request failed")
        return self.refusal(request, problem)

    def method_of(self, request: Request) -> str:
        """The method and route of a request, for the counters. What a caller may choose freely is not in it."""
        path, method = request.path, request.method
        handlers = self._handlers(path)
        if handlers is None or ("GET" if method == "HEAD" else method) not in handlers:
            return UNKNOWN
        return f"{method} {f'{RECIPE}{{id}}' if handlers is self._recipe_route else path}"

    def _handlers(self, path: str) -> dict[str, Handler] | None:
        """The handlers of a path by method."""
        if path.startswith(RECIPE) and "/" not in path[len(RECIPE) :] and len(path) > len(RECIPE):
            return self._recipe_route
        return self._routes.get(path)

    def _handler(self, request: Request) -> Handler:
        method = request.method
        if (handlers := self._handlers(request.path)) is None:
            raise Problem(404, "no such resource")
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is not None:
            return handler
        allowed = {*handlers, "HEAD", "OPTIONS"}
        allow = {"Allow": ", ".join(sorted(allowed))}
        if method == "OPTIONS":
            return lambda _: _immediate(Answer(204, {**self._headers, **allow}))
        raise Problem(405, f"{method} is not allowed for this resource", headers=allow)

    async def _get_recipe(self, request: Request) -> Answer:
        query = query_of(request, ("fields",))
        names = selected_fields(query["fields"]) if "fields" in query else None
        recipe = await self._book.get(parse_id(request.path[len(RECIPE) :]))
        media_type = self._media_type(request, MEDIA_TYPES)
        return self._response(request, representation(media_type).recipe_response(recipe, names), media_type)

    async def _list_recipes(self, request: Request) -> Answer:
        query = query_of(request, ("page_size", "page_token", "ids"))
        media_type = self._media_type(request, MEDIA_TYPES)
        if "ids" in query:
            if len(query) > 1:
                raise InvalidRecipe("ids cannot be combined with page_size or page_token", "ids")
            page = RecipePage(await self._book.get_many(parse_ids(query["ids"].split(","))))
            return self._response(request, representation(media_type).page_response(page), media_type)
        size = page_size(query["page_size"]) if "page_size" in query else DEFAULT_PAGE_SIZE
        page = await self._book.page(size, query.get("page_token", ""))
        target = f"/recipes?page_size={size}&page_token={page.next_page_token}"
        link = {"Link": f'<{target}>; rel="next"'} if page.next_page_token else {}
        return self._response(request, representation(media_type).page_response(page), media_type, headers=link)

    async def _create_recipe(self, request: Request) -> Answer:
        query_of(request, ())
        media_type = self._media_type(request, MEDIA_TYPES)
        self._coding(request)
        sent_in = media_type_of(request.header("content-type"), MEDIA_TYPES)
        body = await self._read_body(request)
        try:
            draft = representation(sent_in).draft_in(body)
        except BadBody as error:
            raise Problem(400, str(error)) from None
        recipe = await self._book.add(draft, request.header("idempotency-key") or "")
        place = {"Location": f"/recipes/{recipe.id}"}
        made = representation(media_type).recipe_response(recipe)
        return self._response(request, made, media_type, status=201, headers=place)

    async def _pid(self, request: Request) -> Answer:
        query_of(request, ())
        return self._response(request, pid_response(), self._media_type(request, (JSON,)), headers=MOMENTARY)

    async def _health(self, request: Request) -> Answer:
        if self.stopping:
            raise stopping()
        return self._response(request, READY, self._media_type(request, (JSON,)), headers=MOMENTARY)

    async def _describe(self, request: Request) -> Answer:
        query_of(request, ())
        return self._response(request, self._openapi, self._media_type(request, (JSON,)))

    def _media_type(self, request: Request, offered: tuple[str, ...]) -> str:
        chosen = preferred_media_type(request.header("accept"), offered)
        if chosen is None:
            raise no_media_type(offered)
        return chosen

    def _coding(self, request: Request) -> str:
        offered = self._settings.gzip
        try:
            return negotiated_coding(request.header("accept-encoding"), gzip_offered=offered)
        except NotAcceptable:
            raise no_coding(gzip_offered=offered) from None

    async def _read_body(self, request: Request) -> bytes:
        limits = self._settings.limits
        length = request.header("content-length") or ""
        if length.isdecimal() and int(length) > limits.body_bytes:
            raise too_large(limits)
        parts = bytearray()
        try:
            async with asyncio.timeout(limits.body_timeout_s):
                async for part in request.body():
                    parts += part
                    if len(parts) > limits.body_bytes:
                        raise too_large(limits)
        except TimeoutError:
            raise overdue(limits) from None
        coding = request.header("content-encoding")
        return bytes(parts) if coding is None else without_coding(bytes(parts), coding, limits)

    def _response(
        self, request: Request, body: bytes, media_type: str, *, status: int = 200, headers: Headers | None = None
    ) -> Answer:
        answer = self._coded(self._coding(request), status, body, media_type, headers)
        if status != 200:
            return answer
        tag = entity_tag(answer.body)
        if (wanted := request.header("if-match")) is not None and not is_listed(tag, wanted):
            raise no_match()
        if (known := request.header("if-none-match")) is not None and is_known(tag, known):
            kept = {name: value for name, value in answer.headers.items() if name == "Cache-Control"}
            return Answer(304, {**self._headers, **kept, "ETag": tag})
        answer.headers["ETag"] = tag
        return answer

    def refusal(self, request: Request, problem: Problem) -> Answer:
        """The answer that a request is refused with."""
        try:
            coding = self._coding(request)
        except Problem:
            # The caller accepts no coding at all; identity is the most likely to be understood.
            coding = IDENTITY
        body = msgspec.json.encode(problem.document())
        answer = self._coded(coding, problem.status, body, PROBLEM_JSON, problem.headers)
        answer.outcome = problem.error
        if problem.closes:
            answer.headers["Connection"] = "close"
        return answer

    def _coded(self, coding: str, status: int, body: bytes, media_type: str, headers: Headers | None) -> Answer:
        sent = {**self._headers, "Content-Type": media_type}
        if headers:
            sent.update(headers)
        if coding == GZIP:
            sent["Content-Encoding"] = GZIP
            body = gzipped(body, self._settings.gzip_level)
        return Answer(status, sent, body)


async def _immediate(answer: Answer) -> Answer:
    return answer
