"""`python -m bench front show`: the configuration of a proxy, to be read and copied."""

import sys
from typing import cast

from bench.cli import front_flags as flags
from bench.fronts.plan import (
    GZIP_LEVEL,
    Balance,
    FrontLimits,
    FrontPlan,
    FrontTimes,
    HealthCheck,
    TlsAt,
)
from bench.fronts.registry import FRONTS
from bench.protocols import PROTOCOLS
from commands.errors import ExitCode, UsageError

FIRST_PROTOCOL = next(iter(PROTOCOLS))
_TIMES, _HEALTH = FrontTimes(), HealthCheck()


def front_show(
    name: flags.FrontArgument,
    protocol: flags.ProtocolFlag = FIRST_PROTOCOL,
    listen: flags.ListenFlag = "127.0.0.1:4000",
    tls_at: flags.TlsAtFlag = "none",
    gzip_at: flags.GzipAtFlag = "producer",
    gzip_level: flags.GzipLevelFlag = GZIP_LEVEL,
    directory: flags.DirectoryFlag = "/etc/recipe-lab",
    access_log: flags.AccessLogFlag = False,
    count_calls: flags.CountCallsFlag = False,
    replicas: flags.ReplicasFlag = 2,
    upstream: flags.UpstreamFlag = None,
    balance: flags.BalanceFlag = "default",
    check_interval: flags.CheckIntervalFlag = _HEALTH.interval_s,
    rise: flags.RiseFlag = _HEALTH.rise,
    fall: flags.FallFlag = _HEALTH.fall,
    keep_alive: flags.KeepAliveFlag = _TIMES.client_keep_alive_s,
    upstream_keep_alive: flags.UpstreamKeepAliveFlag = _TIMES.upstream_keep_alive_s,
    timeout: flags.TimeoutFlag = _TIMES.response_s,
    retries: flags.RetriesFlag = 0,
    max_connections: flags.MaxConnectionsFlag = None,
    max_in_flight: flags.MaxInFlightFlag = None,
    queue: flags.QueueFlag = None,
    queue_time: flags.QueueTimeFlag = None,
    rate: flags.RateFlag = None,
    streams: flags.StreamsFlag = None,
    call_status: flags.CallStatusFlag = False,
) -> int:
    """Show the configuration of a proxy in front of producers, as the lab runs it."""
    row = FRONTS[name]
    front = row.front()
    ports = range(flags.FIRST_PORT, flags.FIRST_PORT + replicas)
    plan = FrontPlan(
        protocol=protocol,
        upstreams=tuple(flags.address("--upstream", text) for text in upstream or [f"127.0.0.1:{n}" for n in ports]),
        address=flags.address("--listen", listen),
        tls_at=cast(TlsAt, tls_at),
        gzip=gzip_at == "front",
        gzip_level=gzip_level,
        balance=cast(Balance, balance),
        health=HealthCheck(interval_s=check_interval, rise=rise, fall=fall) if check_interval else None,
        limits=FrontLimits(
            connections=max_connections,
            in_flight=max_in_flight,
            queue=queue,
            queue_s=queue_time,
            rate_hz=rate,
            streams=streams,
            call_status=call_status,
        ),
        times=FrontTimes(response_s=timeout, client_keep_alive_s=keep_alive, upstream_keep_alive_s=upstream_keep_alive),
        retries=retries,
        counts_calls=count_calls,
        access_log=access_log,
    )
    if (reason := front.why_not(plan)) is not None:
        raise UsageError(f"{row.title}: {reason}")
    sys.stdout.write(front.render(plan, directory)[front.config])
    return ExitCode.FINE
