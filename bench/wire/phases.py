"""From a connection laid out byte by byte to what stands in the run file: its phases, its headers. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from bench.results import Anatomy, BothWays, GzipFound, HeaderPair, HeaderSection
from bench.wire.anatomy import Laid, Named
from bench.wire.categories import HEADERS, category_of
from bench.wire.codec import Content, Headers
from bench.wire.parts import check_sum, total_bytes
from bench.wire.reading import WARM_UP_REQUESTS
from bench.wire.recording import Direction

LINE_EXTRA_BYTES = len(b": ") + len(b"\r\n")
"""What a header line takes beside name and value."""


def anatomy_of(
    laid: Mapping[Direction, Laid],
    contents: Sequence[tuple[Content, Content]],
    *,
    inside_tls: Literal["decrypted", "plain_twin"] | None = None,
    gzip: GzipFound | None = None,
) -> Anatomy:
    """The anatomy of a connection over which `contents` went, requests and answers in order.

    Raises BytesUnaccounted when the phases do not sum to everything.
    """
    requests = len(contents)
    found = Anatomy(
        requests=requests,
        steady_requests=max(0, requests - WARM_UP_REQUESTS),
        inside_tls=inside_tls,
        setup=_both({direction: way.setup for direction, way in laid.items()}),
        first=_span(laid, 0, 1),
        settling=_span(laid, 1, min(WARM_UP_REQUESTS, requests)),
        steady=_span(laid, min(WARM_UP_REQUESTS, requests), requests),
        last=_span(laid, requests - 1, requests),
        closing=_span(laid, requests, requests + 1),
        total={direction.value: way.total_bytes for direction, way in laid.items()},
        first_headers=_headers(laid, contents, 0),
        last_headers=_headers(laid, contents, requests - 1),
        gzip=gzip,
    )
    check_phases(found)
    return found


def check_phases(anatomy: Anatomy) -> None:
    """Raise BytesUnaccounted unless the phases sum to everything that was handed to TCP, each way."""
    phases = (anatomy.setup, anatomy.first, anatomy.settling, anatomy.steady, anatomy.closing)
    for direction in Direction:
        named_bytes = sum(total_bytes(getattr(phase, direction.value)) for phase in phases)
        check_sum(direction.value, anatomy.total[direction.value], named_bytes)


def _span(laid: Mapping[Direction, Laid], start: int, end: int) -> BothWays:
    return _both({direction: _sum(way.requests[start:end]) for direction, way in laid.items()})


def _both(named: Mapping[Direction, Named]) -> BothWays:
    return BothWays(sent=dict(named[Direction.SENT]), received=dict(named[Direction.RECEIVED]))


def _sum(parts: Iterable[Named]) -> Counter[str]:
    total: Counter[str] = Counter()
    for named in parts:
        total.update(named)
    return total


def _headers(laid: Mapping[Direction, Laid], contents: Sequence[tuple[Content, Content]], number: int) -> HeaderPair:
    request, response = contents[number]
    return HeaderPair(
        request=_section(laid[Direction.SENT].requests[number], request.headers),
        response=_section(laid[Direction.RECEIVED].requests[number], response.headers),
    )


def _section(named: Named, fields: Headers) -> HeaderSection:
    return HeaderSection(
        wire_bytes=sum(size for name, size in named.items() if category_of(name) == HEADERS),
        plain_bytes=sum(len(name) + len(value) + LINE_EXTRA_BYTES for name, value in fields),
        fields=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields],
    )
