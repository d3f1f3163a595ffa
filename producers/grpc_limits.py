"""The limits of a gRPC producer as options of gRPC's core. docs/security.md says what each is for and what it costs."""

from producers.settings import ProducerSettings

ENDED_STREAMS = 10
"""On one connection, times the limit of concurrent ones: streams that have been answered and whose memory is freed in
the next turn of the event loop. By default, gRPC's core counts them as concurrent, and so refuses streams to callers
that use all that it advertises."""

MAXIMUM_PENDING_CALLS = 20_000
"""Calls of all connections that wait for a handler. Beyond its default of 1,000, gRPC's core cancels calls at random,
which in a flood of resets hits other callers too. A waiting call takes about 1.3 kB (docs/generated/hostile.md)."""

KEEPALIVE_S = 60
"""A connection on which nothing has arrived for this long is checked with a PING."""

KEEPALIVE_ANSWER_S = 20
"""How long the PING may take to be answered before the connection is closed."""

PING_STRIKES = 2
"""This many PINGs beyond those permitted end a connection with GOAWAY, ENHANCE_YOUR_CALM. These are gRPC's own
defaults, which gRPC clients respect."""

PING_INTERVAL_S = 300
"""The shortest interval between PINGs of a client without a call."""


def core_options(settings: ProducerSettings) -> list[tuple[str, int]]:
    """The channel arguments of a server."""
    limits, calls = settings.limits, settings.limits.calls
    return [
        ("grpc.so_reuseport", int(settings.share_port)),
        # Level 1 ("low") means gzip for callers that accept it; higher levels prefer deflate. Callers that do not
        # accept gzip do not get it, unlike with a server-wide `compression=Gzip`.
        ("grpc.default_compression_level", int(settings.gzip)),
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        # Between the first limit and the second, the core would refuse at random.
        ("grpc.max_metadata_size", calls.metadata_bytes),
        ("grpc.absolute_max_metadata_size", calls.metadata_bytes),
        ("grpc.max_concurrent_streams", calls.streams),
        ("grpc.http2.max_deallocating_streams", ENDED_STREAMS * calls.streams),
        # Behind the filter, which counts connections itself, the core notices late that one has ended, and would refuse
        # the next.
        *([] if settings.strict_calls else [("grpc.max_allowed_incoming_connections", calls.connections)]),
        ("grpc.server.max_pending_requests", MAXIMUM_PENDING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", 2 * MAXIMUM_PENDING_CALLS),
        # TLS and the first SETTINGS frame; then the acknowledgement of the server's own SETTINGS, before which these
        # limits do not apply to the client.
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
