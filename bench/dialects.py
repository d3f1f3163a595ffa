"""Which cells are in their protocol's own dialect, and which are not. Pure."""

from bench.results import Cell
from consumers.registry import default_dialect


def dialect_of(cell: Cell) -> str:
    """The dialect of a cell, also of one from before there was a choice."""
    return cell.dialect or default_dialect(cell.protocol)


def unusual_dialect(cell: Cell) -> str:
    """The dialect of a cell where it is not the protocol's own; empty where it is."""
    return "" if cell.dialect == default_dialect(cell.protocol) else cell.dialect
