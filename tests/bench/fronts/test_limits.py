"""The answer in words: what each protocol's consumer reports of each limit."""

from bench.fronts.limits import FailedAs, LimitFound, answer, ways
from bench.results import Cause


def found(protocol: str, front: str, limit: str, *causes: Cause) -> LimitFound:
    failed = sum(cause.count for cause in causes)
    return LimitFound(
        protocol=protocol,
        front=front,
        limit=limit,
        requests=100,
        answered=100 - failed,
        p50_ms=1.0,
        ways=ways(protocol, causes),
    )


def cause(kind: str, text: str, count: int) -> Cause:
    return Cause(kind=kind, text=text, count=count)


TOO_MANY = cause("unexpected_answer", "429 Too Many Requests", 40)


def test_fronts_are_named_where_they_differ() -> None:
    refused = cause("unexpected_answer", "502 Bad Gateway", 10)
    text = answer(
        [
            found("http", "haproxy", "rate", TOO_MANY),
            found("http", "nginx", "rate", TOO_MANY),
            found("http", "haproxy", "in-flight"),
            found("http", "nginx", "in-flight", refused),
            found("grpc", "haproxy", "rate", cause("unreachable", "429 Too Many Requests", 40)),
            LimitFound(protocol="grpc", front="nginx", limit="rate", trouble="it ended"),
        ]
    )
    assert "40 requests/s: HTTP/JSON status 429, gRPC UNAVAILABLE." in text
    assert "4 in flight: HTTP/JSON no failure (HAProxy) or status 502 (nginx)." in text


def test_the_most_frequent_failure_counts() -> None:
    assert "HTTP/JSON status 429." in answer(
        [found("http", "haproxy", "rate", TOO_MANY, cause("timeout", "no response within 2 s", 2))]
    )


def test_ways_say_who_would_send_again() -> None:
    (way,) = ways("http", [TOO_MANY])
    assert way == FailedAs(
        requests=40,
        cause="429 Too Many Requests",
        sent="429 Too Many Requests",
        reported="status 429",
        repeated_by_library=False,
        repeated_by_policy=True,
    )
