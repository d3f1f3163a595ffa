"""Published claims and what a run says about them, as a table and the set-ups behind it. Pure."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from bench.report import units
from bench.report.document import Column, Conclusion, Document, Section, Sentences, Statement, Table, TableBuilder
from bench.report.provenance import of_environment, recipes_of
from bench.results import RatioEstimate, Run
from bench.spec import CellKey
from bench.stats.claims import (
    NOT_TESTED,
    CheckedClaim,
    CheckedRatio,
    Claim,
    ClaimVerdict,
    Quantity,
    Quotient,
    checked_claims,
)
from bench.stats.published_claims import CLAIMS
from bench.stats.wording import counted
from recipes.installation import started_as

TITLE = "Published claims"
NOTES = (
    "here: the ratio in this run, in parentheses the interval that the verdict follows from (99 %, all ratios "
    "together). Sizes are counted, so they have none.",
    "holds: every interval lies within what is claimed; does not hold: one lies outside; else inconclusive.",
    "What does not hold here may hold where it was found: see the set-ups.",
)
OTHERS = f"{started_as('bench')} claims RUN lists the other claims, too, and which runs can test them."
CONDITIONS = ("CPU", "number of usable CPUs", "kernel", "Python", "lab commit")
"""Parts of the environment, by their names for readers, that the lead states."""
COUNTED: dict[ClaimVerdict, str] = {
    "holds": "hold",
    "does not hold": "do not hold",
    "inconclusive": "inconclusive",
    NOT_TESTED: "cannot be tested with this run",
}
"""What is said of a number of claims with a verdict."""
SHOWN_AT_MOST = 2
"""Ratios of one claim, one by one."""
SIZE_DECIMALS = 3
"""Of ratios of sizes, which are exact."""
_OUTPUT = re.compile(r" --out(=| )\S+")

_Numbered = tuple[int, CheckedClaim]


def document_of(run: Run | None) -> Document:
    """All claims, with their verdicts where there is a run."""
    if run is None:
        claims = [(number, CheckedClaim(each, (), NOT_TESTED)) for number, each in enumerate(CLAIMS, start=1)]
        sections = (Section("claims", "", (_claimed(claims),)), _origins(claims))
        return Document(title=TITLE, sections=sections)
    found = list(enumerate(checked_claims(run, CLAIMS), start=1))
    return Document(
        title=f"{TITLE}, tested",
        lead=_lead(run),
        conclusion=_conclusion([each for _, each in found]),
        sections=(Section("claims", "", tuple(_tables(found))), _origins(found)),
    )


def section(run: Run) -> Section | None:
    """The section of a report: the claims that the run can test; None where there are none."""
    found = [(number, each) for number, each in enumerate(checked_claims(run, CLAIMS), start=1) if each.ratios]
    return Section("claims", TITLE, (*_tables(found), _set_ups(found), OTHERS), detail=True) if found else None


def _lead(run: Run) -> str:
    known = dict(of_environment(run))
    conditions = ", ".join(f"{name} {known[name]}" for name in CONDITIONS if name in known)
    return (
        f"The run: {_OUTPUT.sub('', run.command)}, {run.started_at}, {recipes_of(run)}, "
        f"{conditions}. This page: make claims RUN=FILE."
    )


def _conclusion(found: Sequence[CheckedClaim]) -> Conclusion:
    verdicts = [each.verdict for each in found]
    counts = [f"{verdicts.count(each)} {text}" for each, text in COUNTED.items() if each in verdicts]
    return Conclusion(f"{counted(len(found), 'claim')}: {', '.join(counts)}.")


def _claimed(found: Iterable[_Numbered]) -> Table:
    built = TableBuilder(TITLE, [_text("claim"), _text("ratio claimed"), _text("of")])
    for number, each in found:
        built.add((_heading(number, each),), [bounds(each.claim), each.claim.quantity if each.claim.quotients else ""])
    return built.table()


def _tables(found: Sequence[_Numbered]) -> Iterator[Table]:
    tested = [each for each in found if each[1].ratios]
    if tested:
        built = TableBuilder("Tested", [_text("claim"), _text("verdict"), _text("claimed"), _text("here")])
        for number, each in tested:
            built.add((_heading(number, each),), [each.verdict, bounds(each.claim), _here(each)])
        built.notes += NOTES
        yield built.table()
    others = [each for each in found if not each[1].ratios]
    if others:
        built = TableBuilder("Cannot be tested with this run", [_text("claim"), _text("claimed"), _text("needs")])
        for number, each in others:
            built.add((_heading(number, each),), [bounds(each.claim), _needs(each.claim)])
        yield built.table()


def _needs(claim: Claim) -> str:
    """What a test of it takes: the command where a run can test it."""
    if not claim.quotients:
        return claim.needs
    module, arguments = claim.needs.split(maxsplit=1)
    return f"{started_as(module)} {arguments}"


def _text(title: str) -> Column:
    return Column(title, numeric=False)


def _heading(number: int, found: CheckedClaim) -> str:
    return f"{number}. {found.claim.text}"


def _origins(found: Iterable[_Numbered]) -> Section:
    return Section("claims-origins", "Sources, and where each claim holds", (_set_ups(found),))


def _set_ups(found: Iterable[_Numbered]) -> Sentences:
    return Sentences(tuple(_statement(number, each) for number, each in found))


def _statement(number: int, found: CheckedClaim) -> Statement:
    claim = found.claim
    sentences = [f"Source: {claim.source}.", f"Where it holds: {claim.set_up}"]
    quotients = [each.quotient for each in found.ratios] or claim.quotients
    if quotients:
        sentences.append(f"Checked: {claim.quantity}, {_quotients(quotients)}: {bounds(claim)}.")
    return Statement(str(number), tuple(sentences))


def bounds(claim: Claim) -> str:
    """What is claimed of the ratio: `≤ 0.143`, `3 to 4.4`; empty where the lab cannot test it."""
    if not claim.quotients:
        return ""
    low, high = units.significant(claim.at_least), units.significant(claim.at_most) if claim.at_most < math.inf else ""
    if claim.at_least and high:
        return f"{low} to {high}"
    return f"≤ {high}" if high else f"≥ {low}"


def _quotients(found: Iterable[Quotient]) -> str:
    """`grpc-get-c1 ÷ http-get-c1`: ids of configurations, as in run files."""
    return ", ".join(f"{_product(each.above)} ÷ {_product(each.below)}" for each in found)


def _product(keys: Sequence[CellKey]) -> str:
    text = " × ".join(key.label for key in keys)
    return f"({text})" if len(keys) > 1 else text


def _here(found: CheckedClaim) -> str:
    """The ratio and its interval; of more than two, their range and in how many of them the claim holds."""
    if len(found.ratios) <= SHOWN_AT_MOST:
        return "; ".join(_ratio(each, found.claim.quantity) for each in found.ratios)
    holding = sum(each.verdict == "holds" for each in found.ratios)
    low, high = (end(each.value for each in found.ratios) for end in (min, max))
    return f"{units.significant(low)} to {units.significant(high)}; holds in {holding} of {len(found.ratios)}"


def _ratio(found: CheckedRatio, quantity: Quantity) -> str:
    if quantity.is_counted:
        return f"{found.value:.{SIZE_DECIMALS}f}"
    low, high = found.interval or (None, None)
    if low == 0 or high == math.inf:
        # The client was the limit on one side, or on both.
        if low and high:
            return f"≥ {units.significant(low)}"
        return "unknown" if high == math.inf else f"≤ {units.significant(high or 0)}"
    shown = RatioEstimate(value=found.value, low=low, high=high, low_95=None, high_95=None, verdict="inconclusive")
    return units.ratio(shown)
