"""What gzip and TLS cost each protocol, compared with that protocol itself without them. Pure."""

from collections.abc import Iterator, Mapping

from bench.report import definitions, units
from bench.report.document import Column, Entry, Table, TableBuilder
from bench.report.explorer import Explorer, Measure, Pair
from bench.results import RatioEstimate


def switch_tables(explorer: Explorer | None) -> Iterator[Table]:
    """A table for each measure that has verdicts: a row for each protocol, a column for each of gzip and TLS."""
    if explorer is None or not any(control.all_at_once for control in explorer.controls):
        return
    for measure in explorer.measures:
        pairs = _against_itself(explorer, measure)
        if pairs:
            yield _table(explorer, measure, pairs)


def _against_itself(explorer: Explorer, measure: Measure) -> dict[tuple[tuple[str, ...], str], Pair]:
    """By the headings of a row, and the variant."""
    found: dict[tuple[tuple[str, ...], str], Pair] = {}
    for pair in explorer.pairs:
        row, other = explorer.rows[pair.first], explorer.rows[pair.second]
        if pair.measure == measure.key and row.series == other.series:
            others = [
                control.texts[row.at[place]]
                for place, control in enumerate(explorer.controls)
                if not control.all_at_once
            ]
            found[(", ".join(others), explorer.series[row.series]), row.variant] = pair
    return found


def _table(explorer: Explorer, measure: Measure, pairs: Mapping[tuple[tuple[str, ...], str], Pair]) -> Table:
    variants = list(dict.fromkeys(variant for _, variant in pairs))
    built = TableBuilder(
        f"{measure.text[0].upper()}{measure.text[1:]}: relative to the same protocol without gzip and TLS",
        [Column("workload", numeric=False), Column("protocol", numeric=False), *(Column(each) for each in variants)],
    )
    # All protocols of a workload together.
    rows = dict.fromkeys(headings for headings, _ in pairs)
    workloads = list(dict.fromkeys(workload for workload, *_ in rows))
    for row in sorted(rows, key=lambda headings: workloads.index(headings[0])):
        built.add(row, [_entry(pairs.get((row, variant))) for variant in variants])
    built.notes.append("Below 1 is better." if measure.lower_is_better else "Above 1 is better.")
    built.common.append(definitions.VERDICTS)
    return built.table()


def _entry(pair: Pair | None) -> Entry | str:
    if pair is None:
        return ""
    found = RatioEstimate(
        value=pair.value, low=pair.low, high=pair.high, low_95=None, high_95=None, verdict=pair.verdict
    )
    return Entry(units.ratio(found), pair.verdict, pair.word)
