"""The anatomy of a connection, as it stands in the run file: its bytes by phase and name, and its headers. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from bench.wire.codec import HeaderFields
from bench.wire.parts import HEADERS, Named, category_of, check_sum, total_bytes
from bench.wire.reading import WARM_UP_REQUESTS, Reading
from bench.wire.recording import Direction
from bench.wire.results import Anatomy, BothWays, GzipFound, HeaderPair, HeaderSection
from consumers.access import REDACTED

LINE_EXTRA_BYTES = len(b": ") + len(b"\r\n")
"""What a header line takes in addition to name and value."""


def anatomy_of(reading: Reading, gzip: GzipFound | None = None, secret_names: Collection[str] = ()) -> Anatomy | None:
    """The anatomy of a connection. None where nothing inside TLS is known.

    `secret_names`: names of fields, in lower case, whose values in requests are left out.

    Raises UnknownPart for a part whose name is not declared, and BytesUnaccounted when the phases do not sum.
    """
    if reading.inside_tls == "undivided":
        return None
    requests = len(reading.contents)
    found = Anatomy(
        requests=requests,
        steady_requests=max(0, requests - WARM_UP_REQUESTS),
        inside_tls=reading.inside_tls,
        setup=_both({direction: way.setup for direction, way in reading.ways.items()}),
        first=_requests(reading, 0, 1),
        settling=_requests(reading, 1, min(WARM_UP_REQUESTS, requests)),
        steady=_requests(reading, min(WARM_UP_REQUESTS, requests), requests),
        last=_requests(reading, requests - 1, requests),
        closing=_both({direction: way.closing.named for direction, way in reading.ways.items()}),
        total={direction.value: way.total_bytes for direction, way in reading.ways.items()},
        first_headers=_headers(reading, 0, secret_names),
        last_headers=_headers(reading, requests - 1, secret_names),
        gzip=gzip,
    )
    check_phases(found)
    return found


def check_phases(anatomy: Anatomy) -> None:
    """Raise BytesUnaccounted unless the phases sum to everything handed to TCP in each direction.

    Raises UnknownPart for a part whose name is not declared.
    """
    phases = (anatomy.setup, anatomy.first, anatomy.settling, anatomy.steady, anatomy.closing)
    for direction in Direction:
        parts = [getattr(phase, direction.value) for phase in phases]
        for name in {name for named in parts for name in named}:
            category_of(name)
        check_sum(direction.value, anatomy.total[direction.value], sum(map(total_bytes, parts)))


def _requests(reading: Reading, start: int, end: int) -> BothWays:
    """The bytes of some requests together."""
    return _both(
        {direction: _sum(span.named for span in way.requests[start:end]) for direction, way in reading.ways.items()}
    )


def _both(named: Mapping[Direction, Named]) -> BothWays:
    return BothWays(sent=dict(named[Direction.SENT]), received=dict(named[Direction.RECEIVED]))


def _sum(parts: Iterable[Named]) -> Counter[str]:
    total: Counter[str] = Counter()
    for named in parts:
        total.update(named)
    return total


def _headers(reading: Reading, number: int, secret_names: Collection[str]) -> HeaderPair:
    request, response = reading.contents[number]
    ways = reading.ways
    sent = _section(ways[Direction.SENT].requests[number].named, request.headers)
    fields = [(name, REDACTED if name.lower() in secret_names else value) for name, value in sent.fields]
    return HeaderPair(
        request=replace(sent, fields=fields),
        response=_section(ways[Direction.RECEIVED].requests[number].named, response.headers),
    )


def _section(named: Named, fields: HeaderFields) -> HeaderSection:
    return HeaderSection(
        wire_bytes=sum(size for name, size in named.items() if category_of(name) == HEADERS),
        plain_bytes=sum(len(name) + len(value) + LINE_EXTRA_BYTES for name, value in fields),
        fields=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields],
    )
