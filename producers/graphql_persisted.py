"""Automatic persisted queries: the text of a query is sent once, and afterwards only its SHA-256.

The protocol is Apollo's (`extensions.persistedQuery`, version 1): an unknown hash is answered with
PERSISTED_QUERY_NOT_FOUND, and the caller then sends hash and text.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

from producers.graphql_documents import MAXIMUM_KEPT_CHARACTERS
from producers.http_problems import Problem

MAXIMUM_QUERIES = 256
"""The least recently used is evicted first. With the limit on the length of each, a few MB at most."""


class PersistedQueries:
    """The texts that callers have sent, by hash. Only valid documents are kept."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, query_hash: str) -> str:
        """The query with this hash. Raises Problem if it is not in the cache."""
        found = self._texts.get(query_hash)
        if found is None:
            raise Problem(400, "PersistedQueryNotFound", error="persisted_query_not_found")
        self._texts.move_to_end(query_hash)
        return found

    def keep(self, query_hash: str, text: str) -> None:
        """Keep a query that was executed."""
        if len(text) <= MAXIMUM_KEPT_CHARACTERS:
            self._texts[query_hash] = text
            self._texts.move_to_end(query_hash)
            if len(self._texts) > MAXIMUM_QUERIES:
                self._texts.popitem(last=False)


def hash_in(extensions: Mapping[str, object] | None) -> str | None:
    """The hash in a request, in lower case, or None. Raises Problem if it is invalid."""
    named = (extensions or {}).get("persistedQuery")
    if named is None:
        return None
    if isinstance(named, dict) and named.get("version") == 1:
        query_hash = named.get("sha256Hash")
        if isinstance(query_hash, str) and len(query_hash) == hashlib.sha256().digest_size * 2:
            return query_hash.lower()
    raise Problem(400, "persistedQuery must have version 1 and a sha256Hash of 64 digits")


def check_hash(query_hash: str, text: str) -> None:
    """Raise Problem unless this is the hash of the text. Otherwise one caller could replace the query of all others."""
    if hashlib.sha256(text.encode()).hexdigest() != query_hash:
        raise Problem(400, "sha256Hash does not match the query")
