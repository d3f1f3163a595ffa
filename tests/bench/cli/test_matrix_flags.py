"""Flags of the matrix: comma lists, repeated flags, and errors that name the flag and the value."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.cli import matrix_flags
from bench.load_models import ClosedLoad, OpenLoad
from bench.plan import Addresses
from bench.workloads import Workload
from commands.errors import UsageError
from consumers.target import Target
from recipes.sources import LoadedRecipes

RECIPES = LoadedRecipes((), "generated:0:1")
PROTOCOLS = ("http", "graphql", "grpc")


def test_words_keep_their_order_without_duplicates() -> None:
    assert matrix_flags.words("--protocol", ["grpc,http", "grpc"], PROTOCOLS) == ["grpc", "http"]


def test_every_dimension_has_the_given_values_or_the_default_ones() -> None:
    found = matrix_flags.values_of({"gzip": ["on"], "connection": ["new,persistent"]}, tls="off")
    assert found["gzip"] == [True]
    assert found["tls"] == [False]
    assert found["connection"] == ["new", "persistent"]
    assert found["protocol"] == list(PROTOCOLS)
    assert found["client"] == ["library"]


def test_a_paged_workload_is_repeated_for_each_page_size() -> None:
    assert matrix_flags.workloads(["get,list"], ["20,100"], None) == [
        Workload(name="get"),
        Workload(name="list", page_size=20),
        Workload(name="list", page_size=100),
    ]


def test_rates_replace_closed_loads() -> None:
    closed = matrix_flags.loads(["1,16"], [], "poisson")
    assert closed == [ClosedLoad(concurrency=1), ClosedLoad(concurrency=16)]
    rates = matrix_flags.loads(["1,16"], ["500", "0.5"], "constant")
    assert rates == [OpenLoad(rate_hz=500, arrivals="constant"), OpenLoad(rate_hz=0.5, arrivals="constant")]


def test_targets_are_read_by_protocol_and_scheme() -> None:
    texts = ["http=localhost:1", "grpc=grpcs://h:2", "http=https://h/api/v1"]
    assert matrix_flags.targets("--target", texts, PROTOCOLS) == {
        "http": Addresses(Target("localhost", 1), Target("h", 443, True, "/api/v1")),
        "grpc": Addresses(None, Target("h", 2, True)),
    }


def test_networks_have_canonical_names() -> None:
    found = matrix_flags.values_of({"network": ["loopback,rtt=0.04s,down=20mbit", "4g"]})
    assert found["network"] == ["loopback", "rtt=40ms,down=20mbit", "4g"]


def test_ids() -> None:
    assert matrix_flags.ids("42,7", RECIPES) == (42, 7)
    assert matrix_flags.ids("", RECIPES) is None


def test_renumbered_recipes_are_named_by_their_own_ids() -> None:
    renumbered = LoadedRecipes((), "mine.json", of_file=True, own_ids={1: "2300634791", 2: "5ed6604591c37cdc054bca79"})
    assert matrix_flags.ids("5ed6604591c37cdc054bca79,2300634791", renumbered) == (2, 1)
    with pytest.raises(UsageError, match=r"^--ids: mine.json has no recipe 2; give ids as they are in the file$"):
        matrix_flags.ids("2", renumbered)


def test_a_page_is_no_larger_than_the_book() -> None:
    kinds = matrix_flags.workloads(["get,list,batch"], ["20,100,3"], 7)
    assert [kind.label for kind in kinds] == ["get", "list7", "list3", "batch20", "batch100", "batch3"]
    assert matrix_flags.workloads(["list"], ["20"], 1)[0].words == "list: a page of 1 recipe"


@pytest.mark.parametrize(
    ("read", "named"),
    [
        (lambda: matrix_flags.words("--protocol", ["soap"], PROTOCOLS), "--protocol: 'soap'"),
        (lambda: matrix_flags.words("--protocol", [","], PROTOCOLS), "--protocol is empty"),
        (lambda: matrix_flags.values_of({"tls": ["yes"]}), "--tls: 'yes'"),
        (lambda: matrix_flags.workloads(["delete"], ["20"], None), "--workload: 'delete'"),
        (lambda: matrix_flags.workloads(["list"], ["0"], None), "--page-size: '0'"),
        (lambda: matrix_flags.workloads(["list"], ["1001"], None), "--page-size: '1001'"),
        (lambda: matrix_flags.loads(["0"], [], "poisson"), "--concurrency: '0'"),
        (lambda: matrix_flags.loads(["1,x"], [], "poisson"), "--concurrency: 'x'"),
        (lambda: matrix_flags.loads(["1"], ["-5"], "poisson"), "--rate: '-5'"),
        (lambda: matrix_flags.loads(["1"], ["nan"], "poisson"), "--rate: 'nan'"),
        (lambda: matrix_flags.loads(["1"], ["5"], "bursts"), "--arrivals: 'bursts'"),
        (lambda: matrix_flags.loads(["1"], [","], "poisson"), "--rate is empty"),
        (lambda: matrix_flags.targets("--target", ["localhost:1"], PROTOCOLS), "'localhost:1' is not PROTOCOL=URL"),
        (lambda: matrix_flags.targets("--target", ["soap=x:1"], PROTOCOLS), "'soap=x:1' is not PROTOCOL=URL"),
        (lambda: matrix_flags.targets("--target", ["http=ftp://x"], PROTOCOLS), "--target http: 'ftp://x'"),
        (lambda: matrix_flags.targets("--target", ["http=4101"], PROTOCOLS), "--target http: '4101' is a number"),
        (lambda: matrix_flags.targets("--target", ["grpc=h:1/api"], PROTOCOLS), "'h:1/api' has the path /api"),
        (lambda: matrix_flags.targets("--target", ["http=x:1,", "http=y:1"], PROTOCOLS), "--target http"),
        (
            lambda: matrix_flags.targets("--target", ["http=x:1", "http=y:1"], PROTOCOLS),
            "http is given twice without TLS",
        ),
        (lambda: matrix_flags.ids("42,x", RECIPES), "--ids: 'x'"),
        (lambda: matrix_flags.values_of({"network": ["lan,5g"]}), "--network: '5g'"),
        (lambda: matrix_flags.values_of({"network": ["rtt=40"]}), "--network: 'rtt=40'"),
        (lambda: matrix_flags.values_of({"network": [","]}), "--network is empty"),
        (lambda: matrix_flags.values_of({"connection": ["old"]}), "--connection: 'old'"),
        (lambda: matrix_flags.values_of({"implementation": ["nginx"]}), "--implementation: 'nginx'"),
        (
            lambda: matrix_flags.check(
                matrix_flags.values_of({"protocol": ["http"], "implementation": ["grpcio-threads"]}, cores="default"),
                [ClosedLoad(concurrency=1)],
            ),
            "--implementation grpcio-threads: http has none of them; add default",
        ),
    ],
)
def test_errors_name_flag_and_value(read: Callable[[], Any], named: str) -> None:
    with pytest.raises(UsageError) as raised:
        read()
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)
