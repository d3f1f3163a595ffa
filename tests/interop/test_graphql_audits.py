"""The audits of npm's graphql-http, which check a server against the GraphQL-over-HTTP specification."""

import json

from tests.interop.conftest import Run


def test_every_audit_passes(node_script: Run, graphql_address: str) -> None:
    results = json.loads(node_script("graphql_audits.mjs", graphql_address))
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61
