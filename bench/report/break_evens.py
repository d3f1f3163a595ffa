"""Where the answer flips over a network, in words and as a table. From the run alone. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.contenders import Contender
from bench.model.break_even import BreakEven
from bench.model.choices import Choices, RateBreakEven, baseline_break_evens, gzip_break_evens
from bench.model.parts import Arm, NoParts, parts_of
from bench.report import names
from bench.report.break_even_words import at_rates
from bench.report.document import Builder, Column, Entry, Table
from bench.report.summary import Statement
from bench.results import Run

TITLE = "Over a network"
EXPLANATION = (
    "Predicted, not measured, from the latencies without a network and the bytes on the wire: a rate is of what TCP "
    "carries, as fast up as down, over connections that are open. Then every request takes one round trip, whatever "
    "protocol, so that its length moves none of these rates. In parentheses: the 95 % interval."
)


@dataclass(frozen=True, slots=True)
class BreakEvens:
    """Everything that is told."""

    statements: tuple[Statement, ...]
    table: Table


def break_evens(run: Run) -> BreakEvens | None:
    """None where the run does not hold what it takes."""
    try:
        choices = Choices(parts_of(run))
    except NoParts:
        return None
    of_gzip, of_baseline = list(gzip_break_evens(choices)), list(baseline_break_evens(choices))
    if not of_gzip and not of_baseline:
        return None
    return BreakEvens(
        tuple(_statements(choices, of_gzip, of_baseline)),
        _table(choices, of_gzip, of_baseline),
    )


def _statements(
    choices: Choices, of_gzip: Sequence[RateBreakEven], of_baseline: Sequence[RateBreakEven]
) -> Iterator[Statement]:
    """With TLS where that was measured: over a network it is what people use."""
    tls = choices.parts.has_tls
    baseline = names.contender(choices.parts.baseline)
    for workload in choices.parts.payload_bytes:
        sentences = []
        pays = [
            f"{at_rates(flip.found)} over {names.contender(flip.arm.contender)}"
            for flip in of_gzip
            if flip.workload == workload and flip.arm.tls == tls
        ]
        sentences += [f"gzip pays {names.listed(pays)}."] if pays else []
        beats: dict[Contender, dict[bool, str]] = {}
        for flip in of_baseline:
            if flip.workload == workload and flip.arm.tls == tls:
                beats.setdefault(flip.arm.contender, {})[flip.arm.gzip] = at_rates(flip.found)
        told = [f"{names.contender(contender)} {_with_and_without(said)}" for contender, said in beats.items()]
        sentences += [f"Faster than {baseline}: {'; '.join(told)}."] if told else []
        if sentences:
            yield Statement(names.workload(workload), tuple(sentences))


def _with_and_without(said: dict[bool, str]) -> str:
    """`at no rate`, or `below 24 Mbit/s without gzip, at no rate with gzip`."""
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return ", ".join(f"{text} {'with' if gzip else 'without'} gzip" for gzip, text in said.items())


def _table(choices: Choices, of_gzip: Sequence[RateBreakEven], of_baseline: Sequence[RateBreakEven]) -> Table:
    baseline = names.contender(choices.parts.baseline)
    headings = [Column(text, numeric=False) for text in ("workload", "TLS", "protocol")]
    built = Builder(
        "Rates at which the answer flips",
        [
            *headings,
            Column("gzip pays"),
            Column(f"faster than {baseline}, without gzip"),
            Column(f"faster than {baseline}, with gzip"),
        ],
    )
    pays = {(flip.workload, flip.arm): flip.found for flip in of_gzip}
    beats = {(flip.workload, flip.arm): flip.found for flip in of_baseline}
    for workload in choices.parts.payload_bytes:
        for contender, tls in dict.fromkeys((arm.contender, arm.tls) for arm in choices.parts.exchanges):
            plain, compressed = Arm(contender, False, tls), Arm(contender, True, tls)
            found = [pays.get((workload, compressed)), beats.get((workload, plain)), beats.get((workload, compressed))]
            built.add(
                (names.workload(workload), "TLS" if tls else "plain", names.contender(contender)),
                [_entry(each) for each in found],
            )
    return built.table()


def _entry(found: BreakEven | None) -> Entry:
    return Entry("" if found is None else at_rates(found))
