"""A document as Markdown without any HTML: to be pasted into an issue or a README."""

from collections.abc import Iterable, Iterator

from bench.report.document import (
    Block,
    Bullets,
    Charts,
    Document,
    Properties,
    Quality,
    Section,
    Sentences,
    Statement,
    Table,
)
from bench.report.text import markdown as escaped


def render(document: Document, *, details: bool = True) -> str:
    """The document, the conclusion first, ending in a line break. Without details their titles stand at the end."""
    return "\n\n".join(block for block in _blocks(document, details=details) if block) + "\n"


def _blocks(document: Document, *, details: bool) -> Iterator[str]:
    if document.title:
        yield f"# {escaped(document.title)}"
    if document.lead:
        yield escaped(document.lead)
    if document.conclusion is not None:
        yield f"**{escaped(document.conclusion.text)}**"
    if document.quality is not None:
        yield _quality(document.quality)
    yield _statements(document.in_short.statements)
    sections = [section for section in document.sections if not section.drawn]
    for section in sections:
        if details or not section.detail:
            yield from _section(section, 2)
    left_out = [section.title for section in sections if section.detail and not details]
    if left_out:
        yield f"Left out: {escaped('; '.join(left_out))}."
    yield from map(escaped, document.footer)


def _section(section: Section, level: int) -> Iterator[str]:
    if section.title:
        yield f"{'#' * level} {escaped(section.title)}"
    for block in section.blocks:
        yield _block(block)
    for inner in section.sections:
        yield from _section(inner, level + 1)


def _block(block: Block) -> str:
    match block:
        case str():
            return escaped(block)
        case Sentences():
            return _statements(block.statements)
        case Bullets():
            return _bullets(block.texts)
        case Properties():
            pairs = _bullets(f"{name}: {value}" for name, value in block.pairs)
            return f"**{escaped(block.title)}**\n\n{pairs}"
        case Table():
            return _table(block)
        case Charts():
            return _bullets(f"{each.caption}: {each.alternative}." for each in block.charts if not each.in_table)


def _quality(quality: Quality) -> str:
    findings = (f"{each.grade}: {each.text}{f' ({each.code})' if each.code else ''}" for each in quality.findings)
    return f"**{escaped(quality.heading)}**\n\n{_bullets(findings)}".rstrip()


def _statements(statements: Iterable[Statement]) -> str:
    return "\n\n".join(f"**{escaped(each.topic)}.** {escaped(each.text)}" for each in statements)


def _table(table: Table) -> str:
    """The title before it and its notes after it."""
    ruler = ["---:" if column.numeric else "---" for column in table.columns]
    lines = [_line(column.heading for column in table.columns), f"| {' | '.join(ruler)} |"]
    lines += [_line([*row.headings, *(entry.whole for entry in row.entries)]) for row in table.rows]
    notes = [escaped(" ".join(table.notes))] if table.notes else []
    return "\n\n".join([f"**{escaped(table.title)}**", "\n".join(lines), *notes])


def _bullets(texts: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(text)}" for text in texts)


def _line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(escaped(text) for text in texts)} |"
