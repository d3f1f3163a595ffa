"""The rows of implementations, and what `python -m producers --implementation` refuses. Nothing is served here."""

from collections.abc import Mapping

import pytest

from consumers.registry import dialects
from producers import registry
from producers.registry import ALTERNATIVES, DEFAULT, PRODUCERS, Implementation, producer_class
from producers.settings import Limits, named
from tests.support.implementations import why_skipped
from tests.support.programs import assert_one_line_error, run_here

ROWS = [(protocol, name) for protocol, rows in PRODUCERS.items() for name in rows]
FLAGS = {"gzip", "tls", "client-ca", "workers", "strict-calls"}


@pytest.mark.parametrize("protocol", PRODUCERS)
def test_the_first_implementation_is_the_default_and_lacks_nothing(protocol: str) -> None:
    first, *others = PRODUCERS[protocol]
    assert first == DEFAULT
    assert set(others) <= set(ALTERNATIVES)
    row = PRODUCERS[protocol][DEFAULT]
    assert (row.requires, row.lacks) == ((), {})
    assert all(row.enforces(limit) for name in others for limit in PRODUCERS[protocol][name].limits or ())


def test_every_limit_is_enforced_by_some_protocol() -> None:
    enforced = {limit for protocol in PRODUCERS for limit in PRODUCERS[protocol][DEFAULT].limits or ()}
    assert enforced == {limit for limit, _ in named(Limits())}


@pytest.mark.parametrize(("protocol", "name"), ROWS)
def test_a_row_names_flags_dialects_workloads_and_limits_that_exist(protocol: str, name: str) -> None:
    row = PRODUCERS[protocol][name]
    assert set(row.lacks) <= {*FLAGS, *dialects(protocol), "create", "batch", "fields"}
    assert all(row.lacks.values())
    assert row.limits is None or row.limits <= {limit for limit, _ in named(Limits())}


@pytest.mark.parametrize(("protocol", "name"), ROWS)
def test_every_row_names_a_producer_of_its_protocol(protocol: str, name: str) -> None:
    if (reason := why_skipped(protocol, name)) is not None:
        pytest.skip(reason)
    usual, made = producer_class(protocol), producer_class(protocol, name)
    assert (made.plain_scheme, made.tls_scheme, made.path) == (usual.plain_scheme, usual.tls_scheme, usual.path)


def row_of(**given: object) -> Mapping[str, Implementation]:
    row = Implementation(title="a server", at="nowhere:Nothing", **given)  # type: ignore[arg-type]
    return {DEFAULT: PRODUCERS["http"][DEFAULT], "other": row}


def test_what_is_lacking_has_a_reason() -> None:
    row = row_of(lacks={"gzip": "it has no compression"})["other"]
    assert row.why_not("tls", "gzip") == "a server: it has no compression"
    assert row.why_not("tls", "json") is None


@pytest.mark.parametrize(
    ("given", "flags", "named"),
    [
        ({"lacks": {"gzip": "it has no compression"}}, ("--gzip",), ("--gzip", "it has no compression")),
        ({"lacks": {"tls": "no TLS"}}, ("--tls-port", "0"), ("--tls", "no TLS")),
        ({"lacks": {"workers": "one process"}}, ("--workers", "2"), ("--workers", "one process")),
        ({"limits": frozenset({"body_bytes"})}, ("--limit", "keep_alive_s=5"), ("keep_alive_s=5", "body_bytes")),
        ({"requires": ("no-such-thing",)}, (), ("no-such-thing", "make implementations")),
    ],
)
def test_what_an_implementation_does_not_offer_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object], flags: tuple[str, ...], named: tuple[str, ...]
) -> None:
    monkeypatch.setitem(registry.PRODUCERS, "http", row_of(**given))
    refused = run_here("producers", "http", "--implementation", "other", "--port", "0", *flags)
    assert_one_line_error(refused, 2, "other", *named)


def test_a_dialect_that_is_not_offered_is_refused_by_the_name_of_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {DEFAULT: PRODUCERS["graphql"][DEFAULT]}
    rows = {**row_of(lacks={"persisted": "it keeps no texts"}), **usual}
    monkeypatch.setitem(registry.PRODUCERS, "graphql", rows)
    refused = run_here("producers", "graphql", "--implementation", "other", "--port", "0", "--persisted-queries")
    assert_one_line_error(refused, 2, "--persisted-queries", "it keeps no texts")


def test_an_implementation_of_another_protocol_is_refused() -> None:
    refused = run_here("producers", "http", "--implementation", "grpcio-threads", "--port", "0")
    assert_one_line_error(refused, 2, "'grpcio-threads' is not one of default")


def test_a_check_that_stands_in_front_of_the_default_only_is_refused() -> None:
    flags = ("--implementation", "grpcio-threads", "--strict-calls", "--port", "0")
    assert_one_line_error(run_here("producers", "grpc", *flags), 2, "--strict-calls", "grpc.aio only")
