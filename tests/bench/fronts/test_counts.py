"""What is read out of the statistics of each front."""

import json

import pytest

from bench.fronts.counts import (
    BROKEN_RESPONSE,
    NO_CONNECTION,
    NO_REPLICA,
    REFUSED,
    RESET,
    STATUS_5XX,
    TIMEOUT,
    BadStatistics,
    Counts,
    ReplicaCounts,
)
from bench.fronts.plan import FrontPlan
from bench.fronts.registry import FRONTS, front

ONE, TWO = "127.0.0.1:4001", "127.0.0.1:4002"
PLAN = FrontPlan(protocol="http", upstreams=(ONE, TWO), counts_calls=True)

HAPROXY = b"""# svname,stot,econ,eresp,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,connect,\
req_tot,conn_tot,dreq,intercepted,dcon
FRONTEND,12,,,0,9,0,4,7,,20,9,2,1,4
replica1,7,0,0,0,5,0,0,2,3,,,,,
replica2,5,5,1,0,4,0,0,0,6,,,,,
BACKEND,12,8,1,0,9,0,1,7,,,,,,
"""

NGINX = b"""127.0.0.1:4001|200|0.001|0.002|200|1
127.0.0.1:4002|502|-|-|502|2
127.0.0.1:4002|502|0.000|-|502|3
127.0.0.1:4001|504|0.000|-|504|4
127.0.0.1:4001|503|0.000|0.000|503|5
127.0.0.1:4002, 127.0.0.1:4001|502, 200|-, 0.000|-, 0.001|200|6
replicas|502|-|-|502|1
-|-|-|-|429|1
-|-|-|-|204|2
"""


def envoy(body: object) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)


def host(port: int, **values: int) -> object:
    stats = [{"name": name, "value": str(value)} for name, value in values.items()]
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "stats": stats}


def test_haproxy_counts_requests_in_http_mode() -> None:
    assert front("haproxy").counts(PLAN, [HAPROXY]) == Counts(
        replicas={
            ONE: ReplicaCounts(calls=7, connections=3, failures={STATUS_5XX: 2}),
            TWO: ReplicaCounts(calls=5, connections=6, failures={NO_CONNECTION: 5, BROKEN_RESPONSE: 1}),
        },
        calls=20,
        connections=9,
        failures={REFUSED: 3, NO_REPLICA: 3},
        statuses={"2xx": 9, "4xx": 4, "5xx": 7},
    )


def test_haproxy_counts_connections_in_tcp_mode() -> None:
    assert front("haproxy-tcp").counts(PLAN, [HAPROXY]) == Counts(
        replicas={
            ONE: ReplicaCounts(connections=7),
            TWO: ReplicaCounts(connections=5, failures={NO_CONNECTION: 5, BROKEN_RESPONSE: 1}),
        },
        connections=9,
        failures={REFUSED: 4, NO_REPLICA: 3},
    )


def test_nginx_counts_what_it_has_logged() -> None:
    assert front("nginx").counts(PLAN, [b"", NGINX]) == Counts(
        replicas={
            ONE: ReplicaCounts(calls=4, failures={TIMEOUT: 1, STATUS_5XX: 1}),
            TWO: ReplicaCounts(calls=3, failures={NO_CONNECTION: 2, BROKEN_RESPONSE: 1}),
        },
        calls=9,
        connections=3,
        failures={NO_REPLICA: 1, REFUSED: 2},
        statuses={"2xx": 3, "4xx": 1, "5xx": 5},
    )


def test_nginx_counts_nothing_where_calls_are_not_logged() -> None:
    plan = FrontPlan(protocol="http", upstreams=(ONE,))
    nginx = front("nginx")
    assert nginx.questions(plan) == ()
    assert nginx.counts(plan, []) == Counts(replicas={ONE: ReplicaCounts()})


def test_envoy_counts_what_it_has_sent() -> None:
    usual = {"cx_connect_fail": 0, "rq_timeout": 0, "rq_active": 0}
    clusters = {
        "cluster_statuses": [
            {"name": "other"},
            {
                "host_statuses": [
                    host(4002, **usual | {"rq_active": 1}, cx_total=2, rq_total=9, rq_success=5),
                    host(4001, **usual | {"cx_connect_fail": 3, "rq_timeout": 2}, cx_total=4, rq_total=9, rq_success=7),
                ]
            },
        ]
    }
    stats = {
        "stats": [
            {"name": "http.clients.downstream_rq_total", "value": 30},
            {"name": "http.clients.downstream_cx_total", "value": 6},
            {"name": "http.clients.downstream_rq_2xx", "value": 24},
            {"name": "clients.http_local_rate_limit.rate_limited", "value": 4},
            {"name": "cluster.replicas.upstream_rq_active_overflow", "value": 2},
            {"name": "cluster.replicas.upstream_cx_none_healthy", "value": 1},
            {"histograms": {}},
        ]
    }
    assert front("envoy").counts(PLAN, [envoy(clusters), envoy(stats)]) == Counts(
        replicas={
            ONE: ReplicaCounts(calls=9, connections=4, failures={NO_CONNECTION: 3, TIMEOUT: 2}),
            TWO: ReplicaCounts(calls=9, connections=2, failures={RESET: 3}),
        },
        calls=30,
        connections=6,
        failures={REFUSED: 6, NO_REPLICA: 1},
        statuses={"2xx": 24},
    )


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize(
    "answer",
    [
        b"what?\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
        b"HTTP/1.1 503 Sorry\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_what_cannot_be_read_is_said(name: str, answer: bytes) -> None:
    one = front(name)
    with pytest.raises(BadStatistics, match=r"HAProxy|nginx|Envoy"):
        one.counts(PLAN, [answer] * len(one.questions(PLAN)))


def test_counts_between_two_readings() -> None:
    earlier = Counts(replicas={ONE: ReplicaCounts(calls=5, failures={TIMEOUT: 1})}, calls=5, failures={REFUSED: 2})
    later = Counts(
        replicas={ONE: ReplicaCounts(calls=9, connections=3, failures={TIMEOUT: 1, RESET: 2})},
        calls=9,
        failures={REFUSED: 3},
    )
    assert later.since(earlier) == Counts(
        replicas={ONE: ReplicaCounts(calls=4, failures={RESET: 2})}, calls=4, failures={REFUSED: 1}
    )
