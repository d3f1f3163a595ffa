"""Targets as they are given: any path, addresses with and without TLS, headers and certificates that they demand."""

import ssl
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, nullcontext, suppress
from dataclasses import replace
from typing import Any

import psutil
import pytest

from bench.clients.registry import load_client
from bench.load.recorder import OK
from bench.load_models import ClosedLoad
from bench.network.profile import LOOPBACK
from bench.plan import Addresses, Matrix
from bench.protocols import PROTOCOLS
from bench.results import Run
from bench.run_file import encode
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.runner.sizes import size_up, sizes_run
from bench.workloads import GetQuestion, Workload
from consumers.access import REDACTED, Access, Header, read_headers
from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.registry import target_for
from producers.certificates import CertificateFiles
from tests.support.books import CHICKEN, small_book
from tests.support.foreign_producers import FOREIGN, graphql_producer, json_producer
from tests.support.measuring import HEADER, job_of, plan_of
from tests.support.serving import serving

NOTHING_DEMANDED = Access()
SECRET = "s3cret-t0ken"
LOADS = (ClosedLoad(concurrency=1),)


def nothing(*_: object) -> None:
    """Whoever watches the progress and does nothing."""


async def run_of(
    targets: dict[str, Addresses],
    on_progress: Callable[[float, str], None] = nothing,
    access: Access = NOTHING_DEMANDED,
    **matrix: Sequence[Any],
) -> Run:
    """A short run against these targets, for recipe 42."""
    dimensions: dict[str, Sequence[Any]] = {
        "protocol": list(targets),
        "workload": [Workload(name="get")],
        "load": LOADS,
        **matrix,
    }
    short: dict[str, Any] = {"rounds": 1, "slice_ns": 1_000_000, "access": access, "matrix": Matrix(dimensions)}
    plan = plan_of((), (), targets, **short)
    return assemble.run_of(await Measurement(job_of(plan, ids=[42], on_progress=on_progress)).run(), plan, HEADER)


@pytest.mark.parametrize("name", ["library", "raw"])
@pytest.mark.parametrize("path", ["/v1/graphql", "/graphql/", "/", "/a//b"])
async def test_the_path_of_a_target_is_used_as_given(path: str, name: str) -> None:
    base = "" if path == "/" else path.removesuffix("/")
    async with graphql_producer(path=path) as graphql, json_producer(base=base) as http:
        for protocol, address in {"graphql": graphql, "http": http}.items():
            settings = ClientSettings(target=target_for(protocol, f"{address}{path}"))
            client = load_client(name, protocol, settings)
            await client.open()
            await client.verify(client.requests([GetQuestion(42, CHICKEN)])[0])
            await client.close()


async def test_targets_with_a_path_are_measured() -> None:
    path = "/api/v1/"
    async with graphql_producer(path=path) as graphql, json_producer(base="/api/v1") as http:
        targets = {
            "http": Addresses(target_for("http", f"{http}{path}")),
            "graphql": Addresses(target_for("graphql", f"{graphql}{path}")),
        }
        run = await run_of(targets, client=("library", "raw"))
    assert [(cell.status, cell.reason) for cell in run.cells] == [("measured", None)] * 4
    assert all(cell.outcomes[OK] == sum(cell.outcomes.values()) for cell in run.cells)


async def test_what_targets_of_mixed_schemes_lack_is_unsupported_and_the_rest_is_measured(
    own_certificates: CertificateFiles,
) -> None:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(serving("http", small_book()))
        grpc = await stack.enter_async_context(serving("grpc", small_book(), certificates=own_certificates))
        targets = {
            "http": Addresses(plain=http.client_settings.target),
            "grpc": Addresses(tls=grpc.client_settings.target),
        }
        run = await run_of(targets, access=Access(ca=own_certificates.ca), tls=(False, True))
    found = {(cell.protocol, cell.tls): (cell.status, cell.reason) for cell in run.cells}
    assert found == {
        ("http", False): ("measured", None),
        ("http", True): ("unsupported", "its target has no address with TLS; add --target http=https://…"),
        ("grpc", False): ("unsupported", "its target has no address without TLS; add --target grpc=http://…"),
        ("grpc", True): ("measured", None),
    }
    assert not assemble.untrusted(run)


