"""How fronts react to replicas that fail, as a document."""

from collections.abc import Iterable, Iterator, Sequence

from bench.report import replica_trials
from bench.report.document import Column, Conclusion, Document, Finding, Quality, Section, Table, TableBuilder
from bench.report.replica_trials import TLS_NOTE
from bench.report.text import listed
from bench.spec import NEW
from bench.stats.over_time import NS_PER_S
from bench.stats.reactions import DELAYED_NS, SHARE_REACHED, Fault, FrontReactions, Reaction, ReactionKey
from bench.stats.wording import percent

FAULTS: dict[Fault, str] = {"killed": "killed", "not-ready": "not ready", "hanging": "hanging"}
SUBJECTS: dict[Fault, str] = {
    "killed": "a killed replica",
    "not-ready": "one that is not ready",
    "hanging": "a hanging one",
}
"""Within a sentence, in this order."""
NAMED_AT_MOST = 4
"""Of more fronts than these, the result names only the extremes."""
FAULT_NOTE = (
    "killed: SIGKILL. not ready: its health checks say so, and it serves on. hanging: SIGSTOP, so its connections stay "
    "open and nothing answers."
)
OUT_NOTE = (
    "out after: from the fault to when the last request was sent that failed; of a replica that is not ready, to the "
    "last reading in which it had answered another request (read every 0.1 s). >: requests went to it as long as it "
    "was observed."
)
FAILED_NOTE = (
    "failed: requests in flight when it happened + requests sent afterwards. delayed: successful ones that took longer "
    f"than {DELAYED_NS / 1e6:g} ms."
)
SHARE_NOTE = (
    "share after: from when a new process accepted connections in the same place until it answered at least "
    f"{percent(SHARE_REACHED)} of its fair share of requests, by its own count. >: not as long as it was observed."
)


def document_of(found: Sequence[FrontReactions]) -> Document:
    """The result, and the table."""
    findings = tuple(_findings(found))
    return Document(
        title="Health of replicas behind fronts",
        subtitle="front health",
        lead="One of several replicas failed while requests were due at a fixed rate; then a new one took its place.",
        quality=Quality.of("Data quality", findings) if findings else None,
        sections=(
            Section("reactions", "Until a front has noticed", (_table(found),)),
            *([Section("causes", "Why requests failed", (_cause_table(found),))] if _any_failed(found) else []),
        ),
        conclusion=Conclusion(" ".join(_sentences(found)) or "No front has a result that can be trusted."),
    )


def _findings(found: Sequence[FrontReactions]) -> Iterator[Finding]:
    for each in found:
        subject = _subject(each.key, found)
        if each.status == "unsupported":
            yield Finding("note", f"{subject}: unsupported: {each.reason}")
        if each.status == "failed":
            yield Finding("warning", f"{subject}: no result: {each.reason}")
        if each.untrusted is not None:
            yield Finding("warning", f"{subject}: {each.untrusted}", "load_behind")
        if each.delayed_by_load is not None:
            yield Finding("note", f"{subject}: {each.delayed_by_load}", "load_delays")


def _any_failed(found: Iterable[FrontReactions]) -> bool:
    return any(reaction.causes for each in found for reaction in each.reactions)


def _sentences(found: Sequence[FrontReactions]) -> Iterator[str]:
    trusted = [each for each in found if each.status == "measured" and each.untrusted is None]
    if len(trusted) > NAMED_AT_MOST:
        yield from _altogether(trusted)
        return
    for each in trusted:
        parts = [f"{SUBJECTS[reaction.fault]} {_in_words(reaction)}" for reaction in each.reactions]
        yield f"{_subject(each.key, trusted)}: {'; '.join(parts)}."


def _altogether(found: Sequence[FrontReactions]) -> Iterator[str]:
    """For each fault, where it took longest, and where most requests failed."""
    for fault, subject in SUBJECTS.items():
        reactions = [(each, one) for each in found for one in each.reactions if one.fault == fault]
        if not reactions:
            continue
        (last, slowest), (most, worst) = (max(reactions, key=lambda pair: by(pair[1])) for by in (_until_out, _failed))
        out = _out(slowest)
        taken = f"still got requests after {out[2:]}" if slowest.still_in else f"was out after {out} at most"
        cost = f"cost {_failed(worst):,} requests at most ({_subject(most.key, found)})"
        text = f"{subject} {taken} ({_subject(last.key, found)}) and {cost if _failed(worst) else 'cost no request'}."
        yield text[0].upper() + text[1:]


