"""Rollouts as a document: which restarts lost requests, and latency while they went on."""

from collections.abc import Iterable, Iterator, Sequence

from bench import protocols
from bench.fronts import registry as fronts
from bench.report import replica_trials, units
from bench.report.document import (
    Chart,
    Charts,
    Column,
    Conclusion,
    Document,
    Finding,
    Quality,
    Section,
    Table,
    TableBuilder,
)
from bench.report.plots import Events, Mark, Moment
from bench.report.replica_trials import TLS_NOTE
from bench.report.text import listed
from bench.spec import NEW, CellKey
from bench.stats.over_time import NS_PER_S, Interval
from bench.stats.rollouts import Rollout, RolloutKey, regressions
from bench.stats.wording import counted

MILLISECONDS = units.Unit("ms", 1e6)
STATUSES = {"unsupported": "unsupported", "failed": "no result"}
NAMED_AT_MOST = 4
"""Of more rollouts than these, the result names only those that lost most and least."""
LOST = (
    "lost: requests without a correct response. per restart: how many of these belong to each restart in turn: to the "
    "first that went on while the request was in flight."
)
LATENCY = (
    "Latency of successful requests, from the time at which each was due. before: due before the first restart. "
    "during: due while a restart went on. A new process that starts takes CPU time from the others, on few cores a lot."
)
NOTICE = (
    "notice: how long a producer that was asked to stop served on while its health checks said so. "
    "check: between two health checks of the front."
)


def document_of(rollouts: Sequence[Rollout], fail_above: int | None) -> Document:
    """The result, tables and charts. `fail_above`: how many requests a restart may lose; None: any number."""
    findings = tuple(_findings(rollouts))
    measured = [each for each in rollouts if each.status == "measured"]
    return Document(
        title="Rollout",
        subtitle="rollout",
        lead="Producers were restarted one after the other behind a front, while requests were due at a fixed rate.",
        quality=Quality.of("Data quality", findings) if findings else None,
        sections=(
            Section("rollouts", "Requests lost, and latency", (_table(rollouts),)),
            *([Section("causes", "Why requests were lost", (_cause_table(measured),))] if _any_lost(measured) else []),
            *([Section("time", "Latency over time", (_charts(measured),), drawn=True)] if measured else []),
        ),
        conclusion=conclusion(rollouts, fail_above),
    )


def conclusion(rollouts: Sequence[Rollout], fail_above: int | None) -> Conclusion:
    """What was lost: by each of a few rollouts, otherwise by how many of them, and by which most."""
    beyond = [] if fail_above is None else regressions(rollouts, fail_above)
    trusted = [each for each in rollouts if each.status == "measured" and each.untrusted is None]
    sentences = list(_each(trusted) if len(trusted) <= NAMED_AT_MOST else _altogether(trusted))
    if fail_above is not None:
        sentences.append(
            f"More than {fail_above:,} lost in a restart: {counted(len(beyond), 'rollout')} of {len(rollouts)}."
        )
    return Conclusion(" ".join(sentences) or "No rollout has a result that can be trusted.", alarming=bool(beyond))


def _each(rollouts: Sequence[Rollout]) -> Iterator[str]:
    """A sentence for each protocol behind each front."""
    groups: dict[str, list[Rollout]] = {}
    for each in rollouts:
        groups.setdefault(_subject(each.key, rollouts), []).append(each)
    for subject, group in groups.items():
        lost = [
            f"{_lost(each)} requests lost{_how(each, group)}" if each.failed else f"no request lost{_how(each, group)}"
            for each in group
        ]
        yield f"{subject}: {listed(lost)}."


def _altogether(rollouts: Sequence[Rollout]) -> Iterator[str]:
    """How many lost nothing, with each notice, and which ones lost most and least."""
    by_notice: dict[str, list[Rollout]] = {}
    for each in rollouts:
        by_notice.setdefault(each.key.notice, []).append(each)
    lossless = [
        f"{sum(not each.failed for each in group)} of {len(group)} {notice}" for notice, group in by_notice.items()
    ]
    yield f"Rollouts that lost no request: {listed(lossless)}."
    worst, best = (choose(rollouts, key=_share_lost) for choose in (max, min))
    if worst.failed:
        yield f"Most were lost by {_named(worst, rollouts)}."
    if best.failed:
        yield f"Fewest were lost by {_named(best, rollouts)}."


def _share_lost(rollout: Rollout) -> float:
    return rollout.failed / max(1, rollout.requests)


def _named(rollout: Rollout, among: Sequence[Rollout]) -> str:
    return f"{_subject(rollout.key, among)}{_how(rollout, among)}: {_lost(rollout)}"


def _lost(rollout: Rollout) -> str:
    return f"{rollout.failed:,} of {rollout.requests:,}"


def _how(rollout: Rollout, among: Sequence[Rollout]) -> str:
    """How it was carried out: ` with 2 s notice (start-first)`."""
    orders = len({each.key.order for each in among}) > 1
    checks = len({each.key.check_interval_s for each in among}) > 1
    check = f"checks every {rollout.key.check_interval_s:g} s" if checks and _check(rollout.key) else ""
    differs = ", ".join(filter(None, (rollout.key.order if orders else "", check)))
    return f" {rollout.key.notice}" + (f" ({differs})" if differs else "")


def _subject(key: RolloutKey, among: Iterable[Rollout]) -> str:
    return replica_trials.subject(key.cell, _cells(among))


