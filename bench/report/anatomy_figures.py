"""Figures of an anatomy for tables and pictures: bytes of one request by category, and shares. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.results import Anatomy, BothWays, Run
from bench.wire.parts import CONTENT, bytes_by_category

DIRECTIONS = ("sent", "received")


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar of the picture: what one request in steady state takes in one direction, from the inside out."""

    cell: str
    direction: str
    bytes_by_category: Mapping[str, float]
    """The mean over the requests of the steady state, so that the categories sum to what went over the wire."""


def stacks(run: Run) -> list[Stack]:
    """The bars of a run's stacked picture: each cell with an anatomy, both ways."""
    return [
        Stack(cell.id, direction, per_request(cell.anatomy, direction))
        for cell in run.cells
        if cell.anatomy is not None
        for direction in DIRECTIONS
    ]


def per_request(anatomy: Anatomy, direction: str) -> dict[str, float]:
    """Bytes of one request in steady state by category: the mean over all of them."""
    requests = max(1, anatomy.steady_requests)
    return {name: size / requests for name, size in bytes_by_category(way(anatomy.steady, direction)).items()}


def way(both: BothWays, direction: str) -> dict[str, int]:
    """One direction, `sent` or `received`."""
    return both.sent if direction == "sent" else both.received


def all_bytes(both: BothWays, direction: str) -> int:
    """Everything in one direction."""
    return sum(way(both, direction).values())


def useful_share(anatomy: Anatomy) -> float | None:
    """Which share of all bytes of the steady state, both ways, is content; None without any."""
    totals = [bytes_by_category(way(anatomy.steady, direction)) for direction in DIRECTIONS]
    everything = sum(sum(named.values()) for named in totals)
    return sum(named[CONTENT] for named in totals) / everything if everything else None
