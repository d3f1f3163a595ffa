"""Fronts as processes of a session: they forward, count, check health, compress, and end. With the real programs."""

import asyncio
import os
import signal
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import psutil
import pytest

from bench import front_programs
from bench.fronts.counts import NO_CONNECTION, REFUSED, Counts
from bench.fronts.front import Front
from bench.fronts.plan import TLS_PLACES, FrontLimits, FrontPlan, FrontTimes, HealthCheck, TlsAt
from bench.fronts.registry import FRONTS, front
from bench.machine import NOT_PINNED
from bench.protocols import PROTOCOLS
from bench.runner import front as module
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles
from tests.support.fronts import Replicas, installed, two_producers
from tests.support.programs import PATIENCE_S, environment

CALLS = 4
SOON = HealthCheck(interval_s=0.1, timeout_s=1, rise=1, fall=1)
CONTENT = b'{"steps": "Throw it in a pot..."}' * 20
ONE_UPSTREAM: dict[str, Any] = {"protocol": "http", "upstreams": ("127.0.0.1:1",)}


@asynccontextmanager
async def upstream() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that returns CONTENT as the media type that is its path. Yields its address, and what it was asked."""
    asked: list[str] = []
    callers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                asked.append(head)
                fields = f"Content-Type: {head.split()[1][1:]}\r\nContent-Length: {len(CONTENT)}\r\n"
                writer.write(f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + CONTENT)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    for writer in callers:
        writer.transport.abort()


class Got(NamedTuple):
    """A response as it was sent."""

    status: int
    headers: dict[str, str]
    content: bytes


async def got(port: int, media_type: str, accepted: str) -> Got:
    """What a front sends for a path of `upstream`."""
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"http://127.0.0.1:{port}/{media_type}", headers={"Accept-Encoding": accepted}) as response,
    ):
        return Got(
            response.status, {name.lower(): value for name, value in response.headers.items()}, await response.read()
        )


class Forwarded(NamedTuple):
    """What became of CALLS calls through a front."""

    names: set[str]
    """Of the recipes in the responses."""
    version: str
    counts: Counts


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_every_front_forwards_wherever_tls_is(protocol: str, own_certificates: CertificateFiles) -> None:
    fronts = [installed(name) for name in FRONTS]
    async with two_producers(protocol, own_certificates) as replicas, asyncio.TaskGroup() as tests:
        tried = [tests.create_task(forwarded_by_place_of_tls(one, replicas)) for one in fronts]
    for places in [task.result() for task in tried]:
        assert places.keys() >= {"none", "front", "producer", "both"}
        for names, version, counts in places.values():
            assert names == {"Chicken Tikka Masala"}
            assert version
            assert counts.failures == {}
            if counts.calls is None:
                # It sees no requests. All of them went over one connection.
                assert sorted(each.connections or 0 for each in counts.replicas.values()) == [0, 1]
            else:
                assert counts.calls == CALLS
                assert [each.calls for each in counts.replicas.values()] == [CALLS // 2] * 2


async def forwarded_by_place_of_tls(one: Front, replicas: Replicas) -> dict[TlsAt, Forwarded]:
    """By each place of TLS that the front can have."""
    found = {}
    for tls_at in TLS_PLACES:
        plan = replicas.plan(tls_at=tls_at)
        if one.why_not(plan) is not None:
            continue
        running = await replicas.start(one, plan)
        before = await running.counts()
        async with replicas.consumer(running) as consumer:
            names = {(await consumer.get(42)).name for _ in range(CALLS)}
        found[tls_at] = Forwarded(names, running.version, (await running.counts()).since(before))
        await replicas.session.end_front(running)
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_front_keeps_no_connection_to_a_producer_where_none_is_to_be_kept(
    protocol: str, own_certificates: CertificateFiles
) -> None:
    accepted = {}
    async with two_producers(protocol, own_certificates) as replicas:
        plan = replicas.plan(health=None, times=FrontTimes(upstream_keep_alive_s=0))
        for one in (each for name in FRONTS if (each := installed(name)).why_not(plan) is None):
            running = await replicas.start(one, plan)
            before = await replicas.accepted()
            async with replicas.consumer(running) as consumer:
                for _ in range(CALLS):
                    await consumer.get(42)
            accepted[one.name] = await replicas.accepted() - before
    assert accepted == dict.fromkeys(("haproxy", "nginx", "envoy"), CALLS)


async def test_http2_is_balanced_in_http_mode_and_sticks_in_tcp_mode(own_certificates: CertificateFiles) -> None:
    """1,000 calls over one connection: what the front counted, and what the producers did."""
    async with two_producers("grpc", own_certificates) as replicas:
        balanced = await called(replicas, installed("haproxy"))
        stuck = await called(replicas, installed("haproxy-tcp"))
        others = [await called(replicas, installed(name), 100) for name in ("nginx", "envoy")]
    for times, (by_front, by_producers) in zip((1000, 100, 100), (balanced, *others), strict=True):
        assert by_front == by_producers
        assert sum(by_producers) == times
        assert all(abs(share - times / 2) <= 1 for share in by_producers)
    assert sorted(stuck[1]) == [0, 1000]
    assert [bool(connections) for connections in stuck[0]] == [bool(share) for share in stuck[1]]


async def called(replicas: Replicas, one: Front, times: int = 1000) -> tuple[list[int | None], list[int]]:
    """What the front counted for each replica, calls or else connections, and what the producers did."""
    running = await replicas.start(one, replicas.plan())
    counts, calls = await running.counts(), await replicas.counted()
    async with replicas.consumer(running) as consumer:
        for _ in range(times // 20):
            await asyncio.gather(*(consumer.get(42) for _ in range(20)))
    by_front = (await running.counts()).since(counts).replicas.values()
    by_producers = [after - before for after, before in zip(await replicas.counted(), calls, strict=True)]
    return [each.connections if each.calls is None else each.calls for each in by_front], by_producers


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_health_checks_take_a_replica_out_that_is_not_ready(
    protocol: str, own_certificates: CertificateFiles
) -> None:
    places = {"haproxy": "both", "haproxy-tcp": "pass", "envoy": "none"}  # nginx checks nothing by itself
    async with two_producers(protocol, own_certificates, "--stop-notice", "600") as replicas:
        fronts = [
            await replicas.start(installed(name), replicas.plan(health=SOON, tls_at=tls_at))
            for name, tls_at in places.items()
        ]
        while min(await replicas.checked()) < 10 * len(fronts):
            pass
        for each in fronts:
            # On a busy machine a check may take longer than its timeout now and then.
            async with asyncio.timeout(PATIENCE_S):
                while 0 in await shares(replicas, each):
                    pass
        os.kill(replicas.producers[0].pid, signal.SIGTERM)  # it serves on, and says that it is not ready
        for each in fronts:
            while (await shares(replicas, each))[0]:
                pass
        for producer in replicas.producers:
            producer.child.kill()


async def shares(replicas: Replicas, running: module.RunningFront) -> list[int]:
    """How many of 4 calls over as many connections each producer gets."""
    before = await replicas.counted()
    for _ in range(CALLS):
        async with replicas.consumer(running) as consumer:
            await consumer.get(42)
    return [after - earlier for after, earlier in zip(await replicas.counted(), before, strict=True)]


@pytest.mark.parametrize("protocol", ["http", "graphql"])
async def test_a_front_compresses_instead_of_the_producers(protocol: str) -> None:
    fronts = [one for name in FRONTS if (one := installed(name)).why_not(FrontPlan(**ONE_UPSTREAM, gzip=True)) is None]
    async with upstream() as (address, asked), Session(NOT_PINNED) as session:
        for one in fronts:
            plan = FrontPlan(protocol=protocol, upstreams=(address,), gzip=True, health=None)
            running = await session.start_front(one, plan)
            for media_type in (*PROTOCOLS[protocol].compressible, "image/png"):
                asked.clear()
                plain = await got(running.target.port, media_type, "identity")
                packed = await got(running.target.port, media_type, "gzip")
                assert asked
                assert not any("gzip" in head for head in asked)
                assert "content-encoding" not in plain.headers
                if media_type == "image/png":
                    assert packed.content == plain.content == CONTENT
                    continue
                assert packed.headers["content-encoding"] == "gzip"
                assert "accept-encoding" in packed.headers["vary"].lower()
                assert "content-length" not in packed.headers
                assert zlib.decompress(packed.content, wbits=31) == plain.content == CONTENT
    assert [one.name for one in fronts] == ["haproxy", "nginx", "envoy"]


async def test_failures_are_counted_where_they_happened() -> None:
    async with upstream() as (alive, _), Session(NOT_PINNED) as session:
        async with upstream() as (dead, _):
            plan = FrontPlan(protocol="http", upstreams=(dead, alive), health=None, counts_calls=True)
            fronts = [await session.start_front(installed(name), plan) for name in ("haproxy", "nginx", "envoy")]
        for running in fronts:
            before = await running.counts()
            statuses = [(await got(running.target.port, "text/plain", "identity")).status for _ in range(CALLS)]
            counts = (await running.counts()).since(before)
            # Nothing was tried again.
            assert statuses.count(200) == CALLS // 2
            assert counts.replicas[dead].failures == {NO_CONNECTION: CALLS // 2}
            assert (counts.replicas[alive].calls, counts.replicas[alive].failures) == (CALLS // 2, {})
            assert counts.failures == {}


async def test_a_rate_limit_can_be_reported_as_grpc_does() -> None:
    async with Session(NOT_PINNED) as session:
        producer = await session.start_producer("grpc", recipes="generated:50")
        upstreams = (parse_target(producer.plain).authority,)
        limits = FrontLimits(rate_hz=1, call_status=True)
        plan = FrontPlan(protocol="grpc", upstreams=upstreams, limits=limits, counts_calls=True)
        for name in ("haproxy", "nginx", "envoy"):
            running = await session.start_front(installed(name), plan)
            before = await running.counts()
            async with client("grpc", ClientSettings(target=running.target, timeout_s=30, connections=1)) as consumer:
                outcomes = await asyncio.gather(*(consumer.get(42) for _ in range(20)), return_exceptions=True)
            refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            assert refusals
            assert all("RESOURCE_EXHAUSTED" in str(each) for each in refusals)
            assert (await running.counts()).since(before).failures == {REFUSED: len(refusals)}


STARTS_FRONTS = """
import asyncio, sys
from bench.fronts.plan import FrontPlan
from bench.fronts.registry import FRONTS, front
from bench.machine import NOT_PINNED
from bench.runner.session import Session

