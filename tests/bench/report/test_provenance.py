"""The provenance section: plan, environment, TLS, attribution."""

from bench.report import provenance
from bench.results import PlanUsed, RecipesUsed
from bench.wire.results import TlsSession
from tests.support.runs import cell, run, set_fields


def test_the_plan_is_described() -> None:
    plan = PlanUsed(instances=8, rounds=None, seconds=145, slice_ms=12, instances_done=3, interrupted=True)
    pairs = dict(provenance.of_run(run([], plan=plan)))
    assert pairs["Plan"] == "8 instances, 3 finished; as many rounds as fit in the time each; slices of 12 ms"
    assert "Time that was recorded" not in pairs
    assert dict(provenance.of_run(run([])))["Plan"] == "8 instances; 15 rounds each; slices of 12 ms"


def test_how_much_of_the_time_was_recorded_is_shown() -> None:
    plan = PlanUsed(
        instances=13, rounds=None, seconds=175, slice_ms=12, instances_done=13, instances_at_once=7, recorded_share=0.72
    )
    pairs = dict(provenance.of_run(run([], plan=plan)))
    assert pairs["Instances alive at the same time"] == "7"
    assert pairs["Time that was recorded"] == "72 %"


def test_the_environment_is_listed_with_any_values() -> None:
    environment = {
        "cpu": {"model": "x", "usable": [0, 1], "governor": None, "none": []},
        "is_fast": True,
        "memory_bytes": 25_276_514_304,
        "stolen_share": 0.001,
        "load_average_1min": 0.13,
    }
    assert dict(provenance.of_environment(run([], environment=environment))) == {
        "CPU": "x",
        "usable CPUs": "0, 1",
        "CPU governor": "unknown",
        "cpu none": "none",
        "is fast": "yes",
        "memory": "25.3 GB",
        "CPU steal": "0.1 %",
        "load average before the run (1 min)": "0.13",
    }
    assert provenance.of_environment(run([], environment={})) == ()


def test_libraries_are_one_line() -> None:
    given = run([], environment={"libraries": {"aiohttp": "3.14.5", "grpcio": "1.85.3"}})
    assert provenance.of_environment(given) == (("libraries", "aiohttp 3.14.5, grpcio 1.85.3"),)


def test_tls_is_named_once_by_protocol_where_all_agree() -> None:
    session = TlsSession(version="TLSv1.3", cipher="c", group="g", alpn="h2")
    cells = [cell("grpc", tls=True, tls_session=session), cell("grpc", tls=True, gzip=True, tls_session=session)]
    assert provenance.of_tls(run(cells)) == (("TLS, gRPC", "TLSv1.3, cipher c, group g, ALPN h2"),)
    set_fields(cells[1], tls_session=TlsSession(version="TLSv1.2"))
    assert provenance.of_tls(run(cells))[0][1].endswith("ALPN h2; TLSv1.2")
    set_fields(cells[1], tls_session=TlsSession())
    assert len(provenance.of_tls(run(cells))) == 1


def test_only_the_cookbook_is_attributed() -> None:
    assert provenance.attribution(run([])) is None
    used = RecipesUsed(source="wikibooks", count=1, digest="d")
    assert "CC BY-SA 4.0" in (provenance.attribution(run([], recipes=used)) or "")


def test_why_a_run_was_made_comes_first() -> None:
    assert provenance.of_run(run([], note="before the upgrade"))[0] == ("Note", "before the upgrade")
    assert "Note" not in dict(provenance.of_run(run([])))
