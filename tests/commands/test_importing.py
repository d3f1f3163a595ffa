"""What a process imports when it starts."""

import gc
import os
import ssl

import pytest

from commands.importing import importing


def authorities() -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context.cert_store_stats()["x509"]


def test_importing_reads_no_authorities_and_collects_no_garbage_and_leaves_both_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/somewhere/ca.pem")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    assert gc.isenabled()
    with importing():
        assert authorities() == 0
        assert not gc.isenabled()
    assert gc.isenabled()
    assert os.environ["SSL_CERT_FILE"] == "/somewhere/ca.pem"
    assert "SSL_CERT_DIR" not in os.environ
