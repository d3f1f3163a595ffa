"""Why a call failed, in the same words for every client: causes of the kernel, of TLS, of HTTP and of gRPC.

Client libraries word the same cause differently, or bury it. Requests that fail are counted by these words.
"""

import errno
import os
import re
import socket
import ssl
from http import HTTPStatus

from consumers.errors import CLOSED_EARLY

NO_PORT_LEFT = "no local port is left"
NO_DESCRIPTOR_LEFT = "no file descriptor is left"
REFUSED = "connection refused"
UNKNOWN_HOST = "unknown host"
NO_NAME_SERVICE = "the name service does not answer"
NOT_TRUSTED = "its certificate is not trusted"
HANDSHAKE_FAILED = "the TLS handshake failed"
HANDSHAKE_CUT_OFF = f"{HANDSHAKE_FAILED}: the connection was closed"
REFUSED_BY_ALERT = f"{HANDSHAKE_FAILED}: the producer sent an alert"
"""What is known where the library does not say which."""
NO_HTTP2 = f"{HANDSHAKE_FAILED}: the producer does not offer h2"
UNUSABLE_FILE = "cannot use"

PHRASES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""Names of statuses by RFC 9110, section 15. Python had older ones for these until 3.13."""

_OWN_WORDS = {
    errno.EADDRNOTAVAIL: NO_PORT_LEFT,
    errno.EMFILE: NO_DESCRIPTOR_LEFT,
    errno.ENFILE: NO_DESCRIPTOR_LEFT,
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: CLOSED_EARLY,
    errno.EPIPE: CLOSED_EARLY,
}
_NO_NAME_SERVICE = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
_NUMBER = re.compile(r"\[Errno (\d+)\]")
_CERTIFICATE_IN_TEXT = re.compile(r"CERTIFICATE_VERIFY_FAILED: ([^:]+)")
_TLS_IN_TEXT = re.compile(r"OPENSSL_internal:(\w+)")
_CORE_WORDS = {
    "domain name not found": UNKNOWN_HOST,
    "could not contact dns servers": NO_NAME_SERVICE,
    **{os.strerror(number).lower(): words for number, words in _OWN_WORDS.items()},
}
"""What gRPC's core says last, in lower case, and the words for it here."""


def of_system(error: OSError) -> str:
    """The cause in an error of the kernel or of the name service."""
    if isinstance(error, socket.gaierror):
        return NO_NAME_SERVICE if error.errno in _NO_NAME_SERVICE else UNKNOWN_HOST
    number = error.errno
    if not number and (found := _NUMBER.search(str(error))) is not None:
        # Of a host with several addresses, the errors of all are joined in one text.
        number = int(found[1])
    if number and number > 0:
        return _OWN_WORDS.get(number) or os.strerror(number)
    return error.strerror or str(error) or type(error).__name__


def of_connecting(error: OSError, *, tls: bool) -> str:
    """The cause in an error of opening a connection."""
    if isinstance(error, ssl.SSLError):
        return of_tls(error)
    if tls and isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return HANDSHAKE_CUT_OFF
    return of_system(error)


def of_tls(error: ssl.SSLError) -> str:
    """The cause in an error of OpenSSL: a certificate that was refused, or another alert."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return of_certificate(error.verify_message)
    return f"{HANDSHAKE_FAILED}: {_words(error.reason or str(error))}"


def of_certificate(reason: str) -> str:
    """The cause for a certificate that was refused, for OpenSSL's or BoringSSL's reason."""
    reason = reason.strip().rstrip(".").replace("self signed", "self-signed")
    if "hostname" in reason.lower() or "ip address mismatch" in reason.lower():
        return f"{NOT_TRUSTED}: it is for another host"
    return f"{NOT_TRUSTED}: {reason}"


def of_file(error: OSError) -> str:
    """Why a file with certificates or a key cannot be used: it cannot be read, or has no such thing in it."""
    reason = getattr(error, "reason", None)
    return _words(reason) if reason else os.strerror(error.errno or 0)


def of_status(status: int) -> str:
    """The cause for an HTTP status that is not the expected one: `429 Too Many Requests`."""
    try:
        return f"{status} {PHRASES.get(status) or HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status}"


def in_core_text(text: str) -> str | None:
    """Why there is no connection, in a text of gRPC's core, which lists every layer first; None where it does not say.

    What the core says of a response is in consumers.grpc_rules.
    """
    if (certificate := _CERTIFICATE_IN_TEXT.search(text)) is not None:
        return of_certificate(certificate[1])
    if "Hostname Verification Check failed" in text:
        return of_certificate("hostname mismatch")
    if "missing selected ALPN" in text:
        return NO_HTTP2
    if "Unwrap failed" in text:
        return REFUSED_BY_ALERT
    if "handshake read failed" in text.lower():
        return HANDSHAKE_CUT_OFF
    if "handshake failed" in text.lower() or "SSL" in text:
        reason = _TLS_IN_TEXT.search(text)
        return f"{HANDSHAKE_FAILED}: {_words(reason[1])}" if reason else HANDSHAKE_FAILED
    last = text.rstrip("]). ").rpartition(": ")[2]
    # An error of the kernel may have its number behind it.
    return _CORE_WORDS.get(re.sub(r" \(\d+$", "", last).lower())


def _words(reason: str) -> str:
    """A name of OpenSSL, such as WRONG_VERSION_NUMBER, in words."""
    return reason.replace("_", " ").lower()
