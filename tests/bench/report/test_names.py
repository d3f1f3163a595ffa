"""What things are called."""

import pytest

from bench import protocols
from bench.protocols import PROTOCOLS
from bench.report import names
from bench.spec import ClosedLoad, OpenLoad
from bench.workloads import Workload
from producers.registry import PRODUCERS
from tests.support.runs import cell


def test_every_protocol_of_the_lab_has_a_name_and_others_keep_theirs() -> None:
    assert set(PROTOCOLS) == set(PRODUCERS)
    assert protocols.title("graphql") == "GraphQL"
    assert protocols.title("carrier-pigeon") == "carrier-pigeon"


@pytest.mark.parametrize(
    ("gzip", "tls", "label", "words"),
    [
        (False, False, "plain", "without gzip and TLS"),
        (True, False, "gzip", "with gzip"),
        (False, True, "TLS", "with TLS"),
        (True, True, "gzip+TLS", "with gzip and TLS"),
    ],
)
def test_variants(gzip: bool, tls: bool, label: str, words: str) -> None:
    assert names.variant(gzip, tls) == label
    assert names.in_variant(gzip, tls) == words


@pytest.mark.parametrize(
    ("workload", "text"),
    [
        (Workload(name="get"), "get: one recipe"),
        (Workload(name="list", page_size=20), "list: a page of 20 recipes"),
        (Workload(name="list", page_size=1), "list: a page of 1 recipe"),
        (Workload(name="batch", page_size=100), "batch: a page of 100 recipes by their ids, in one request"),
        (Workload(name="dance"), "dance"),
        (Workload(name="dance", page_size=3), "dance, pages of 3"),
    ],
)
def test_workloads(workload: Workload, text: str) -> None:
    assert names.workload(workload) == text


def test_loads() -> None:
    assert names.load(ClosedLoad(concurrency=16)) == "16 in flight"
    assert names.load(OpenLoad(rate_hz=1500)) == "1,500 due per second"
    assert names.load(None) == "no load"
    assert names.with_load(ClosedLoad(concurrency=1)) == "with one request in flight"
    assert names.with_load(ClosedLoad(concurrency=16)) == "with 16 requests in flight"
    assert names.with_load(OpenLoad(rate_hz=0.5)) == "with 0.5 requests due per second"
    assert names.with_load(None) == "without load"


def test_a_status_is_told_in_words() -> None:
    assert names.status(cell("http", status="generator_limited")) == "load was the limit"


def test_lists_in_sentences() -> None:
    assert [names.listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
