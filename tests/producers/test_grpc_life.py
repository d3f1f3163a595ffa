"""Shutdown of a gRPC producer process: it is announced, no call in flight is lost, and the port is free at once."""

import asyncio
import signal
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.registry import client
from consumers.target import parse_target
from producers import certificates
from tests.support.programs import PATIENCE_S, listening

CALLERS = 8


async def wait_for_not_serving(channel: grpc.aio.Channel, not_serving: asyncio.Event) -> None:
    """Set `not_serving` once the producer's health changes, as a load balancer would notice."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    async for answer in health.Watch(health_pb2.HealthCheckRequest()):
        if answer.status == health_pb2.HealthCheckResponse.NOT_SERVING:
            not_serving.set()


@pytest.mark.parametrize("strict", [False, True], ids=["core", "front"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_stop_under_load_loses_nothing(
    own_certificates: certificates.CertificateFiles, *, tls: bool, strict: bool
) -> None:
    files = ("--cert", str(own_certificates.server), "--key", str(own_certificates.server_key))
    flags = ("--port", "0", "--recipes", "generated:50", "--stop-notice", "0.5", *(("--tls", *files) if tls else ()))
    flags += ("--strict-calls",) if strict else ()
    with listening("producers", "grpc", *flags) as producer:
        target = parse_target(producer.addresses[0])
        settings = ClientSettings(target=target, ca=own_certificates.ca if tls else None, timeout_s=10)
        credentials = grpc.ssl_channel_credentials(own_certificates.ca.read_bytes())
        not_serving, busy = asyncio.Event(), asyncio.Barrier(CALLERS + 1)
        answered_after = 0

        async def call_until_not_serving() -> None:
            nonlocal answered_after
            async with client("grpc", settings) as consumer:
                assert (await consumer.get(42)).id == 42
                await busy.wait()
                while not not_serving.is_set():
                    assert (await consumer.get(42)).id == 42
                # During the notice time new calls are still served.
                assert (await consumer.get(42)).id == 42
                answered_after += 1

        channel = (
            grpc.aio.secure_channel(target.authority, credentials)
            if tls
            else grpc.aio.insecure_channel(target.authority)
        )
        async with channel, asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(wait_for_not_serving(channel, not_serving))
            for _ in range(CALLERS):
                tasks.create_task(call_until_not_serving())
            await busy.wait()
            producer.process.send_signal(signal.SIGTERM)
        assert answered_after == CALLERS
        assert await asyncio.to_thread(producer.process.wait, PATIENCE_S) == 0
    async with client("grpc", settings) as consumer:
        with pytest.raises(ProducerUnreachable):
            await consumer.get(42)
    again = ("--port", str(target.port), "--recipes", "generated:50")
    with listening("producers", "grpc", *again) as producer:
        assert producer.end() == 0


def test_a_stop_right_after_the_start_is_clean() -> None:
    with listening("producers", "grpc", "--port", "0", "--recipes", "generated:50") as producer:
        producer.process.send_signal(signal.SIGTERM)
        assert producer.process.wait(PATIENCE_S) == 0
        assert producer.process.stderr is not None
        assert producer.process.stderr.read() == ""
