"""How much of a difference between protocols depends on the libraries that serve them: a table, and a sentence each."""

from collections.abc import Sequence

from bench import protocols
from bench.report import definitions, names, units
from bench.report.document import Column, Entry, Section, Sentences, Statement, Table, TableBuilder
from bench.report.grouping import PLAIN, variant_of
from bench.report.text import listed
from bench.report.units import Unit
from bench.results import Run
from bench.spec import CellKey
from bench.stats.implementations import Difference, Measured, differences
from bench.stats.wording import counted
from producers.registry import PRODUCERS

TITLE = "Protocol or library"
MEASURED: dict[Measured, str] = {
    "latency": "latency",
    "server CPU": "server CPU time",
    "server instructions": "server instructions",
}
"""What is compared, and what it is called within a sentence."""
OTHERS = "with gzip, TLS or both"
RATIO = Unit("×", 1.0)
NOTE = (
    "What a request takes of one protocol divided by what it takes of the other, with one request in flight, for each "
    "pair of the implementations that were measured. Below 1 is better. latency: paired samples. server CPU, server "
    "instructions: the quotient of the two values."
)


def section(run: Run) -> Section | None:
    """The section of a report; None unless a protocol was measured in more than one implementation.

    It is about configurations without gzip and TLS, where there are such; the others are details.
    """
    found = differences(run.cells)
    if not found:
        return None
    plain = [each for each in found if variant_of(each.configuration) == PLAIN] or found
    others = [each for each in found if each not in plain]
    first = plain[0].configuration
    statements = [_statement(each) for each in plain if names.group(each.configuration) == names.group(first)]
    details = (Section("implementations-others", f"{TITLE}: {OTHERS}", (_table(others, OTHERS),), detail=True),)
    return Section("implementations", TITLE, (Sentences(tuple(statements)), _table(plain)), details if others else ())


def _statement(found: Difference) -> Statement:
    """`get: one recipe: between the defaults latency 1.91× and server CPU time 2.60×; over 4 pairs latency 1.72× …`."""
    spreads = [(name, spread) for each, name in MEASURED.items() if (spread := found.spread(each)) is not None]
    where = f"{names.group(found.configuration)}, {variant_of(found.configuration).in_words}"
    usual = [f"{name} {units.significant(value)}×" for name, (value, _, _) in spreads if value is not None]
    between = f"with the default implementations {listed(usual)}; " if usual else ""
    over_all = listed(
        [f"{name} {units.significant(low)}× to {units.significant(high)}×" for name, (_, low, high) in spreads]
    )
    pairs = counted(len(found.pairs), "pair")
    return Statement(_against(found), (f"{where}: {between}over {pairs} of implementations {over_all}.",))


def _table(found: Sequence[Difference], which: str = "") -> Table:
    shown = [name for name in MEASURED if any(each.spread(name) is not None for each in found)]
    headings = [Column(text, numeric=False) for text in ("configuration", "served by", "divided by")]
    built = TableBuilder(f"{TITLE}: {which}" if which else TITLE, headings)
    built.columns += [Column(name) for name in shown]
    for difference in found:
        key = difference.configuration
        where = f"{_against(difference)}, {names.short_group(key)}, {variant_of(key).label}"
        for pair in difference.pairs:
            entries: list[Entry | str] = [units.estimate(pair.ratios.get(name), RATIO) for name in shown]
            built.add((where, served_by(pair.cell), served_by(pair.baseline)), entries)
    built.notes.append(NOTE)
    built.common.append(definitions.INTERVAL)
    return built.table()


def served_by(key: CellKey) -> str:
    """The library that serves it, as readers know it; its name where a run file holds one that is not known here."""
    row = PRODUCERS.get(key.protocol, {}).get(key.implementation)
    return key.implementation if row is None else row.title


def _against(found: Difference) -> str:
    pair = found.pairs[0]
    return f"{protocols.title(pair.cell.protocol)} to {protocols.title(pair.baseline.protocol)}"