def _until_out(reaction: Reaction) -> tuple[bool, int]:
    """How long a replica was in use: compares."""
    if reaction.still_in:
        return True, reaction.watched_ns
    return False, max(reaction.failing_for_ns or 0, reaction.called_for_ns or 0)


def _failed(reaction: Reaction) -> int:
    return reaction.in_flight_failed + reaction.later_failed


def _in_words(reaction: Reaction) -> str:
    counts = ((_failed(reaction), "failed"), (reaction.delayed, "delayed"))
    costs = [f"{count:,} {name}" for count, name in counts if count]
    out = _out(reaction)
    taken = f"still got requests after {out[2:]}" if out.startswith(">") else f"was out after {out}"
    return f"{taken} ({listed(costs) or 'no request failed or was delayed'})"


def _subject(key: ReactionKey, among: Iterable[FrontReactions]) -> str:
    age = "" if key.connection_age_s is None else f", connections at most {key.connection_age_s:g} s old"
    return replica_trials.subject(key.cell, [each.key.cell for each in among]) + age


def _out(reaction: Reaction) -> str:
    """When the front had noticed: `1.4 s`, `> 6 s`, `at once`."""
    known = [each for each in (reaction.failing_for_ns, reaction.called_for_ns) if each is not None]
    if reaction.still_in:
        return f"> {_seconds(reaction.watched_ns)}"
    return _seconds(max(known)) if known else "0 s"


def _share(reaction: Reaction) -> str:
    """When a new replica had its share: `0.4 s`, `> 8 s (0 %)`."""
    if reaction.share_after_ns is not None:
        return _seconds(reaction.share_after_ns)
    reached = "" if reaction.share_at_end is None else f" ({percent(reaction.share_at_end)} of requests)"
    return f"> {_seconds(reaction.share_watched_ns)}{reached}"


def _seconds(duration_ns: float) -> str:
    return f"{duration_ns / NS_PER_S:.2g} s" if duration_ns < 9.95 * NS_PER_S else f"{duration_ns / NS_PER_S:.0f} s"


def _table(found: Sequence[FrontReactions]) -> Table:
    built = TableBuilder(
        "Reactions",
        [
            *replica_trials.heading_columns(),
            Column("connections", numeric=False),
            Column("check"),
            Column("replica", numeric=False),
            Column("out after"),
            Column("failed"),
            Column("delayed"),
            Column("share after"),
        ],
    )
    cells = [each.key.cell for each in found]
    for each in found:
        key = each.key
        headings, how = replica_trials.headings(key.cell), replica_trials.settings(key.cell, cells)
        age = "" if key.connection_age_s is None else f" ≤ {key.connection_age_s:g} s"
        how += [f"{'new' if key.cell.connection == NEW else 'kept'}{age}", f"{key.check_interval_s:g} s"]
        if each.status != "measured":
            built.add(headings, [*how, "no result" if each.status == "failed" else each.status, "", "", "", ""])
        for one in each.reactions:
            failed = f"{one.in_flight_failed:,} + {one.later_failed:,}"
            built.add(headings, [*how, FAULTS[one.fault], _out(one), failed, f"{one.delayed:,}", _share(one)])
    built.notes += [FAULT_NOTE, OUT_NOTE, FAILED_NOTE, SHARE_NOTE]
    if any(each.tls for each in cells):
        built.notes.append(TLS_NOTE)
    return built.table()


def _cause_table(found: Sequence[FrontReactions]) -> Table:
    built = TableBuilder(
        "Causes, as the client saw them",
        [
            *replica_trials.heading_columns(),
            Column("replica", numeric=False),
            Column("failed"),
            Column("kind", numeric=False),
            Column("cause", numeric=False, prose=True),
        ],
    )
    cells = [each.key.cell for each in found]
    for each in found:
        headings, how = replica_trials.headings(each.key.cell), replica_trials.settings(each.key.cell, cells)
        for reaction in each.reactions:
            for cause in reaction.causes:
                built.add(headings, [*how, FAULTS[reaction.fault], f"{cause.count:,}", cause.kind, cause.text])
    return built.table()
