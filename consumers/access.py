"""What a server demands of those who call it: headers, certificates, a version of TLS.

A header is given as `Name: value`. `http:Name: value` is for one protocol, and comes before the one for all. What is
secret comes from outside of the command: where the last word of the value is `env:VARIABLE` or `@FILE`, the value of
the environment variable or the content of the file stands in its place. `@FILE` alone names a file of headers, one a
line, whose values are taken literally.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TLS_VERSIONS = ("1.2", "1.3")
"""Those that may be demanded at least; the first by default."""
FILE_AT_MOST_BYTES = 1 << 16
REDACTED = "…"
"""Stands in place of the value of a header wherever something is recorded or shown."""

RESERVED = frozenset(
    (
        *("accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect"),
        *("host", "idempotency-key", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"),
        *("upgrade", "user-agent"),
    )
)
"""What clients set themselves, since it decides what is measured or how messages are framed."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SCOPED = re.compile(r"([a-z0-9]+):(@.*|[A-Za-z0-9_.-]+:.*)", re.DOTALL)
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEME = re.compile(r"[A-Za-z]{1,12}")
"""A word such as Bearer, which says of what kind a secret is and is none."""
_FORM = "use 'Name: value', 'Name: env:VARIABLE', 'Name: @FILE' or @FILE"


class BadHeader(ValueError):
    """An invalid header. The text repeats no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header of every request."""

    name: str
    value: str = field(repr=False)
    protocol: str = ""
    """The only protocol that has it; empty: all."""
    on_command_line: bool = True
    """Whether the value was given on the command line, which every user of the machine can read."""

    @property
    def label(self) -> str:
        """What it is called in records, which hold no value."""
        name = self.name.lower()
        return f"{self.protocol}:{name}" if self.protocol else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a server demands of its clients."""

    headers: tuple[Header, ...] = ()
    """In every request, besides those of the client itself."""
    ca: Path | None = None
    """PEM file of the authority to trust instead of the system's, for TLS."""
    client_certificate: Path | None = None
    """PEM file; it may hold the key, too."""
    client_key: Path | None = None
    insecure: bool = False
    """With TLS, trust whatever certificate the server has."""
    tls_min: str = TLS_VERSIONS[0]
    """One of TLS_VERSIONS. Servers that have no later one are not used."""

    @property
    def needs_known_certificate(self) -> bool:
        """Whether it demands of TLS what gRPC's library cannot do by itself.

        It verifies every certificate, so one that need not be trusted has to be known. It cannot refuse TLS 1.2, but
        uses 1.3 with every server that has it.
        """
        return self.insecure or self.tls_min != TLS_VERSIONS[0]

    def headers_of(self, protocol: str) -> tuple[Header, ...]:
        """Those of one protocol: a header of its own comes before one of the same name for all."""
        own = {each.name.lower(): each for each in self.headers if each.protocol == protocol}
        shared = {each.name.lower(): each for each in self.headers if not each.protocol}
        return tuple({**shared, **own}.values())


def read_headers(texts: Iterable[str], protocols: Collection[str]) -> tuple[Header, ...]:
    """The headers that texts describe, for some of these protocols or all. Raises BadHeader."""
    found: dict[str, Header] = {}
    for text in texts:
        for header in _read(text, protocols):
            if header.label in found:
                raise BadHeader(f"{header.label} is given twice; give one")
            found[header.label] = header
    return tuple(found.values())


def _read(text: str, protocols: Collection[str]) -> Iterable[Header]:
    protocol = ""
    if (scoped := _SCOPED.fullmatch(text)) is not None:
        protocol, text = scoped.groups()
        if protocol not in protocols:
            known = ", ".join(protocols)
            raise BadHeader(f"{protocol!r} is none of {known}; for a header of that name, put a space after the colon")
    if text.startswith("@"):
        lines = _content(text[1:]).splitlines()
        return [_header(*_split(line), protocol, on_command_line=False) for line in lines if line.strip()]
    name, value = _split(text)
    literal, reference = _divided(value)
    if not reference:
        return [_header(name, value, protocol, on_command_line=True)]
    return [_header(name, f"{literal}{_looked_up(name, reference)}", protocol, on_command_line=False)]