async def main():
    async with Session(NOT_PINNED) as session:
        plan = FrontPlan(protocol="http", upstreams=(sys.argv[1],))
        print(*[(await session.start_front(front(name), plan)).pid for name in FRONTS], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parent")
async def test_a_killed_bench_leaves_no_front_and_no_socket() -> None:
    assert [installed(name) for name in FRONTS]
    # The path of a Unix socket has to be short.
    with tempfile.TemporaryDirectory(prefix="lab-") as aside:
        async with upstream() as (address, _):
            await ends_with_the_bench(address, environment(TMPDIR=aside))
        async with asyncio.timeout(PATIENCE_S):
            while os.listdir(aside):  # noqa: ASYNC110, PTH208 - the system has no event for it
                await asyncio.sleep(0.05)


async def ends_with_the_bench(address: str, variables: dict[str, str]) -> None:
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTS_FRONTS, address), stdout=asyncio.subprocess.PIPE, env=variables
    )
    assert bench.stdout is not None
    fronts = [psutil.Process(int(pid)) for pid in (await bench.stdout.readline()).split()]
    assert len(fronts) == len(FRONTS)
    bench.kill()
    await bench.wait()
    assert (await asyncio.to_thread(psutil.wait_procs, fronts, PATIENCE_S))[1] == []


