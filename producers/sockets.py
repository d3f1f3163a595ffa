"""The sockets of a producer: bound for listening, and closed so that the last response on a connection is read."""

import asyncio
import errno
import socket
from typing import Any

from producers.producer import PortUnavailable

BACKLOG = 1024
"""Length of the accept queue."""
TLS_SHUTDOWN_TIMEOUT_S = 2.0
"""How long to wait for a caller's close_notify."""


def bound_sockets(host: str, port: int, *, share_port: bool) -> list[socket.socket]:
    """A listening socket for each address of `host`, on one port (0: a free one). Raises PortUnavailable."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in addresses:
            number = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_bound_socket(family, (address[0], number, *address[2:]), share_port=share_port))
            except OSError as error:
                # A name can have an address of a family that is disabled on this machine.
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
            # An IPv4 address has a socket of its own.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        # With SO_REUSEADDR, others could still bind a port on which nobody listens.
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def check_port(host: str, port: int) -> None:
    """Raise PortUnavailable, with the system's reason, unless every address of `host` can be bound.

    gRPC gives no reason, and accepts it if only one of several addresses, such as those of localhost, is free.
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
"""How long to read what still arrives: some round trips, and time for a caller to read its response."""
TLS_LINGERING_S = 0.5
"""The same over TLS, which cannot be half-closed: a caller that waits for the end waits this long."""


def close_in_stages(transport: asyncio.Transport) -> asyncio.TimerHandle:
    """Write nothing more; close once the caller has closed, or after LINGERING_S or TLS_LINGERING_S.

    Closing a connection while data is still arriving resets it, and a reset can reach the caller before it has read the
    last response (RFC 9112, section 9.6). So only the sending side is closed at first.

    Until the end, the protocol of the connection has to ignore what it receives. Cancel the returned timer when the
    connection is lost.
    """
    lingering_s = TLS_LINGERING_S
    if not transport.is_closing():
        if transport.can_write_eof():
            transport.write_eof()
            lingering_s = LINGERING_S
        if not transport.is_reading():
            transport.resume_reading()
    return asyncio.get_running_loop().call_later(lingering_s, transport.close)
