"""One request and its answer on the wire, as text: what `make http` and its like show under the answer. Pure."""

from collections.abc import Sequence

from bench.results import Bytes, Sizes

_ROWS = (
    ("message", "message_bytes", "what the protocol says: JSON text, or a protobuf message"),
    ("compressed", "compressed_bytes", "after gzip, where it is on"),
    ("framed", "framed_bytes", "with headers, chunks, frames and prefixes"),
    ("connection", "connection_bytes", "the connection's own frames that go along: flow control, pings"),
    ("wire", "wire_bytes", "both, with TLS where it is on: everything handed to TCP"),
)


def render(address: str, sizes: Bytes, warnings: Sequence[str], *, gzip_asked: bool) -> str:
    """The sizes of one exchange in steady state, and of its connection's set-up. What is not known is a dash."""
    lines = [f"{address} over one connection that is open already, in bytes:", ""]
    lines += [f"  {'':10} {'request':>8} {'answer':>8}"]
    for name, field, meaning in _ROWS:
        sent, received = (_size(side, field) for side in (sizes.request, sizes.response))
        lines.append(f"  {name:10} {sent:>8} {received:>8}  {meaning}")
    opening = (sizes.setup.sent_wire_bytes, sizes.setup.received_wire_bytes)
    sent, received = (_shown(size) for size in opening)
    lines.append(f"  {'set-up':10} {sent:>8} {received:>8}  once per connection, before the first request")
    if sizes.coding is not None:
        asked = "gzip was asked for, and the" if gzip_asked else "The"
        lines += ["", f"{asked} answer came in {sizes.coding}."]
    lines += [f"Not known: {warning}." for warning in warnings]
    return "\n".join(lines) + "\n"


def _size(side: Sizes, field: str) -> str:
    return _shown(getattr(side, field))


def _shown(size: float | None) -> str:
    return "–" if size is None else f"{size:,.0f}"
