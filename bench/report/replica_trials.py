"""How reports on rollouts and on the health of replicas name what they compare."""

from collections.abc import Iterable

from bench.fronts import registry as fronts
from bench.report import names
from bench.report.document import Column
from bench.spec import NEW, CellKey, dimensions

OFF, ON = "off", "on"
TLS_NOTE = (
    "TLS: where it ends. front: at the front. producer: at the producers, and clients use none. both: at both. pass: "
    "at the producers, through the front."
)


def subject(key: CellKey, among: Iterable[CellKey]) -> str:
    """`gRPC behind nginx`, `HTTP/JSON (granian) with TLS at the producer behind HAProxy, new connections`.

    The number of replicas is left out where all share it.
    """
    tls = dimensions()["tls"].words(key)
    front = f"{f'with {tls} ' if tls else ''}{fronts.behind(key.front)}"
    connections = "new connections" if key.connection == NEW else ""
    return ", ".join(filter(None, (f"{names.series(key)} {front}", _replicas(key, among), connections)))


def heading_columns() -> list[Column]:
    """The columns of `headings`, and of `settings` behind them."""
    words = ("protocol", "front", "TLS", "replicas")
    return [Column(word, numeric=False) for word in words]


def headings(key: CellKey) -> tuple[str, str]:
    """What serves, and which front."""
    return names.series(key), fronts.title(key.front)


def settings(key: CellKey, among: Iterable[CellKey]) -> list[str]:
    """Where TLS is, and how many replicas there are. Empty where all have none, or as many."""
    tls = (key.tls_at or ON) if key.tls else OFF if any(each.tls for each in among) else ""
    return [tls, _replicas(key, among)]


def _replicas(key: CellKey, among: Iterable[CellKey]) -> str:
    varied = len({each.replicas for each in among if each.front != fronts.NONE}) > 1
    return f"{key.replicas} replicas" if varied and key.front != fronts.NONE else ""
