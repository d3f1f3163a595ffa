"""The address of a producer: `http://`, `https://`, `grpc://`, `grpcs://` or plain `host:port`, and perhaps a path."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import SplitResult, quote, urlsplit

DEFAULT_PORT = 4000
"""Of an address without a scheme and without a port: where the lab's own producers listen."""
_TLS_BY_SCHEME = {"http": False, "https": True, "grpc": False, "grpcs": True}
_PORT_BY_TLS = {False: 80, True: 443}
ADVICE = "use http://, https://, grpc:// or grpcs:// and host:port, or plain host:port"

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A label of digits or hexadecimal digits. Resolvers take a name that ends in one for an IPv4 address in some way."""
_KEPT_IN_PATH = "/%:@!$&'()*+,;=~"
"""What a path may hold besides letters, digits and `-._` (RFC 3986, section 3.3)."""


class BadTarget(ValueError):
    """An invalid target. The text names it and the valid forms, and repeats neither a password nor a query."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address, and whether to use TLS."""

    host: str
    """A name in ASCII, or an IP address."""
    port: int
    tls: bool = False
    path: str = ""
    """As given, percent-encoded; empty where none was. What it stands for depends on the protocol."""

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """A text that is parsed to this target."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}"


def parse_target(text: str) -> Target:
    """Parse a target. Raises BadTarget.

    The scheme determines TLS, and the port where none is given: 80, or 443 with TLS. Without a scheme there is no TLS.
    """
    shown = without_secrets(text)
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() not in _TLS_BY_SCHEME:
        raise BadTarget(f"{shown!r} has the unknown scheme {scheme}; {ADVICE}")
    try:
        parts = urlsplit(text if separator else f"plain://{text}")
        port = parts.port
    except ValueError as error:
        # The reason may hold a part of a password.
        reason = "" if "@" in text else f" ({error})"
        raise BadTarget(f"{shown!r} is not an address{reason}; {ADVICE}") from None
    if parts.username is not None:
        raise BadTarget(f"{shown!r} has a user name; leave it out, and use --header 'Authorization: …' instead")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise BadTarget(f"{shown!r} has a query or a fragment, which each request would replace; leave it out")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise BadTarget(f"{shown!r} is not an address; {ADVICE}")
    host = _host(parts, shown)
    if port == 0:
        raise BadTarget(f"{shown!r} has the port 0; use the port that the producer announced")
    tls = _TLS_BY_SCHEME.get(scheme.lower(), False) if separator else False
    usual = _PORT_BY_TLS[tls] if separator else DEFAULT_PORT
    return Target(host, port if port is not None else usual, tls, quote(parts.path, safe=_KEPT_IN_PATH))


def _host(parts: SplitResult, shown: str) -> str:
    """The host as clients resolve it. Raises BadTarget."""
    host = parts.hostname
    if not host:
        raise BadTarget(f"{shown!r} is not an address; {ADVICE}")
    if "[" in parts.netloc:
        return host
    if host.isascii() and host.isdecimal() and parts.port is None:
        raise BadTarget(f"{shown!r} is a number and no host; for this port of this machine, use localhost:{host}")
    name = host if host.isascii() else _in_ascii(host)
    labels = name.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise BadTarget(f"{shown!r}: {host!r} is not a host name; {ADVICE}")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except AddressValueError:
            raise BadTarget(f"{shown!r}: {host!r} is not an IPv4 address, which has four numbers; {ADVICE}") from None
    return name


def _in_ascii(host: str) -> str:
    """An international name as resolvers know it (RFC 5891); empty where it is none."""
    from yarl import URL  # noqa: PLC0415 - seldom needed, and not small

    try:
        return URL.build(scheme="http", host=host).raw_host or ""
    except ValueError:
        return ""


def without_secrets(text: str) -> str:
    """The text without user name, password, query and fragment."""
    scheme, separator, rest = text.partition("://") if "://" in text else ("", "", text)
    if "@" in rest:
        rest = f"…@{rest.rpartition('@')[2]}"
    return f"{scheme}{separator}{re.split('[?#]', rest, maxsplit=1)[0]}"
