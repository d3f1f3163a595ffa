"""Display names."""

from bench import protocols
from bench.load_models import ClosedLoad, OpenLoad
from bench.protocols import PROTOCOLS
from bench.report import names, text
from producers.registry import PRODUCERS
from tests.support.runs import cell


def test_protocols_of_the_lab_have_titles_and_others_keep_their_names() -> None:
    assert set(PROTOCOLS) == set(PRODUCERS)
    assert protocols.title("graphql") == "GraphQL"
    assert protocols.title("carrier-pigeon") == "carrier-pigeon"


def test_loads() -> None:
    assert names.load(ClosedLoad(concurrency=16)) == "16 in flight"
    assert names.load(OpenLoad(rate_hz=1500)) == "1,500 requests/s"
    assert names.load(None) == "no load"
    assert names.with_load(ClosedLoad(concurrency=1)) == "with 1 request in flight"
    assert names.with_load(ClosedLoad(concurrency=16)) == "with 16 requests in flight"
    assert names.with_load(OpenLoad(rate_hz=0.5)) == "at 0.5 requests/s"
    assert names.with_load(None) == "without load"


def test_statuses() -> None:
    assert names.status(cell("http", status="generator_limited")) == "client limited"


def test_lists_in_sentences() -> None:
    assert [text.listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
