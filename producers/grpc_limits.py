"""The limits of a gRPC producer, as options of gRPC's core. What each is for, and what it costs: docs/security.md."""

from producers.settings import ProducerSettings

MAXIMUM_CONCURRENT_STREAMS = 100
"""On one connection; callers queue the rest. Without it, rapid resets cost the server much memory."""

MAXIMUM_ENDED_STREAMS = 10 * MAXIMUM_CONCURRENT_STREAMS
"""On one connection: streams whose answer the caller has, and whose memory is not free yet, because that takes another
turn of the event loop. Unless told, gRPC's core counts them as concurrent, and so refuses streams to callers that keep
within what it advertises as soon as they have as many calls under way as they may."""

MAXIMUM_PENDING_CALLS = 20_000
"""Calls that wait to be taken up, of all connections. Beyond gRPC's own 1,000 its core drops calls at random, as
CANCELLED, which in a flood of resets meets honest callers, too. One that waits takes some 1.3 kB (docs/hostile.md)."""

KEEPALIVE_S = 60
"""A connection on which nothing has come for so long is asked, by a PING, whether its other end is still there."""

KEEPALIVE_ANSWER_S = 20
"""It is closed when no answer has come after so long."""

PING_STRIKES = 2
"""So many PINGs beyond what is permitted end a connection with GOAWAY, ENHANCE_YOUR_CALM. These are gRPC's own figures,
which clients of gRPC know and keep to."""

PING_INTERVAL_S = 300
"""Without a call, a client may send a PING this often."""


def core_options(settings: ProducerSettings) -> list[tuple[str, int]]:
    """The arguments of the channels of a server."""
    limits, calls = settings.limits, settings.limits.calls
    return [
        ("grpc.so_reuseport", int(settings.share_port)),
        # Level 1 ("low") means gzip for whoever accepts it; the levels above prefer deflate where that is accepted too.
        # What a caller does not accept it does not get, unlike with a server-wide `compression=Gzip`.
        ("grpc.default_compression_level", int(settings.gzip)),
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        # Between the first limit and the second, the core would refuse at random.
        ("grpc.max_metadata_size", calls.metadata_bytes),
        ("grpc.absolute_max_metadata_size", calls.metadata_bytes),
        ("grpc.max_concurrent_streams", MAXIMUM_CONCURRENT_STREAMS),
        ("grpc.http2.max_deallocating_streams", MAXIMUM_ENDED_STREAMS),
        # Behind a front, which counts connections itself, the core notices late that one has ended, and would refuse
        # whoever takes its place.
        *([] if settings.strict_calls else [("grpc.max_allowed_incoming_connections", calls.connections)]),
        ("grpc.server.max_pending_requests", MAXIMUM_PENDING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", 2 * MAXIMUM_PENDING_CALLS),
        # TLS, and the first frame of SETTINGS; then the answer to the server's own SETTINGS, before which these limits
        # do not bind the other side.
        ("grpc.server_handshake_timeout_ms", _ms(calls.handshake_timeout_s)),
        ("grpc.http2.settings_timeout", _ms(calls.handshake_timeout_s)),
        ("grpc.max_connection_idle_ms", _ms(limits.keep_alive_s)),
        ("grpc.max_connection_age_ms", _ms(calls.connection_age_s)),
        ("grpc.max_connection_age_grace_ms", _ms(calls.connection_age_grace_s)),
        ("grpc.keepalive_time_ms", _ms(KEEPALIVE_S)),
        ("grpc.keepalive_timeout_ms", _ms(KEEPALIVE_ANSWER_S)),
        ("grpc.http2.max_ping_strikes", PING_STRIKES),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(PING_INTERVAL_S)),
    ]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
