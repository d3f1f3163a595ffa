"""What the reports on trials of fronts have in common: their frame, what had no result, and ways to fail."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from bench.fronts import registry as fronts
from bench.fronts.found import Found
from bench.fronts.limits import FailedAs
from bench.protocols import title
from bench.report.document import Column, Conclusion, Document, Finding, Quality, Section, Table

Result = TypeVar("Result", bound=Found)
YES, NO = "yes", "no"
WAYS = (
    "sent: what came to the consumer, from the front or through it. reported: what its client library makes of that.",
    "repeated by the library: aiohttp repeats a GET once whose connection was closed; gRPC repeats calls that were "
    "refused with GOAWAY. By policy: with a usual retry policy (UNAVAILABLE; 429, 502, 503 and 504 of idempotent "
    "methods). The lab's own consumers repeat nothing.",
)
"""What the columns of `way_columns` mean."""


def document(
    title: str, name: str, heading: str, *, tables: Iterable[Table], conclusion: str, findings: Iterable[Finding]
) -> Document:
    """The tables under a heading, and the conclusion. `name`: of the experiment, in a word."""
    found = tuple(findings)
    return Document(
        title=title,
        subtitle=name,
        quality=Quality.of("Data quality", found) if found else None,
        sections=(Section(name, heading, tuple(tables)),),
        conclusion=Conclusion(conclusion),
    )


def subject(found: Found) -> str:
    """`gRPC behind nginx`."""
    return f"{title(found.protocol)} {fronts.behind(found.front)}"


def without_result(found: Sequence[Result], subject: Callable[[Result], str] = subject) -> Iterator[Finding]:
    """What fronts cannot do, each reason once, and trials that failed."""
    for front, reason in dict.fromkeys((each.front, each.unsupported) for each in found):
        if reason:
            yield Finding("note", f"unsupported by {fronts.title(front)}: {reason}")
    for each in found:
        if each.trouble:
            yield Finding("warning", f"{subject(each)}: no result: {each.trouble}")


def way_columns() -> list[Column]:
    """The columns of `way_entries`."""
    return [
        Column("sent", numeric=False),
        Column("reported", numeric=False),
        Column("repeated by library", numeric=False),
        Column("by policy", numeric=False),
    ]


def way_entries(way: FailedAs) -> list[str]:
    """One way to fail."""
    switches = (way.repeated_by_library, way.repeated_by_policy)
    return [way.sent, way.reported, *(YES if each else NO for each in switches)]