async def test_what_is_wrong_with_a_front_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Session(NOT_PINNED) as session:
        impossible = FrontPlan(**ONE_UPSTREAM, tls_at="pass")
        with pytest.raises(ProcessFailed, match="HAProxy: in HTTP mode HAProxy reads requests"):
            await session.start_front(installed("haproxy"), impossible)
        monkeypatch.setattr(front_programs, "program_of", lambda _: None)
        with pytest.raises(ProcessFailed, match="program nginx is not installed; install the package nginx"):
            await session.start_front(front("nginx"), FrontPlan(**ONE_UPSTREAM))
        with pytest.raises(ProcessFailed, match="program envoy is not installed; run `make fronts`"):
            await session.start_front(front("envoy"), FrontPlan(**ONE_UPSTREAM))


async def test_a_front_whose_port_is_taken_meanwhile_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream() as (address, _), Session(NOT_PINNED) as session:
        taken = int(address.rpartition(":")[2])
        for name in FRONTS:
            ports = iter([taken, module.free_port()])
            monkeypatch.setattr(module, "free_port", lambda ports=ports: next(ports))
            running = await session.start_front(installed(name), FrontPlan(protocol="http", upstreams=(address,)))
            monkeypatch.undo()
            assert running.target.port != taken


async def test_a_front_that_does_not_start_says_why() -> None:
    async with Session(NOT_PINNED) as session:
        for name in FRONTS:
            plan = FrontPlan(protocol="http", upstreams=("no such host:1",))
            with pytest.raises(ProcessFailed, match=r"the front .* ended with 1 before it forwarded: .*(no|such).*$"):
                await session.start_front(installed(name), plan)
