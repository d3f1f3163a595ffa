"""What each front can do, cannot do, and does in its own way: the rows of `bench.fronts` for readers. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.fronts.front import Front
from bench.fronts.plan import FrontLimits, FrontPlan, FrontTimes, TlsAt
from bench.fronts.registry import FRONTS, FrontRow
from bench.protocols import PROTOCOLS
from bench.report.document import Block, Column, Document, Properties, Section, Table, TableBuilder

CAN, CANNOT = "yes", "–"
TLS: Mapping[TlsAt, str] = {
    "front": "TLS ends at the front",
    "producer": "TLS between front and producers only",
    "both": "TLS on both sides",
    "pass": "TLS passes through",
}
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "balances request by request": {"balance": "request"},
    "to the least busy replica": {"balance": "least"},
    "a queue of limited length": {"limits": FrontLimits(in_flight=1, queue=1)},
    "the same over HTTP/2": {"protocol": "grpc", "limits": FrontLimits(in_flight=1, queue=1)},
    "a queue of limited time": {"limits": FrontLimits(in_flight=1, queue_s=1.0)},
    "a limit of HTTP/2 streams": {"protocol": "grpc", "limits": FrontLimits(streams=1)},
    "refuses calls with RESOURCE_EXHAUSTED": {
        "protocol": "grpc",
        "limits": FrontLimits(rate_hz=1, call_status=True),
    },
    "a new connection to a replica for each request": {"times": FrontTimes(upstream_keep_alive_s=0)},
}
HABITS: Mapping[str, str] = {
    "balances": "balances",
    "checks": "health checks",
    "compresses": "compresses with",
    "streams": "calls at a time over one HTTP/2 connection",
    "idle": "idle connections",
    "beyond_connections": "beyond --max-connections",
    "beyond_in_flight": "beyond --max-in-flight",
    "beyond_rate": "beyond --rate",
    "counts": "counts of each replica",
}
"""The fields of `Habits`, by what readers call them."""


def document_of(versions: Mapping[str, str] | None = None) -> Document:
    """All fronts. `versions`: of those that are installed; None: nothing is said of that."""
    blocks: list[Block] = [_abilities()]
    for row in FRONTS.values():
        version = None if versions is None else versions.get(row.name)
        blocks.append(_habits(row, version or "", missing=versions is not None and version is None))
    return Document(sections=(Section("fronts", "", tuple(blocks)),))


def abilities() -> Iterator[tuple[str, FrontPlan]]:
    """What a front may be able to do, and a plan that needs it."""
    for tls_at, text in TLS.items():
        yield text, _plan(tls_at=tls_at)
    for row in PROTOCOLS.values():
        yield f"gzip of {row.title}", _plan(protocol=row.name, gzip=True)
    for text, changes in OTHERS.items():
        yield text, _plan(**changes)


def _plan(**changes: Any) -> FrontPlan:
    return FrontPlan(**{"protocol": "http", "upstreams": ("127.0.0.1:4001", "127.0.0.1:4002"), **changes})


def _abilities() -> Table:
    fronts = {name: row.front() for name, row in FRONTS.items()}
    columns = [Column("", numeric=False), *(Column(name, numeric=False) for name in fronts)]
    built = TableBuilder("What fronts can do", columns)
    for text, plan in abilities():
        built.add((text,), [CANNOT if one.why_not(plan) else CAN for one in fronts.values()])
    return built.table()


def _habits(row: FrontRow, version: str, *, missing: bool) -> Properties:
    front = row.front()
    pairs = [(name, str(text)) for field, name in HABITS.items() if (text := getattr(front.habits, field))]
    pairs += [("cannot", "; ".join(_reasons(front)))]
    if missing:
        pairs.insert(0, ("not installed", row.install))
    return Properties(f"{row.name}: {row.title} {version}".rstrip(), tuple(pairs))


def _reasons(front: Front) -> list[str]:
    """Why it cannot do something, each reason once."""
    reasons = (front.why_not(plan) for _, plan in abilities())
    return list(dict.fromkeys(reason for reason in reasons if reason is not None))