def _cells(rollouts: Iterable[Rollout]) -> list[CellKey]:
    return [each.key.cell for each in rollouts]


def _check(key: RolloutKey) -> str:
    return "" if key.cell.front == fronts.NONE else f"{key.check_interval_s:g} s"


def _findings(rollouts: Sequence[Rollout]) -> Iterator[Finding]:
    unsupported: set[str] = set()
    for each in rollouts:
        subject = _subject(each.key, rollouts)
        name = f"{subject}, {each.key.order}, {each.key.notice}"
        if each.status == "unsupported" and (text := f"{subject}: unsupported: {each.reason}") not in unsupported:
            # Once, however it was to be restarted.
            unsupported.add(text)
            yield Finding("note", text)
        if each.status == "failed":
            yield Finding("warning", f"{name}: no result: {each.reason}")
        if each.untrusted is not None:
            yield Finding("warning", f"{name}: {each.untrusted}", "load_behind")
        if each.delayed_by_load is not None:
            yield Finding("note", f"{name}: {each.delayed_by_load}", "load_delays")
        if killed := [one.replica for one in each.restarts if one.killed]:
            yield Finding("warning", f"{name}: replica {listed(list(map(str, killed)))} had to be killed", "killed")


def _any_lost(rollouts: Iterable[Rollout]) -> bool:
    return any(each.failed for each in rollouts)


def _table(rollouts: Sequence[Rollout]) -> Table:
    built = TableBuilder(
        "Rollouts",
        [
            *replica_trials.heading_columns(),
            Column("connections", numeric=False),
            Column("notice", numeric=False),
            Column("first", numeric=False),
            Column("check", numeric=False),
            Column("requests"),
            Column("lost"),
            Column("per restart"),
            Column("p99 before", "ms"),
            Column("p99 during", "ms"),
            Column("max", "ms"),
        ],
    )
    for each in rollouts:
        headings = replica_trials.headings(each.key.cell)
        how = _settings(each.key, rollouts)
        if each.status != "measured":
            built.add(headings, [*how, STATUSES[each.status], "", "", "", "", ""])
            continue
        latencies = (each.before_p99_ns, each.during_p99_ns, each.during_max_ns)
        built.add(
            headings,
            [
                *how,
                f"{each.requests:,}",
                f"{each.failed:,}",
                " + ".join(f"{count:,}" for count in each.lost_per_restart),
                *(units.number(value, MILLISECONDS) for value in latencies),
            ],
        )
    built.notes += [LOST, LATENCY, NOTICE]
    if any(each.key.cell.tls for each in rollouts):
        built.notes.append(TLS_NOTE)
    return built.table()


def _settings(key: RolloutKey, among: Sequence[Rollout]) -> list[str]:
    """How a rollout was carried out: entries of a table. Empty where all share what they have in common."""
    connections = ""
    if any(each.key.cell.connection == NEW for each in among):
        connections = "new" if key.cell.connection == NEW else "kept"
    notice = "off" if key.stop_notice_s is None else f"{key.stop_notice_s:g} s"
    shared = replica_trials.settings(key.cell, _cells(among))
    return [*shared, connections, notice, key.order.removesuffix("-first"), _check(key)]


def _cause_table(rollouts: Sequence[Rollout]) -> Table:
    built = TableBuilder(
        "Causes, as the client saw them",
        [
            *replica_trials.heading_columns(),
            Column("connections", numeric=False),
            Column("notice", numeric=False),
            Column("first", numeric=False),
            Column("check", numeric=False),
            Column("restart"),
            Column("lost"),
            Column("kind", numeric=False),
            Column("cause", numeric=False, prose=True),
        ],
    )
    for each in rollouts:
        headings, how = replica_trials.headings(each.key.cell), _settings(each.key, rollouts)
        for lost in each.lost:
            where = "before" if lost.restart is None else f"{lost.restart}"
            for cause in lost.causes:
                built.add(headings, [*how, where, f"{cause.count:,}", cause.kind, cause.text])
    return built.table()


def _charts(rollouts: Sequence[Rollout]) -> Charts:
    return Charts(tuple(_chart(each, rollouts) for each in rollouts), ())


def _chart(rollout: Rollout, among: Sequence[Rollout]) -> Chart:
    moments = tuple(_moment(each, rollout.interval_s) for each in rollout.intervals)
    values = [value for each in moments for value in (each.p50, each.highest) if value]
    domain = (min(values, default=1.0) / 1.5, max(values, default=10.0) * 1.5)
    marks = [
        Mark(ns / NS_PER_S, text)
        for number, each in enumerate(rollout.restarts, start=1)
        for ns, text in ((each.stopped_ns, f"stop {number}"), (each.ready_ns, f"ready {number}"))
    ]
    key = rollout.key
    name = f"{_subject(key, among)}, {key.order}, {key.notice}"
    return Chart(
        Events(moments, tuple(marks), "latency, ms", domain, list(protocols.PROTOCOLS).index(key.cell.protocol)),
        f"{name}: latency by the time at which requests were due. Solid: median, dashed: p99, dotted: maximum; "
        "from the top: failed requests",
        f"{rollout.failed:,} of {rollout.requests:,} requests lost",
    )


def _moment(interval: Interval, width_s: float) -> Moment:
    def in_ms(value: float | None) -> float | None:
        return None if value is None else value / 1e6

    return Moment(
        interval.begins_s + width_s / 2,
        in_ms(interval.p50_ns),
        in_ms(interval.p99_ns),
        in_ms(interval.max_ns),
        interval.failed,
    )
