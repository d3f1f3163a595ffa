"""The flags of what a server demands."""

from pathlib import Path
from typing import Any

import pytest

from bench.cli.access_flags import access
from commands.errors import UsageError
from producers.certificates import CertificateFiles

USUAL: dict[str, Any] = {"ca": None, "cert": None, "key": None, "insecure": False, "tls_min": "1.2"}


def test_what_is_given_is_demanded(own_certificates: CertificateFiles) -> None:
    files = own_certificates
    given = {"cert": files.client, "key": files.client_key, "insecure": True, "tls_min": "1.3"}
    found = access(["X-A: 1", "grpc:X-B: 2"], **{**USUAL, **given})
    assert (found.client_certificate, found.client_key, found.insecure, found.tls_min) == tuple(given.values())
    assert [header.name for header in found.headers_of("grpc")] == ["X-A", "X-B"]
    assert [header.name for header in found.headers_of("http")] == ["X-A"]


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"ca": Path("pyproject.toml")}, "--ca: cannot use pyproject.toml: no certificate or crl found"),
        ({"cert": Path("pyproject.toml")}, "--cert: cannot use pyproject.toml"),
    ],
)
def test_files_that_cannot_be_used_are_refused_by_the_name_of_their_flag(given: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError) as raised:
        access(None, **{**USUAL, **given})
    assert word in str(raised.value)


def test_of_two_files_the_flag_of_the_one_that_cannot_be_used_is_named(own_certificates: CertificateFiles) -> None:
    given = {"ca": Path("pyproject.toml"), "cert": own_certificates.client, "key": own_certificates.client_key}
    with pytest.raises(UsageError, match=r"^--ca: cannot use pyproject.toml: "):
        access(None, **{**USUAL, **given})


def test_an_invalid_header_is_refused_by_the_name_of_the_flag() -> None:
    with pytest.raises(UsageError, match="--header: X has no value"):
        access(["X:"], **USUAL)
