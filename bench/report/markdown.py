"""A run as Markdown, without any HTML: to be pasted into an issue or a README."""

from collections.abc import Iterable

from bench.report import costs, detail_table, latency_tables, names, provenance, summary
from bench.report.document import Table
from bench.report.grouping import arranged
from bench.report.overall_tables import overall_tables
from bench.report.text import markdown as escaped
from bench.results import Run


def render(run: Run) -> str:
    """The document, ending in a line break."""
    arrangement = arranged(run)
    compared = names.listed([names.contender(each) for each in arrangement.contenders]) or "nothing"
    blocks = [f"# What serving recipes costs: {escaped(compared)}", _warnings(run)]
    common: dict[str, None] = {}
    for group in arrangement.groups:
        blocks += [f"## {escaped(group.title)}"]
        blocks += [
            f"**{escaped(each.topic)}.** {escaped(each.text)}" for each in summary.of_workload(group, arrangement)
        ]
        tables = [latency_tables.figures(group, load, arrangement) for load in group.loads if load.load is not None]
        against_plain = latency_tables.against_plain(group, arrangement)
        tables += [against_plain] if against_plain is not None else []
        tables += [costs.sizes(group), costs.cpu(group)]
        blocks += [table_block(table) for table in tables]
        common |= dict.fromkeys(note for table in tables for note in table.common)
    overall = overall_tables(run)
    blocks += ["## Across workloads", *map(table_block, overall)] if overall else []
    blocks += ["## Every cell", table_block(detail_table.details(run))] if run.cells else ["The run has no cells."]
    blocks += ["## How to read this", bullets([*common, provenance.PINNED])]
    made = [*provenance.of_run(run), *provenance.of_tls(run), *provenance.of_environment(run)]
    blocks += ["## How it was made", bullets(f"{what}: {how}" for what, how in made)]
    attribution = provenance.attribution(run)
    blocks += [escaped(attribution)] if attribution else []
    return "\n\n".join(block for block in blocks if block) + "\n"


def table_block(table: Table) -> str:
    """A table with its title before it and its notes behind."""
    ruler = ["---:" if column.numeric else "---" for column in table.columns]
    lines = [_line(column.heading for column in table.columns), f"| {' | '.join(ruler)} |"]
    lines += [_line([*row.headings, *(entry.whole for entry in row.entries)]) for row in table.rows]
    notes = [escaped(" ".join(table.notes))] if table.notes else []
    return "\n\n".join([f"### {escaped(table.title)}", "\n".join(lines), *notes])


def bullets(texts: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {escaped(text)}" for text in texts)


def _line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(escaped(text) for text in texts)} |"


def _warnings(run: Run) -> str:
    if not run.warnings:
        return "No reason for warning was found."
    count = len(run.warnings)
    heading = "One reason for warning:" if count == 1 else f"{count} reasons for warning:"
    return f"{heading}\n\n{bullets(f'{warning.text} ({warning.code})' for warning in run.warnings)}"