def _split(line: str) -> tuple[str, str]:
    name, separator, value = line.partition(":")
    if not separator or not _NAME.fullmatch(name):
        raise BadHeader(f"a header has a name of letters, digits and -_. before a colon; {_FORM}")
    return name, value.strip()


def _divided(value: str) -> tuple[str, str]:
    """A value as what is literal and the reference to what comes from elsewhere; empty where there is none."""
    if value.startswith("@"):
        return "", value
    literal, space, last = value.rpartition(" ")
    return (literal + space, last) if last.startswith(("env:", "@")) else (value, "")


def _looked_up(name: str, reference: str) -> str:
    """What a reference stands for. Raises BadHeader."""
    if reference.startswith("@"):
        lines = _content(reference[1:]).splitlines()
        if len(lines) != 1:
            raise BadHeader(f"{name}: {reference[1:]} has {len(lines)} lines; a value is one line")
        return lines[0].strip()
    variable = reference.removeprefix("env:")
    found = os.environ.get(variable, "").strip() if _VARIABLE.fullmatch(variable) else ""
    if not found:
        raise BadHeader(f"{name}: the environment variable {variable} is not set or empty")
    return found


def _content(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_AT_MOST_BYTES + 1)
        if len(content) > FILE_AT_MOST_BYTES:
            raise BadHeader(f"{path} is larger than {FILE_AT_MOST_BYTES // 1024} KiB")
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise BadHeader(f"{path} has bytes that are not ASCII") from None
    except (OSError, ValueError) as error:
        if isinstance(error, BadHeader):
            raise
        reason = getattr(error, "strerror", None) or error
        raise BadHeader(f"{path}: {reason}; a value that begins with @ can stand in a file of headers") from None


def _header(name: str, value: str, protocol: str, *, on_command_line: bool) -> Header:
    lower = name.lower()
    if lower in RESERVED or lower.startswith("grpc-"):
        raise BadHeader(f"{name} is set by the clients themselves; leave it out")
    if lower.endswith("-bin"):
        raise BadHeader(f"{name}: binary metadata, whose names end in -bin, is not supported")
    if not value:
        raise BadHeader(f"{name} has no value; {_FORM}")
    if not _VALUE.fullmatch(value):
        raise BadHeader(f"{name}: a value has printable ASCII characters only")
    return Header(name=name, value=value, protocol=protocol, on_command_line=on_command_line)


def redacted_header(text: str) -> str:
    """A header as it was given, without what may be secret."""
    scope = ""
    if (scoped := _SCOPED.fullmatch(text)) is not None:
        scope, text = f"{scoped[1]}:", scoped[2]
    if text.startswith("@"):
        return f"{scope}{text}"
    name, separator, value = text.partition(":")
    if not separator:
        return REDACTED
    literal, reference = _divided(value.strip())
    kept = [word if reference and _SCHEME.fullmatch(word) else REDACTED for word in literal.split()]
    shown = " ".join([*kept, *([reference] if reference else [])])
    return f"{scope}{name}: {shown}"


def redacted_arguments(arguments: Iterable[str], flag: str = "--header") -> list[str]:
    """The arguments of a command without the values of headers."""
    found: list[str] = []
    before = ""
    for argument in arguments:
        if before == flag:
            found.append(redacted_header(argument))
        elif argument.startswith(f"{flag}="):
            found.append(f"{flag}={redacted_header(argument.removeprefix(f'{flag}='))}")
        else:
            found.append(argument)
        before = argument
    return found


def without_values(text: str, headers: Iterable[Header], shortest: int = 6) -> str:
    """A text without the values of headers, and without their words, such as the token behind Bearer.

    Values and words of fewer than `shortest` characters are no secrets, and would be found in any text.
    """
    for header in headers:
        words = [word for word in header.value.split() if not _SCHEME.fullmatch(word)]
        for secret in (header.value, *words):
            if len(secret) >= shortest:
                text = text.replace(secret, REDACTED)
    return text


def values_by_name(headers: Iterable[Header]) -> Mapping[str, str]:
    """The headers as the clients send them."""
    return {header.name: header.value for header in headers}
