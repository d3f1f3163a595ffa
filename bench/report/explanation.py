"""What `--explain` shows: every warning in full, the results in sentences, and what the words and marks mean."""

from bench.report import break_evens, definitions, hops, summary
from bench.report.answer_sentences import INCONCLUSIVE, SAME
from bench.report.document import Bullets, Document, Section, Sentences
from bench.report.grouping import Grouping
from bench.report.run_document import quality_of
from bench.results import Run
from bench.stats.verdicts import MARGIN
from bench.stats.wording import percent

MARKS = (
    f"In tables of the answer: a ratio without a mark is significant; {SAME} = within {percent(MARGIN)}; "
    f"{INCONCLUSIVE} = inconclusive."
)
TRUST = (
    "ranking: how many of the headline verdicts (median latency with one request in flight, relative to the baseline, "
    "through the client library) were reached. precision: half the width of the widest of their intervals. p99: in how "
    "many latency configurations it has enough samples. client limit: configurations in which the client was the limit."
)

HOP = "hop: what a front adds to the median latency, from paired slices with and without it, before the same producers."


def explanation_of(run: Run, grouping: Grouping) -> Document:
    """The explanation of a run's answer."""
    sections = [
        Section(f"explained-{number}", group.title, (Sentences(tuple(summary.of_workload(group, grouping))),))
        for number, group in enumerate(grouping.groups)
    ]
    if predicted := break_evens.statements_of(run):
        sections.append(
            Section("explained-network", break_evens.TITLE, (break_evens.EXPLANATION, Sentences(predicted)))
        )
    meanings = (
        MARKS,
        definitions.VERDICTS,
        definitions.INTERVAL,
        definitions.ratio_interval(grouping.ratio_count),
        definitions.PERCENTILES,
        definitions.BOUND,
        definitions.WIRE,
        definitions.CPU,
        *((HOP,) if hops.added_latency(run) else ()),
        TRUST,
    )
    sections.append(Section("explained-words", "How to read this", (Bullets(meanings),)))
    return Document(quality=quality_of(run), sections=tuple(sections))