def command_lines() -> str:
    """Those of all processes."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found += process.cmdline()
    return "\n".join(found)


@pytest.mark.parametrize("right", [True, False])
async def test_a_secret_header_reaches_the_producer_and_no_list_of_processes_error_or_file(
    monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    access = Access(headers=read_headers(["Authorization: Bearer env:TOKEN"], PROTOCOLS))
    seen: list[str] = []
    async with AsyncExitStack() as stack:
        demanded = f"Bearer {SECRET}" if right else "another"
        addresses = {
            name: await stack.enter_async_context(FOREIGN[name](CHICKEN, authorization=demanded)) for name in PROTOCOLS
        }
        targets = {name: Addresses(target_for(name, address)) for name, address in addresses.items()}
        run = await run_of(
            targets, lambda *_: seen.append(command_lines()), access, client=("library", "raw", "h2load")
        )
    found = {(cell.protocol, cell.client): cell for cell in run.cells}
    for protocol in PROTOCOLS:
        assert found[protocol, "h2load"].status == "unsupported"
        assert "--client raw" in str(found[protocol, "h2load"].reason)
        for client in ("library", "raw"):
            cell = found[protocol, client]
            assert cell.status == ("measured" if right else "failed"), cell.reason
            assert right or "not with" in str(cell.reason)
    assert run.plan.access.headers == ["authorization"]
    assert seen
    assert not any(SECRET in text for text in seen)
    assert SECRET.encode() not in encode(run)


async def test_a_header_counts_in_the_bytes_of_requests_and_its_value_is_not_recorded() -> None:
    matrix = Matrix({"protocol": ["http"], "workload": [Workload(name="get")], "load": LOADS})
    async with FOREIGN["http"](CHICKEN) as address:
        plan = plan_of((), (), {"http": Addresses(target_for("http", address))}, matrix=matrix)
        bare = sizes_run(await size_up(job_of(plan, ids=[42]), 12), plan, HEADER).cells[0]
        plan = replace(plan, access=Access(headers=(Header(name="X-Id", value="abc"),)))
        cell = sizes_run(await size_up(job_of(plan, ids=[42]), 12), plan, HEADER).cells[0]
    assert bare.bytes is not None
    assert cell.bytes is not None
    assert bare.bytes.request.wire_bytes is not None
    assert cell.bytes.request.wire_bytes == bare.bytes.request.wire_bytes + len("X-Id: abc\r\n")
    assert cell.anatomy is not None
    assert ("x-id", REDACTED) in cell.anatomy.first_headers.request.fields


async def test_certificates_of_an_unknown_authority_are_trusted_on_demand(own_certificates: CertificateFiles) -> None:
    async with AsyncExitStack() as stack:
        served = {
            name: await stack.enter_async_context(serving(name, small_book(), certificates=own_certificates))
            for name in PROTOCOLS
        }
        targets = {name: Addresses(tls=each.client_settings.target) for name, each in served.items()}
        access = Access(insecure=True, tls_min="1.3")
        run = await run_of(targets, access=access, tls=(True,), client=("library", "raw"))
    assert [(cell.status, cell.reason) for cell in run.cells] == [("measured", None)] * 6
    assert run.plan.access.insecure
    assert all(cell.tls_session is not None for cell in run.cells if cell.client == "library")


async def test_targets_without_the_demanded_version_of_tls_are_not_measured(own_certificates: CertificateFiles) -> None:
    old = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    old.load_cert_chain(own_certificates.server, own_certificates.server_key)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    trusting = Access(ca=own_certificates.ca)
    async with json_producer(tls=old) as http:
        targets = {name: Addresses(tls=target_for(name, http)) for name in ("http", "grpc")}
        run = await run_of(targets, access=replace(trusting, tls_min="1.3"), tls=(True,), client=("library", "raw"))
        usual = await run_of({"http": targets["http"]}, access=trusting, tls=(True,), client=("library", "raw"))
    assert {cell.status for cell in run.cells} == {"failed"}
    assert all("at least TLS 1.3 was demanded" in str(cell.reason) for cell in run.cells)
    assert [(cell.status, cell.reason) for cell in usual.cells] == [("measured", None)] * 2


async def test_producers_that_ask_for_a_certificate_of_the_client_are_measured(
    own_certificates: CertificateFiles,
) -> None:
    files = own_certificates
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
    tls.load_cert_chain(files.server, files.server_key)
    tls.verify_mode = ssl.CERT_REQUIRED
    async with json_producer(tls=tls) as http:
        targets = {"http": Addresses(tls=target_for("http", http))}
        access = Access(ca=files.ca, client_certificate=files.client, client_key=files.client_key)
        run = await run_of(targets, access=access, tls=(True,), client=("library", "raw", "h2load"))
    found = {cell.client: (cell.status, cell.reason) for cell in run.cells}
    assert found["library"] == found["raw"] == ("measured", None)
    assert found["h2load"] == ("unsupported", "h2load has no certificate of its own; use --client raw")


async def test_a_target_is_called_by_its_name_through_relays_and_taps_too() -> None:
    async with json_producer(by_name_only=True) as http:
        targets = {"http": Addresses(target_for("http", http))}
        loads = (ClosedLoad(concurrency=2),)
        run = await run_of(targets, client=("library", "raw"), network=(LOOPBACK, "rtt=1ms"), load=loads)
    assert [(cell.status, cell.reason) for cell in run.cells] == [("measured", None)] * 4
    assert all(cell.in_flight is not None for cell in run.cells if cell.network == LOOPBACK)
    assert "sizes_unknown" not in {warning.code for warning in run.warnings}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_certificates_are_verified_for_the_name_of_the_producer_wherever_a_client_connects(
    own_certificates: CertificateFiles, protocol: str
) -> None:
    async with serving(protocol, small_book(), certificates=own_certificates) as served:
        address = served.client_settings.target
        for host, outcome in (("localhost", None), ("example.test", ProducerUnreachable)):
            settings = replace(served.client_settings, target=replace(address, host=host, port=443), via=address)
            for name in ("library", "raw"):
                client = load_client(name, protocol, settings)
                await client.open()
                try:
                    with pytest.raises(outcome) if outcome is not None else nullcontext():
                        await client.verify(client.requests([GetQuestion(42, CHICKEN)])[0])
                finally:
                    await client.close()
