"""Counts the calls of a producer on aiohttp. A producer without a metrics port has none of this in its way."""

from aiohttp import web

from producers.aiohttp_connections import Handler
from producers.aiohttp_messages import WholeResponse
from producers.counters import DISCONNECTED, OK, UNKNOWN, Counters, Ended
from producers.http_semantics import HEALTH


def counting(handler: Handler, counters: Counters) -> Handler:
    """`handler`, with its calls counted. Health checks are no calls."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path.partition("?")[0] == HEALTH:
            counters.health_checked()
            return await handler(request)
        counters.begin()
        response: web.StreamResponse | None = None
        try:
            response = await handler(request)
        finally:
            counters.end(ended(request, response))
        return response

    return answer


def ended(request: web.BaseRequest, response: web.StreamResponse | None) -> Ended:
    """How a call ended. None: its connection ended first."""
    if response is None:
        return Ended(method_of(request), 0, DISCONNECTED)
    return Ended(method_of(request), response.status, response.outcome if isinstance(response, WholeResponse) else OK)


def method_of(request: web.BaseRequest) -> str:
    """The method and route of a request. What a caller may choose freely is not in it."""
    found = request._match_info if isinstance(request, web.Request) else None
    resource = None if found is None or found.http_exception is not None else found.route.resource
    return UNKNOWN if resource is None else f"{request.method} {resource.canonical}"
