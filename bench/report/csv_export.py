"""A run as CSV (RFC 4180): a row for each cell, values unrounded, units in the names of columns as in the run file."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from bench.load_models import ClosedLoad, OpenLoad
from bench.report.grouping import of_measure
from bench.report.text import spreadsheet
from bench.results import Cell, CpuPerRequest, Estimate, Memory, Quantiles, Ratio, Run
from bench.spec import dimensions
from bench.stats.generator import is_bound
from bench.stats.skew import skew
from bench.wire.results import Bytes, SetupSizes, Sizes, TlsSession

Value = str | int | float | bool | None
NOTHING_KNOWN = Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes())
EMPTY = Cell(id="", protocol="http")
"""Every cell has its columns, so one that holds nothing knows their names."""


def render(run: Run) -> str:
    """A heading, then a row for each cell. What is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(name for name, _ in _columns(EMPTY))
    writer.writerows([_written(value) for _, value in _columns(cell)] for cell in run.cells)
    return text.getvalue()


def _columns(cell: Cell) -> Iterator[tuple[str, Value]]:
    """The columns of a cell: always the same, in the same order."""
    yield "id", cell.id
    for name in dimensions():
        yield from _dimension(name, getattr(cell, name))
    yield "status", cell.status
    yield "reason", cell.reason
    for measure, found in (("latency_ns", cell.latency_ns), ("service_ns", cell.service_ns)):
        for quantile in Quantiles.__struct_fields__:
            yield from _estimate(f"{measure}_{quantile}", getattr(found, quantile) if found else None)
    yield "in_flight_reached", cell.in_flight.reached if cell.in_flight else None
    yield "queued_ns", cell.in_flight.queued_ns if cell.in_flight else None
    yield from _estimate("requests_per_second", cell.requests_per_second)
    yield "requests_per_second_is_lower_bound", None if cell.requests_per_second is None else is_bound(cell)
    yield "ok", cell.outcomes.get("ok")
    others = {kind: count for kind, count in sorted(cell.outcomes.items()) if kind != "ok"}
    yield "not_ok", sum(others.values()) if cell.outcomes else None
    yield "not_ok_by_kind", "; ".join(f"{kind} {count}" for kind, count in others.items())
    yield "not_ok_by_cause", "; ".join(f"{cause.text} × {cause.count}" for cause in cell.causes)
    yield from _bytes(cell.bytes or NOTHING_KNOWN)
    behind = cell.bytes_behind_front or NOTHING_KNOWN
    yield "request_wire_bytes_behind_front", behind.request.wire_bytes
    yield "response_wire_bytes_behind_front", behind.response.wire_bytes
    distributed = skew(cell.calls)
    yield "calls_busiest_times_fair_share", None if distributed is None else distributed.busiest
    yield "calls_distribution", None if distributed is None else distributed.verdict
    spent = cell.cpu_us_per_request or CpuPerRequest()
    yield from _estimate("cpu_us_per_request_producer", spent.producer)
    yield from _estimate("cpu_us_per_request_front", spent.front)
    yield from _estimate("cpu_us_per_request_consumer", spent.consumer)
    memory = cell.memory_bytes or Memory()
    yield "memory_bytes_producer_peak", memory.producer_peak
    yield "memory_bytes_front_peak", memory.front_peak
    for name in TlsSession.__struct_fields__:
        yield f"tls_{name}", getattr(cell.tls_session, name) if cell.tls_session else None
    yield from _ratio("ratio", cell.ratio, cell)
    yield from _ratio("ratio_to_plain", cell.ratio_to_plain, cell)


def _dimension(name: str, value: Any) -> Iterator[tuple[str, Value]]:
    """The column of a dimension; several where its value has several parts."""
    if name == "workload":
        yield "workload", value.name
        yield "page_size", value.page_size
    elif name == "load":
        yield "load_model", None if value is None else "closed" if isinstance(value, ClosedLoad) else "open"
        yield "concurrency", value.concurrency if isinstance(value, ClosedLoad) else None
        yield "rate_hz", value.rate_hz if isinstance(value, OpenLoad) else None
        yield "arrivals", value.arrivals if isinstance(value, OpenLoad) else None
    else:
        yield name, value


def _bytes(found: Bytes) -> Iterator[tuple[str, Value]]:
    for direction, sizes in (("request", found.request), ("response", found.response), ("setup", found.setup)):
        for name in sizes.__struct_fields__:
            yield f"{direction}_{name}", getattr(sizes, name)
    yield "coding", found.coding


def _estimate(name: str, found: Estimate | None) -> Iterator[tuple[str, Value]]:
    yield name, found.value if found else None
    yield f"{name}_low", found.low if found else None
    yield f"{name}_high", found.high if found else None


def _ratio(name: str, ratio: Ratio | None, cell: Cell) -> Iterator[tuple[str, Value]]:
    found = of_measure(ratio, cell)
    yield f"{name}_baseline", ratio.baseline if ratio else None
    for part in ("value", "low", "high", "low_95", "high_95", "verdict", "undecided", "detectable_change"):
        yield f"{name}_{part}" if part != "value" else name, getattr(found, part) if found else None


def _written(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return spreadsheet(value) if isinstance(value, str) else repr(value)
