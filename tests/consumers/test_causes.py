"""Causes are worded alike, whichever library found them."""

import errno
import os
import socket
import ssl

import pytest

from consumers import causes
from consumers.errors import ConsumerError, ProducerUnreachable

CORE = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: "
TLS = "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (f"{CORE}Failed to connect to remote host: Connection refused", causes.REFUSED),
        (f"{CORE}connect: Connection refused (111)", causes.REFUSED),
        (f"{CORE}Cannot assign requested address", causes.NO_PORT_LEFT),
        (f"{CORE}socket: Too many open files (24)", causes.NO_DESCRIPTOR_LEFT),
        (
            "errors resolving no.invalid:4000: [field:hostname lookup error:address lookup failed for "
            "no.invalid:4000: Domain name not found]",
            causes.UNKNOWN_HOST,
        ),
        (
            f"{CORE}{TLS}CERTIFICATE_VERIFY_FAILED: self signed certificate: OK",
            f"{causes.NOT_TRUSTED}: self-signed certificate",
        ),
        (f"{CORE}{TLS}WRONG_VERSION_NUMBER", f"{causes.HANDSHAKE_FAILED}: wrong version number"),
        ("Tls handshake failed: who knows", causes.HANDSHAKE_FAILED),
        ("slow down: later", None),
        ("ends with a colon: ", None),
    ],
)
def test_the_cause_in_a_text_of_grpc_is_found(text: str, cause: str | None) -> None:
    assert causes.in_core_text(text) == cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), causes.REFUSED),
        (OSError(f"Multiple exceptions: [Errno {errno.EADDRNOTAVAIL}] a, [Errno 111] b"), causes.NO_PORT_LEFT),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), causes.NO_DESCRIPTOR_LEFT),
        (OSError(errno.EHOSTUNREACH, "whatever"), os.strerror(errno.EHOSTUNREACH)),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), causes.UNKNOWN_HOST),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), causes.NO_NAME_SERVICE),
        (OSError("odd"), "odd"),
        (OSError(), "OSError"),
    ],
)
def test_the_cause_in_an_error_of_the_system_is_found(error: OSError, cause: str) -> None:
    assert causes.of_system(error) == cause


def test_a_certificate_for_another_host_has_one_wording() -> None:
    refused = ssl.SSLCertVerificationError(1, "verify failed")
    refused.verify_message = "Hostname mismatch, certificate is not valid for 'localhost'."
    assert causes.of_tls(refused) == causes.in_core_text("Hostname Verification Check failed.")


def test_statuses_have_their_phrase() -> None:
    assert causes.of_status(503) == "503 Service Unavailable"
    assert causes.of_status(799) == "799"


def test_an_error_is_one_clean_line_with_its_cause() -> None:
    error = ProducerUnreachable("gone\n\x1b[31m", producer="h:1", detail="said \u202e more\0")
    assert str(error) == "h:1: gone [31m: said more"
    assert (error.cause, error.detail) == ("gone [31m", "said more")
    assert str(ConsumerError("alone")) == "alone"
