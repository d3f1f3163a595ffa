"""Key logs: the secrets of TLS connections as a client wrote them down (draft-ietf-tls-keylogfile). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

_CLIENT_HANDSHAKE, _SERVER_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"
_CLIENT_TRAFFIC, _SERVER_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"


@dataclass(frozen=True, slots=True)
class TrafficSecrets:
    """Of one direction of a TLS 1.3 connection (RFC 8446, section 7.1)."""

    handshake: bytes
    application: bytes


@dataclass(frozen=True, slots=True)
class ConnectionSecrets:
    """Of both directions."""

    client: TrafficSecrets
    server: TrafficSecrets


def read_key_log(text: str) -> dict[bytes, ConnectionSecrets]:
    """Secrets by the random of the ClientHello. What is not TLS 1.3, not complete or no such line is left out."""
    found: dict[bytes, dict[str, bytes]] = {}
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) != 3:
            continue
        try:
            found.setdefault(bytes.fromhex(words[1]), {})[words[0]] = bytes.fromhex(words[2])
        except ValueError:
            continue
    complete = {random: _secrets(named) for random, named in found.items()}
    return {random: secrets for random, secrets in complete.items() if secrets is not None}


def _secrets(named: Mapping[str, bytes]) -> ConnectionSecrets | None:
    wanted = (_CLIENT_HANDSHAKE, _CLIENT_TRAFFIC, _SERVER_HANDSHAKE, _SERVER_TRAFFIC)
    if any(label not in named for label in wanted):
        return None
    client_handshake, client_traffic, server_handshake, server_traffic = (named[label] for label in wanted)
    return ConnectionSecrets(
        TrafficSecrets(client_handshake, client_traffic), TrafficSecrets(server_handshake, server_traffic)
    )
