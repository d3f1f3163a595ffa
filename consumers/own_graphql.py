"""A request of the user's own over GraphQL: a document and its variables."""

from typing import Any, Self

import msgspec
from msgspec.structs import replace

from consumers.own_requests import OwnCall, OwnRequest, Values, filled_json

SHOWN_AT_MOST = 60
"""Characters of a document that a title shows."""


class GraphqlRequest(OwnRequest, frozen=True, kw_only=True):
    """The section `graphql`."""

    query: str
    """The document, whatever its operation is. No template: variables carry the values."""
    variables: dict[str, Any] = msgspec.field(default_factory=dict)
    operation_name: str = ""
    """Which of several operations is executed."""

    @property
    def title(self) -> str:
        """The beginning of the document, with the variables."""
        document = " ".join(self.query.split())
        short = document if len(document) <= SHOWN_AT_MOST else f"{document[:SHOWN_AT_MOST]}…"
        return f"{short} {msgspec.json.encode(self.variables).decode()}" if self.variables else short

    def filled(self, values: Values) -> Self:
        """With a value in place of each name. Raises BadOwnRequest."""
        return replace(self, variables=filled_json(self.variables, values, "variables"))


class GraphqlCall(OwnCall):
    """A request with the value that is sent as JSON."""

    def __init__(self, request: GraphqlRequest) -> None:
        super().__init__(request)
        named = {"operationName": request.operation_name} if request.operation_name else {}
        self.sent: dict[str, Any] = {"query": request.query, "variables": request.variables, **named}
