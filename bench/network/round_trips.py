"""How many round trips a connection takes before its first request may leave. Pure."""

from bench.results import TlsSession

TCP = 1
"""SYN there, SYN-ACK back; the request may follow at once (RFC 9293, section 3.5)."""
TLS: dict[str, int] = {"TLSv1.2": 2, "TLSv1.3": 1}
"""A full handshake (RFC 8446, section 2; RFC 5246, section 7.3)."""
GREETING: dict[str, int] = {"grpc": 1}
"""Protocols whose client library waits for the producer's first words before it sends a request, and for how long.
gRPC's core takes a connection into use once the producer's SETTINGS have come, which RFC 9113, section 3.4 does not
ask for. Found by `python -m benchmarks.model_errors`: new connections take so many round trips more."""


def set_up_round_trips(protocol: str, session: TlsSession | None, *, tls: bool) -> int:
    """Round trips of setting up a connection; TLS is taken for 1.3 where its version is not known."""
    version = session.version if session is not None and session.version is not None else "TLSv1.3"
    return TCP + (TLS.get(version, 1) if tls else 0) + GREETING.get(protocol, 0)
