"""What is compared: protocols, each in a dialect, and in a run of two versions each of one of them."""

from typing import NamedTuple

from bench.dialects import unusual_dialect
from bench.results import Cell


class Contender(NamedTuple):
    """A protocol in one dialect, or in a run of two versions such a one of one of them."""

    protocol: str
    version: str | None
    dialect: str = ""
    """Empty: the protocol's own."""


def contender_of(cell: Cell) -> Contender:
    """Whose cell it is."""
    return Contender(cell.protocol, cell.version, unusual_dialect(cell))
