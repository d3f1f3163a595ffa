"""The lab's certificates: they pass strict verification, are renewed before they expire, and are written completely."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from commands import command_line
from producers import certificates
from producers.settings import TlsFiles
from producers.tls import TlsFilesUnusable, server_context


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_certificates_pass_strict_verification(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    store = Store([load(files.ca)])
    server = PolicyBuilder().store(store).build_server_verifier(x509.DNSName("localhost"))
    assert len(server.verify(load(files.server), [])) == 2
    client = PolicyBuilder().store(store).build_client_verifier()
    assert len(client.verify(load(files.client), []).chain) == 2


def test_private_keys_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    assert files.server_key.stat().st_mode & 0o077 == 0
    assert files.client_key.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files.all())


def test_certificates_are_kept_until_shortly_before_they_expire(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path)
    serial = load(first.server).serial_number
    assert load(certificates.ensure(tmp_path).server).serial_number == serial
    late = datetime.now(UTC) + timedelta(days=certificates.LIFE_DAYS - certificates.RENEW_AHEAD_DAYS + 1)
    certificates.ensure(tmp_path, now=late)
    assert load(first.server).serial_number != serial


def test_a_missing_file_renews_all_certificates(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path)
    files.client_key.unlink()
    serial = load(files.server).serial_number
    certificates.ensure(tmp_path)
    assert files.client_key.is_file()
    assert load(files.server).serial_number != serial


def test_the_command_writes_certificates_or_reports_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(directory: Path) -> int:
        return command_line.run(certificates.app, "python -m producers.certificates", [str(directory)])

    assert run(tmp_path / "new") == 0
    assert "valid until" in capsys.readouterr().out
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run(tmp_path / "file") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_tls_is_1_3_or_1_2_with_forward_secrecy(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    context = server_context(TlsFiles(certificate=files.server, key=files.server_key), ["http/1.1"])
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    older = [suite for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert older
    assert all(suite["kea"] == "kx-ecdhe" and suite["aead"] for suite in older)


def test_unusable_files_are_named(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    missing = TlsFiles(certificate=tmp_path / "none.pem", key=files.server_key)
    with pytest.raises(TlsFilesUnusable, match=r"none\.pem: No such file"):
        server_context(missing, ["http/1.1"])
    mismatched = TlsFiles(certificate=files.server, key=files.client_key)
    with pytest.raises(TlsFilesUnusable, match=r"server\.pem with key"):
        server_context(mismatched, ["http/1.1"])
