"""A request of the user's own over HTTP: a method, a path, and a body that is JSON or text."""

from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from yarl import URL

from consumers import causes
from consumers.aiohttp_session import HttpResponse, HttpSession
from consumers.errors import BadOwnRequest, one_line
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequest, Values, fill_text, filled_json, text_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "QUERY")
SHOWN_AT_MOST = 200
"""Characters of an answer that an error shows."""


class HttpRequest(OwnRequest, frozen=True, kw_only=True):
    """The section `http`."""

    path: str
    """Behind the target's address, with its query. Values in it are percent-encoded."""
    method: str = ""
    """Empty: POST where there is a body, else GET."""
    body: dict[str, Any] | list[Any] | str | UnsetType = UNSET
    """A table or a list is sent as JSON, a text as it is."""
    content_type: str = "application/json"
    """Of the body."""

    @property
    def verb(self) -> str:
        """The method."""
        return self.method or ("GET" if self.body is UNSET else "POST")

    @property
    def title(self) -> str:
        """`GET /users/1`."""
        return f"{self.verb} {self.path}"

    def filled(self, values: Values) -> Self:
        """With a value in place of each name. Raises BadOwnRequest."""
        path = fill_text(self.path, values, "path", lambda value: quote(text_of(value), safe=""))
        if isinstance(self.body, str):
            return replace(self, path=path, body=fill_text(self.body, values, "body", text_of))
        return replace(self, path=path, body=filled_json(self.body, values, "body"))

    def checked(self, directory: Path) -> Self:
        """The same. Raises BadOwnRequest."""
        if not self.path.startswith("/") or self.path.startswith("//") or "#" in self.path:
            raise BadOwnRequest(
                f"path: {self.path!r} does not begin with / and name a path; the address is the target's"
            )
        if any(not character.isprintable() or character.isspace() for character in self.path):
            raise BadOwnRequest(f"path: {self.path!r} has a space or a control character; write %20 for a space")
        if self.verb not in METHODS:
            raise BadOwnRequest(f"method: {self.verb!r} is not one of {', '.join(METHODS)}")
        if not self.content_type.isascii() or not self.content_type.isprintable():
            raise BadOwnRequest(f"content_type: {self.content_type!r} is not a media type")
        return self


class HttpCall(OwnCall):
    """A request with what is always the same of it."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.method = request.verb
        self.path = request.path
        self.body = request.body
        self.headers = {} if request.body is UNSET else {"Content-Type": request.content_type}

    def encoded(self) -> bytes | None:
        """The body as it is sent."""
        if isinstance(self.body, UnsetType):
            return None
        return self.body.encode() if isinstance(self.body, str) else msgspec.json.encode(self.body)


async def ask(session: HttpSession, call: HttpCall) -> OwnAnswer:
    """Send a call. Raises ConsumerError; UnexpectedResponse for every status but 2xx."""
    url = URL(f"{str(session.base).rstrip('/')}{call.path}")
    answer = await session.request(call.method, url, call.encoded(), call.headers)
    if not 200 <= answer.status < 300:
        raise session.unexpected(causes.of_status(answer.status), ": ".join(filter(None, (call.title, shown(answer)))))
    if not is_json(answer.media_type):
        if call.ignore:
            raise session.unexpected(
                f"{call.title}: the answer is {answer.media_type}, and ignore names parts of JSON; leave it out"
            )
        return OwnAnswer(len(answer.body), answer.body)
    try:
        return OwnAnswer(len(answer.body), msgspec.json.decode(answer.body) if answer.body else None)
    except (ValueError, RecursionError):
        raise session.unexpected(f"{call.title}: the answer is not JSON, though its media type says so") from None


def shown(answer: HttpResponse) -> str:
    """The beginning of a body, on one line."""
    return one_line(answer.body[: 4 * SHOWN_AT_MOST].decode(errors="replace"))[:SHOWN_AT_MOST]


def is_json(media_type: str) -> bool:
    """Whether it is `application/json`, or ends in `+json` (RFC 6839)."""
    return media_type == "application/json" or media_type.endswith("+json")
