"""One row for each front. Its module is imported when it is first used."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.protocols import resolve
from recipes.installation import prepared_by

if TYPE_CHECKING:
    from bench.fronts.front import Front
    from bench.fronts.plan import TlsAt

HAPROXY_PACKAGE = "install the package haproxy (Debian: apt-get install haproxy)"
NONE = "none"
"""No front: consumers call the producer itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRow:
    """One row."""

    name: str
    """As in flags and run files."""
    title: str
    """As readers know it."""
    install: str
    """What to install where its program is missing."""
    tls_at: "TlsAt" = "front"
    """Where TLS ends when nothing else is chosen: `front`, or `pass` for one that forwards TCP."""
    front_at: str
    """Makes it: a `bench.fronts.front.Front`."""

    def front(self) -> "Front":
        """The front itself."""
        made: Front = resolve(self.front_at)()
        return made


FRONTS: dict[str, FrontRow] = {
    row.name: row
    for row in (
        FrontRow(
            name="haproxy",
            title="HAProxy",
            install=HAPROXY_PACKAGE,
            front_at="bench.fronts.haproxy:HAProxy",
        ),
        FrontRow(
            name="haproxy-tcp",
            title="HAProxy (TCP)",
            install=HAPROXY_PACKAGE,
            tls_at="pass",
            front_at="bench.fronts.haproxy_tcp:HAProxyTcp",
        ),
        FrontRow(
            name="nginx",
            title="nginx",
            install="install the package nginx (Debian: apt-get install nginx)",
            front_at="bench.fronts.nginx:Nginx",
        ),
        FrontRow(
            name="envoy",
            title="Envoy",
            install=f"run `{prepared_by('fronts')}`",
            front_at="bench.fronts.envoy:Envoy",
        ),
    )
}
"""By name, in the order in which reports show them."""


def front(name: str) -> "Front":
    """The front of this name. Raises KeyError for a name that is not in FRONTS."""
    return FRONTS[name].front()


def title(name: str) -> str:
    """What readers call a front; its name where a run file holds one that is not in FRONTS."""
    row = FRONTS.get(name)
    return name if row is None else row.title


def behind(name: str) -> str:
    """Where the consumers of a front are, in words; also for NONE."""
    return "without a front" if name == NONE else f"behind {title(name)}"
