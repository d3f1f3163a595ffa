"""The address of a producer: `http://`, `https://`, `grpc://`, `grpcs://` or plain `host:port`."""

from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORT = 4000
_TLS_BY_SCHEME = {"http": False, "https": True, "grpc": False, "grpcs": True}


class BadTarget(ValueError):
    """An invalid target. The text names it and the valid forms."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address, and whether to use TLS. The protocol determines the path."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_target(text: str) -> Target:
    """Parse a target. The scheme determines TLS; plain `host:port` is without TLS. Raises BadTarget."""
    advice = "use http://, https://, grpc:// or grpcs:// and host:port, or plain host:port"
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() not in _TLS_BY_SCHEME:
        raise BadTarget(f"{text!r} has the unknown scheme {scheme}; {advice}")
    try:
        parts = urlsplit(text if separator else f"plain://{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadTarget(f"{text!r} is not an address ({error}); {advice}") from None
    if not host or parts.username is not None or parts.query or parts.fragment or any(c.isspace() for c in text):
        raise BadTarget(f"{text!r} is not an address; {advice}")
    if parts.path not in ("", "/", "/graphql", "/graphql/"):
        raise BadTarget(f"{text!r} has the path {parts.path}, which the protocol determines; leave it out")
    if port == 0:
        raise BadTarget(f"{text!r} has the port 0; use the port that the producer announced")
    tls = _TLS_BY_SCHEME.get(scheme.lower(), False) if separator else False
    return Target(host, port if port is not None else DEFAULT_PORT, tls)
