"""Ending a connection so that the last answer on it is read (RFC 9112, section 9.6).

Whoever closes a connection on which something is still arriving resets it, and a reset may reach the caller before it
has read why. So only this side is ended at first, and what comes is read until the caller ends the other one.
"""

import asyncio

LINGERING_S = 2.0
"""How long what still comes is read at most: some round trips, and time for a caller to look at its answer."""
TLS_LINGERING_S = 0.5
"""The same over TLS, which cannot be ended on one side only: a caller who waits for its end waits for this."""


def close_in_stages(transport: asyncio.Transport) -> asyncio.TimerHandle:
    """Write nothing more; close once the caller has, or after LINGERING_S, TLS_LINGERING_S.

    Until then the protocol of the connection has to ignore what it receives. The timer returned is to be cancelled when
    the connection is lost.
    """
    lingering_s = TLS_LINGERING_S
    if not transport.is_closing():
        if transport.can_write_eof():
            transport.write_eof()
            lingering_s = LINGERING_S
        if not transport.is_reading():
            transport.resume_reading()
    return asyncio.get_running_loop().call_later(lingering_s, transport.close)
