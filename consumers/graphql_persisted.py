"""The GraphQL consumer with automatic persisted queries, which sends the hash of a query (Apollo's protocol)."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from consumers.errors import NotKnownYet
from consumers.graphql_http import Answer, Data, GraphqlHttpClient

NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"


class PersistedGraphqlHttpClient(GraphqlHttpClient):
    """Consumes recipe.graphql. Sends the text of a query only if the producer does not know its hash."""

    async def _responded(
        self, document: str, variables: Mapping[str, object], decoder: "msgspec.json.Decoder[Answer[Data]]"
    ) -> Answer[Data]:
        sent = {"variables": variables, "extensions": persisted(document)}
        answer = await self._answered(sent, decoder)
        if _is_unknown(answer):
            answer = await self._answered({**sent, "query": document}, decoder)
        if _is_unknown(answer):
            raise NotKnownYet("the producer does not accept the query with its hash", producer=self._http.authority)
        return answer


def _is_unknown(answer: Answer[Data]) -> bool:
    extensions = answer.errors[0].extensions if answer.errors else None
    return extensions is not None and extensions.code == NOT_FOUND


@lru_cache(maxsize=64)
def persisted(document: str) -> dict[str, object]:
    """The extension with the hash of a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(document.encode()).hexdigest()}}
