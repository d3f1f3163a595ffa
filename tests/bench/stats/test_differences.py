"""What differs between two runs, and for what of it they are refused."""

import pytest
from msgspec.structs import replace

from bench.results import (
    AccessUsed,
    RecipesUsed,
)
from bench.stats.compare import RunsNotComparable, compare
from bench.stats.differences import Difference, differences
from tests.bench.stats.compared_runs import LIBRARIES, run, with_environment


@pytest.mark.parametrize(
    ("name", "value", "difference"),
    [
        ("cpu", {"model": "y", "count": 2}, "CPU model: x, then y"),
        ("cpu", {"model": "x", "count": 64}, "CPU count: 2, then 64"),
        ("cpu", {"model": "x", "count": 2, "quota_cores": 1.5}, "CPU quota: none, then 1.5 cores"),
        ("kernel", "6.8.0-31", "kernel: 6.1.0-18, then 6.8.0-31"),
        ("kernel", None, "kernel: 6.1.0-18, then not recorded"),
        ("python", "3.12.1", "Python: 3.11.2, then 3.12.1"),
        ("python_implementation", "PyPy", "Python implementation: not recorded, then PyPy"),
        ("openssl", "OpenSSL 3.5", "OpenSSL: OpenSSL 3.0, then OpenSSL 3.5"),
        ("cpu", {"model": "x", "count": 2, "governor": "powersave"}, "CPU governor: not recorded, then powersave"),
        ("cpu", {"model": "x", "count": 2, "usable": [0, 1]}, "usable CPUs: not recorded, then 2"),
        ("pinning", {"producer": [1], "load": [0], "apart": True}, "producer and load apart: not recorded, then yes"),
        ("libraries", LIBRARIES | {"grpcio": "1.90.0"}, "grpcio: 1.85.0, then 1.90.0"),
        ("libraries", LIBRARIES | {"graphql-core": "3.2.7"}, "graphql-core: 3.2.6, then 3.2.7"),
        ("libraries", LIBRARIES | {"hpack": "4.1.0"}, "hpack: not recorded, then 4.1.0"),
    ],
)
def test_runs_on_different_machines_or_with_different_versions_are_refused_unless_forced(
    name: str, value: object, difference: str
) -> None:
    before, after = run(1), with_environment(run(2), **{name: value})
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, after)
    assert str(refused.value) == difference
    forced = compare(before, after, force=True)
    assert [str(each) for each in forced.differences] == [difference]
    assert len(forced.cells) == 48


def test_only_recipes_with_another_digest_are_refused() -> None:
    before, after = run(1), run(2)
    same = replace(after, recipes=RecipesUsed(source="recipes.json", count=1000, digest="d1"))
    assert differences(before, same) == []
    other = replace(after, recipes=replace(same.recipes, digest="d2"))
    with pytest.raises(RunsNotComparable, match=r"recipes: generated \(1000, digest d1\), then recipes.json"):
        compare(before, other)


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"gzip_level": 1}, "gzip level: 6, then 1"),
        ({"timeout_s": 2.5}, "timeout: 10 s, then 2.5 s"),
        ({"slice_ms": 20.0}, "slice: 12 ms, then 20 ms"),
        ({"expect": "none"}, "expected responses: recipes, then none"),
        ({"networks": {"wan": "round trip 50 ms"}}, "network wan: round trip 40 ms, then round trip 50 ms"),
        ({"gzip_level": None}, "gzip level: 6, then not recorded"),
        ({"access": AccessUsed(headers=["x-b", "grpc:x-a"])}, "headers: none, then grpc:x-a, x-b"),
        ({"access": AccessUsed(insecure=True)}, "certificates of servers: verified, then not verified"),
        ({"access": AccessUsed(tls_min="1.3")}, "TLS at least: the usual version, then 1.3"),
        ({"access": AccessUsed(client_certificate=True)}, "client certificate: no, then yes"),
    ],
)
def test_runs_with_different_settings_are_refused_unless_forced(settings: dict[str, object], difference: str) -> None:
    known = {"gzip_level": 6, "timeout_s": 10.0, "expect": "recipes", "networks": {"wan": "round trip 40 ms"}}
    before, after = (replace(one, plan=replace(one.plan, **known)) for one in (run(1), run(2)))
    assert differences(before, after) == []
    unlike = replace(after, plan=replace(after.plan, **settings))
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, unlike)
    assert str(refused.value) == difference
    assert [str(each) for each in compare(before, unlike, force=True).differences] == [difference]


def test_runs_that_requested_different_recipes_are_refused() -> None:
    before, after = (replace(one, recipes=replace(one.recipes, ids=[1, 2, 3])) for one in (run(1), run(2)))
    assert differences(before, after) == []
    other = replace(after, recipes=replace(after.recipes, ids=[4, 5, 6]))
    with pytest.raises(RunsNotComparable, match=r"requested recipes: 3 \(--ids and --seed; digest \w+\), then 3"):
        compare(before, other)


def test_all_differences_are_on_one_line() -> None:
    before, after = run(1), with_environment(run(2), python="3.12.1", openssl="other")
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, after)
    assert str(refused.value).count(";") == 1
    assert "\n" not in str(refused.value)


def test_commits_notes_hosts_and_times_may_differ_and_are_listed() -> None:
    before = with_environment(replace(run(1), note="as it was"), lab_commit="aaa")
    after = with_environment(replace(run(2), started_at="2026-01-02"), host="there", lab_commit="bbb-dirty")
    assert compare(before, after).circumstances == [
        Difference("commit", "aaa", "bbb-dirty"),
        Difference("note", "as it was", "none"),
        Difference("started", "2026-01-01T00:00:00Z", "2026-01-02"),
        Difference("host", "here", "there"),
    ]


def test_many_libraries_that_one_run_did_not_record_are_one_difference() -> None:
    recorded = LIBRARIES | {f"library-{number}": "1.0" for number in range(40)} | {"grpcio": "1.90.0"}
    assert [str(each) for each in differences(run(1), with_environment(run(2), libraries=recorded))] == [
        "grpcio: 1.85.0, then 1.90.0",
        "recorded in one run only: library-0, library-1, library-2, library-3 and 36 more",
    ]


def test_only_versions_of_fronts_that_both_runs_have_are_compared() -> None:
    before, after = run(1), run(2)
    fronted = with_environment(after, fronts={"haproxy": "2.6.12", "nginx": "1.22.1"})
    assert differences(before, fronted) == []
    newer = with_environment(before, fronts={"haproxy": "2.8.0"})
    assert [str(each) for each in differences(newer, fronted)] == ["HAProxy: 2.8.0, then 2.6.12"]


def test_runs_of_which_one_counts_calls_are_refused() -> None:
    before, after = run(1), run(2)
    counting = replace(after, cells=[*after.cells, replace(after.cells[0], id="workers", workers=2)])
    assert [str(each) for each in differences(before, counting)] == ["calls counted by producers: no, then yes"]
