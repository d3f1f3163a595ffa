"""Requests of the user's own: three services that are not recipes, and services that answer oddly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import request_file
from bench.load_models import ClosedLoad
from bench.plan import Addresses, Matrix, RunPlan, Version
from bench.results import Cell, Run
from bench.run_file import decode, encode
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.runner.sizes import size_up, sizes_run
from bench.wire.anatomy import check_phases
from bench.workloads import OWN, Workload
from consumers.target import parse_target
from tests.support.measuring import HEADER, job_of
from tests.support.own_services import (
    REFLECTION_V1,
    REFLECTION_V1ALPHA,
    REQUESTS,
    contract,
    graphql_orders,
    grpc_orders,
    http_orders,
    orders,
)
from tests.support.programs import nothing_left_running

EVERYTHING: Mapping[str, tuple[Any, ...]] = {
    "gzip": (False, True),
    "load": (ClosedLoad(concurrency=1), ClosedLoad(concurrency=4)),
    "client": ("library", "raw"),
}
ENOUGH: Mapping[str, tuple[Any, ...]] = {"load": (ClosedLoad(concurrency=1),), "client": ("library", "raw")}
"""Where one of a kind is enough to see what an odd answer leads to."""


def plan_of(targets: Mapping[str, str], directory: Path, text: str, values: Mapping[str, tuple[Any, ...]]) -> RunPlan:
    path = directory / "requests.toml"
    path.write_text(text, encoding="utf-8")
    return RunPlan(
        matrix=Matrix({"protocol": tuple(targets), "workload": (Workload(name=OWN),), **values}),
        instances=1,
        rounds=1,
        seconds=60.0,
        slice_ns=2_000_000,
        seed=7,
        recipes="generated:1",
        versions=(Version(targets={name: Addresses(plain=parse_target(url)) for name, url in targets.items()}),),
        known=False,
        requests=request_file.read(path),
    )


async def measured(
    targets: Mapping[str, str], directory: Path, text: str, values: Mapping[str, tuple[Any, ...]] = ENOUGH
) -> Run:
    plan = plan_of(targets, directory, text, values)
    with nothing_left_running():
        recording = await Measurement(job_of(plan, ids=())).run()
    return decode(encode(assemble.run_of(recording, plan, HEADER)))


async def test_three_services_are_measured_by_library_and_raw_clients(tmp_path: Path) -> None:
    async with orders() as targets:
        run = await measured(targets, tmp_path, REQUESTS, EVERYTHING)
    assert {cell.protocol for cell in run.cells} == set(targets)
    for cell in run.cells:
        assert (cell.status, cell.reason) == ("measured", None)
        assert cell.outcomes["ok"] > 0
        assert set(cell.outcomes) == {"ok"}
        if cell.client == "library":
            assert cell.bytes is not None
            assert cell.bytes.response.message_bytes
    assert run.requests is not None
    assert run.requests.values == [{"id": 1}, {"id": 2}, {"id": 42}]
    assert run.requests.titles["http"] == "GET /orders/{id}"
    assert run.requests.requests["grpc"] == {"method": "shop.Orders/Get", "message": {"id": "{id}"}}


async def test_every_byte_of_them_has_a_name(tmp_path: Path) -> None:
    async with orders() as targets:
        plan = plan_of(targets, tmp_path, REQUESTS, EVERYTHING)
        with nothing_left_running():
            sizing = await size_up(job_of(plan, ids=()), 8)
    run = decode(encode(sizes_run(sizing, plan, HEADER)))
    assert run.warnings == []
    assert run.requests is not None
    for cell in run.cells:
        assert cell.anatomy is not None
        check_phases(cell.anatomy)


async def only_cells(address: str, protocol: str, directory: Path, text: str) -> list[Cell]:
    return (await measured({protocol: address}, directory, text)).cells


HTTP_ODD = {
    "unknown": ('path = "/nowhere"', "404 Not Found: GET /nowhere: 404: Not Found"),
    "refused": ('path = "/orders/100"', '404 Not Found: GET /orders/100: {"error": "no order 100"}'),
    "changing": ('path = "/ticks"', "the answer is not the same from call to call (at meta.tick: 1, then 2)"),
    "ignored_in_text": (
        'path = "/text"\nignore = ["tick"]',
        "the answer is text/plain, and ignore names parts of JSON; leave it out",
    ),
}


@pytest.mark.parametrize("name", HTTP_ODD)
async def test_an_http_service_that_answers_oddly_has_no_result_and_the_reason(name: str, tmp_path: Path) -> None:
    section, reason = HTTP_ODD[name]
    async with http_orders() as address:
        cells = await only_cells(address, "http", tmp_path, f"[http]\n{section}\n")
    for cell in cells:
        assert cell.status == "failed"
        assert cell.reason is not None
    assert reason in str(cells[0].reason)


async def test_what_may_differ_is_not_compared_and_the_run_says_so(tmp_path: Path) -> None:
    async with http_orders() as address:
        run = await measured({"http": address}, tmp_path, '[http]\npath = "/ticks"\nignore = ["meta.tick"]\n')
    assert {cell.status for cell in run.cells} == {"measured"}
    notes = [each for each in run.warnings if each.code == "answers_uncompared"]
    assert [each.grade for each in notes] == ["note"]
    assert "meta.tick" in notes[0].text
    assert notes[0].cells == [cell.id for cell in run.cells]


async def test_a_body_with_values_is_posted(tmp_path: Path) -> None:
    text = '[values]\nid = [3, 4]\n[http]\npath = "/search"\nbody = { id = "{id}", note = "number {id}" }\n'
    async with http_orders() as address:
        cells = await only_cells(address, "http", tmp_path, text)
    assert {cell.status for cell in cells} == {"measured"}


async def test_text_is_compared_as_it_is(tmp_path: Path) -> None:
    async with http_orders() as address:
        cells = await only_cells(address, "http", tmp_path, '[http]\npath = "/text"\n')
    assert {cell.status for cell in cells} == {"measured"}


GRAPHQL_ODD = {
    "errors_in_a_200": ('query = "{ order(id: 100) { id } }"', "no order 100"),
    "unknown_field": ('query = "{ order(id: 1) { weight } }"', "Cannot query field 'weight' on type 'Order'"),
    "changing": ('query = "{ tick }"', "the answer is not the same from call to call (at tick: 1, then 2)"),
}


@pytest.mark.parametrize("name", GRAPHQL_ODD)
async def test_a_graphql_service_that_answers_oddly_has_no_result_and_the_reason(name: str, tmp_path: Path) -> None:
    section, reason = GRAPHQL_ODD[name]
    async with graphql_orders() as address:
        cells = await only_cells(address, "graphql", tmp_path, f"[graphql]\n{section}\n")
    assert {cell.status for cell in cells} == {"failed"}
    assert reason in str(cells[0].reason)


GRPC_ODD = {
    "unknown_service": ('method = "shop.Carts/Get"', "failed", "reflection knows no service shop.Carts"),
    "unknown_method": (
        'method = "shop.Orders/List"',
        "failed",
        "shop.Orders has no method List; it has Get, Tick, Watch",
    ),
    "streaming": ('method = "shop.Orders/Watch"', "unsupported", "shop.Orders/Watch is a streaming method"),
    "wrong_message": (
        'method = "shop.Orders/Get"\nmessage = { number = 1 }',
        "failed",
        'message: it is no shop.OrderId: Message type "shop.OrderId" has no field named "number"',
    ),
    "status": ('method = "shop.Orders/Get"\nmessage = { id = 100 }', "failed", "NOT_FOUND: no order 100"),
    "changing": (
        'method = "shop.Orders/Tick"',
        "failed",
        'not the same from call to call (at sold_at: "1970-01-01T00:00:01Z", then "1970-01-01T00:00:02Z")',
    ),
}


@pytest.mark.parametrize("name", GRPC_ODD)
async def test_a_grpc_service_that_answers_oddly_has_no_result_and_the_reason(name: str, tmp_path: Path) -> None:
    section, status, reason = GRPC_ODD[name]
    async with grpc_orders() as address:
        cells = await only_cells(address, "grpc", tmp_path, f"[grpc]\n{section}\n")
    assert {cell.status for cell in cells} == {status}
    assert reason in str(cells[0].reason)


async def test_without_reflection_the_descriptor_set_has_the_method(tmp_path: Path) -> None:
    (tmp_path / "shop.binpb").write_bytes(contract().SerializeToString())
    section = '[grpc]\nmethod = "shop.Orders/Get"\nmessage = { id = 5 }\n'
    async with grpc_orders(reflected_by=()) as address:
        without = await only_cells(address, "grpc", tmp_path, section)
        given = await only_cells(address, "grpc", tmp_path, f'{section}descriptor_set = "shop.binpb"\n')
    assert {cell.status for cell in without} == {"unsupported"}
    assert "the server has no reflection" in str(without[0].reason)
    assert "give a descriptor_set in [grpc]" in str(without[0].reason)
    assert {cell.status for cell in given} == {"measured"}


@pytest.mark.parametrize("versions", [(REFLECTION_V1,), (REFLECTION_V1, REFLECTION_V1ALPHA)])
async def test_the_newer_version_of_reflection_will_do_as_well(versions: tuple[str, ...], tmp_path: Path) -> None:
    async with grpc_orders(versions) as address:
        cells = await only_cells(
            address, "grpc", tmp_path, '[grpc]\nmethod = "shop.Orders/Get"\nmessage = { id = 5 }\n'
        )
    assert {cell.status for cell in cells} == {"measured"}
