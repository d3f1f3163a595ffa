"""A new workload needs a kind that makes its questions, and a line in WORKLOADS."""

import pytest

from tests.extending.conftest import Lab

LINES = {
    "bench/workloads.py": (
        "WORKLOADS: dict[str, WorkloadKind] = {\n",
        '''class First(Get):
    """The first recipe, again and again."""

    def describe(self, page_size: int | None) -> str:
        return "the first recipe"

    async def questions(self, client, page_size, recipes, ids, known):
        return await super().questions(client, page_size, recipes, ids[:1], known)


WORKLOADS: dict[str, WorkloadKind] = {
    "first": First(),
''',
    ),
}


@pytest.mark.no_cover
def test_a_workload(lab: Lab) -> None:
    lab.add({}, LINES)
    run = lab.run("run.json", "--protocol", "http,graphql", "--workload", "first", "--client", "library,raw")
    assert {cell["id"]: cell["status"] for cell in run["cells"]} == {
        "http-first-c1": "measured",
        "http-first-raw-c1": "measured",
        "graphql-first-c1": "measured",
        "graphql-first-raw-c1": "measured",
    }
    page = (lab.root / "run.html").read_text(encoding="utf-8")
    assert "first: the first recipe" in page
