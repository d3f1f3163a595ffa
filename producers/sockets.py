"""The sockets of a producer: bound for listening, and closed so that the last response on a connection is read."""

import asyncio
import errno
import socket
from typing import Any

from producers.producer import PortUnavailable

BACKLOG = 1024
"""Connections that may wait to be accepted."""
TLS_SHUTDOWN_TIMEOUT_S = 2.0
"""A caller that does not answer the end of TLS is not waited for."""


def bound_sockets(host: str, port: int, *, share_port: bool) -> list[socket.socket]:
    """A socket for each address of `host`, all on one port, which the system chooses for 0. Raises PortUnavailable."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in addresses:
            number = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_bound_socket(family, (address[0], number, *address[2:]), share_port=share_port))
            except OSError as error:
                # A name may have an address of a kind that this machine has switched off.
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                failure = error
        if failure is not None and not sockets:
            raise failure
    except OSError as error:
        for bound in sockets:
            bound.close()
        reason = error.strerror or str(error)
        raise PortUnavailable(f"cannot listen on {host}:{port}: {reason}; choose another port, or 0") from None
    return sockets


_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def _bound_socket(family: int, address: tuple[Any, ...], *, share_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # Its IPv4 twin is a socket of its own, where there is one.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        # With SO_REUSEADDR, a port that is bound and not listened on would seem free to somebody else.
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def check_port(host: str, port: int) -> None:
    """Raise PortUnavailable, with the system's reason, unless every address of `host` can be bound.

    gRPC gives no reason, and is content when one of several addresses, such as those of localhost, is free.
    """
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortUnavailable(f"cannot listen on {host}:{port}: {reason}; choose another port, or 0") from None


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
