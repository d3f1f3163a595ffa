"""The consumer web API: `GET /` returns this process's id and the producer's response about one recipe."""

import os

import msgspec
from aiohttp import web

from consumers.client import RecipeClient
from consumers.errors import ConsumerError, ProducerTimeout
from recipes.errors import RecipeError, RecipeNotFound

CLIENT = web.AppKey("client", RecipeClient)
RECIPE_ID = web.AppKey("recipe_id", int)


def application(client: RecipeClient, recipe_id: int) -> web.Application:
    """The web API for an open client."""
    app = web.Application()
    app[CLIENT] = client
    app[RECIPE_ID] = recipe_id
    app.router.add_get("/", answer)
    return app


async def answer(request: web.Request) -> web.Response:
    """`{"consumer_pid": …, "producer_data": …}`, or problem+json if the producer failed."""
    try:
        data = await request.app[CLIENT].producer_data(request.app[RECIPE_ID])
    except RecipeNotFound as error:
        return _problem(404, "not_found", str(error))
    except ProducerTimeout as error:
        return _problem(504, "producer_timeout", str(error))
    except (ConsumerError, RecipeError) as error:
        return _problem(502, "producer_failed", str(error))
    return _json(200, "application/json", {"consumer_pid": os.getpid(), "producer_data": data})


def _problem(status: int, error: str, detail: str) -> web.Response:
    return _json(status, "application/problem+json", {"status": status, "error": error, "detail": detail})


def _json(status: int, content_type: str, content: object) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(content),
        content_type=content_type,
        headers={"Server": "recipe-lab", "X-Content-Type-Options": "nosniff"},
    )
