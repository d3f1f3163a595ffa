"""Rollouts as a document: which restarts lost requests, and latency while they went on."""

from collections.abc import Iterable, Iterator, Sequence

from bench import protocols
from bench.fronts import registry as fronts
from bench.report import units
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
from bench.report.text import listed
from bench.results import Grade
from bench.stats.over_time import NS_PER_S, Interval
from bench.stats.rollouts import Rollout, RolloutKey, regressions
from bench.stats.wording import counted

MILLISECONDS = units.Unit("ms", 1e6)
STATUSES = {"unsupported": "unsupported", "failed": "no result"}
CAUSES_AT_MOST = 2
"""Of one rollout, in a table."""
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
    """What was lost, in a sentence for each protocol behind each front."""
    beyond = [] if fail_above is None else regressions(rollouts, fail_above)
    groups: dict[str, list[Rollout]] = {}
    for each in rollouts:
        if each.status == "measured" and each.untrusted is None:
            groups.setdefault(_subject(each.key), []).append(each)
    sentences = [f"{subject}: {_of_subject(each)}." for subject, each in groups.items()]
    if fail_above is not None:
        sentences.append(
            f"More than {fail_above:,} lost in a restart: {counted(len(beyond), 'rollout')} of {len(rollouts)}."
        )
    return Conclusion(" ".join(sentences) or "No rollout has a result that can be trusted.", alarming=bool(beyond))


def _of_subject(rollouts: Sequence[Rollout]) -> str:
    orders = len({each.key.order for each in rollouts}) > 1
    checks = len({each.key.check_interval_s for each in rollouts}) > 1

    def named(each: Rollout) -> str:
        lost = "no request lost" if not each.failed else f"{each.failed:,} of {each.requests:,} requests lost"
        check = f"checks every {each.key.check_interval_s:g} s" if checks else ""
        differs = ", ".join(filter(None, (each.key.order if orders else "", check)))
        return f"{lost} {each.key.notice}" + (f" ({differs})" if differs else "")

    return listed([named(each) for each in rollouts])


def _subject(key: RolloutKey) -> str:
    return f"{protocols.title(key.cell.protocol)} {fronts.behind(key.cell.front)}"


def _front(key: RolloutKey) -> str:
    return fronts.title(key.cell.front)


def _check(key: RolloutKey) -> str:
    return "" if key.cell.front == fronts.NONE else f"{key.check_interval_s:g} s"


def _findings(rollouts: Iterable[Rollout]) -> Iterator[Finding]:
    for each in rollouts:
        name = f"{_subject(each.key)}, {each.key.order}, {each.key.notice}"
        if each.status != "measured":
            grade: Grade = "note" if each.status == "unsupported" else "warning"
            yield Finding(grade, f"{name}: {STATUSES[each.status]}: {each.reason}")
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
            Column("protocol", numeric=False),
            Column("front", numeric=False),
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
        key = each.key
        notice = "off" if key.stop_notice_s is None else f"{key.stop_notice_s:g} s"
        how = [notice, key.order.removesuffix("-first"), _check(key)]
        headings = (protocols.title(key.cell.protocol), _front(key))
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
    return built.table()


def _cause_table(rollouts: Sequence[Rollout]) -> Table:
    built = TableBuilder(
        "Causes, as the client saw them",
        [
            Column("protocol", numeric=False),
            Column("front", numeric=False),
            Column("notice", numeric=False),
            Column("first", numeric=False),
            Column("restart"),
            Column("lost"),
            Column("kind", numeric=False),
            Column("cause", numeric=False, prose=True),
        ],
    )
    for each in rollouts:
        notice = "off" if each.key.stop_notice_s is None else f"{each.key.stop_notice_s:g} s"
        headings = (protocols.title(each.key.cell.protocol), _front(each.key))
        for lost in each.lost:
            where = "before" if lost.restart is None else f"{lost.restart}"
            for cause in lost.causes:
                first = each.key.order.removesuffix("-first")
                built.add(headings, [notice, first, where, f"{cause.count:,}", cause.kind, cause.text])
    return built.table()


def _charts(rollouts: Sequence[Rollout]) -> Charts:
    return Charts(tuple(_chart(each) for each in rollouts), ())


def _chart(rollout: Rollout) -> Chart:
    moments = tuple(_moment(each, rollout.interval_s) for each in rollout.intervals)
    values = [value for each in moments for value in (each.p50, each.highest) if value]
    domain = (min(values, default=1.0) / 1.5, max(values, default=10.0) * 1.5)
    marks = [
        Mark(ns / NS_PER_S, text)
        for number, each in enumerate(rollout.restarts, start=1)
        for ns, text in ((each.stopped_ns, f"stop {number}"), (each.ready_ns, f"ready {number}"))
    ]
    key = rollout.key
    name = f"{_subject(key)}, {key.order}, {key.notice}"
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
