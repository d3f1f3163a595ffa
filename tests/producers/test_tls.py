"""TLS files replaced on disk: valid ones are used, invalid ones are logged, and expiry gives a warning."""

import logging
import shutil
import time
from pathlib import Path

import pytest

from producers import certificates
from producers.certificates import CertificateFiles
from producers.settings import TlsFiles
from producers.tls import DAY_S, ServedTlsFiles, TlsFilesUnusable, server_context


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return certificates.write(tmp_path / "served")


@pytest.fixture
def renewed(tmp_path: Path) -> CertificateFiles:
    return certificates.write(tmp_path / "renewed")


def named(files: CertificateFiles, *, mutual: bool = False) -> TlsFiles:
    return TlsFiles(certificate=files.server, key=files.server_key, client_ca=files.ca if mutual else None)


def test_unchanged_files_are_read_once(files: CertificateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    served = ServedTlsFiles(named(files))
    monkeypatch.setattr("producers.tls.read", lambda _: pytest.fail("nothing has changed"))
    assert served.current() is served.current()


def test_a_new_pair_is_served(files: CertificateFiles, renewed: CertificateFiles) -> None:
    served = ServedTlsFiles(named(files, mutual=True))
    for old, new in zip(files.all(), renewed.all(), strict=True):
        shutil.copy(new, old)
    material = served.current()
    assert material.certificate == renewed.server.read_bytes()
    assert material.key == renewed.server_key.read_bytes()
    assert material.client_ca == renewed.ca.read_bytes()


def test_half_a_replaced_pair_is_not_served_and_is_logged_once(
    files: CertificateFiles, renewed: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    served = ServedTlsFiles(named(files))
    before = served.current()
    shutil.copy(renewed.server, files.server)
    assert served.current() is before
    assert served.current() is before
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(files.server) in record.message
    shutil.copy(renewed.server_key, files.server_key)
    assert served.current().certificate == renewed.server.read_bytes()


@pytest.mark.parametrize("content", [b"", b"no PEM at all", None])
def test_an_invalid_file_keeps_the_old_one_in_use(
    files: CertificateFiles, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    served = ServedTlsFiles(named(files))
    before = served.current()
    if content is None:
        files.server_key.unlink()
    else:
        files.server_key.write_bytes(content)
    assert served.current() is before
    assert "still serving the previous ones" in caplog.text


def test_files_replaced_while_they_are_read_are_read_again(
    files: CertificateFiles, renewed: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = ServedTlsFiles(named(files))
    before = served.current()
    files.server.touch()

    def server_context_meanwhile(given: TlsFiles, alpn: tuple[str, ...]) -> None:
        monkeypatch.undo()
        server_context(given, alpn)
        shutil.copy(renewed.server, files.server)
        shutil.copy(renewed.server_key, files.server_key)

    monkeypatch.setattr("producers.tls.server_context", server_context_meanwhile)
    assert served.current() is before
    assert served.current().certificate == renewed.server.read_bytes()


def test_a_certificate_that_expires_soon_gives_one_warning_a_day(
    files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = time.time()
    served = ServedTlsFiles(named(files), now_s=lambda: now_s)
    now_s += (certificates.LIFE_DAYS - 8) * DAY_S
    served.current()
    assert caplog.records == []
    for _ in range(3):
        now_s += DAY_S
        served.current()
        served.current()
    assert len(caplog.records) == 3
    assert all(f"{files.server} expires at " in record.message for record in caplog.records)
    now_s += 10 * DAY_S
    served.current()
    assert f"{files.server} expired at " in caplog.text


def test_a_certificate_that_expires_soon_gives_a_warning_at_the_start(
    files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    ServedTlsFiles(named(files), now_s=lambda: time.time() + 85 * DAY_S)
    assert "replace it" in caplog.text


def test_unusable_files_are_named_at_the_start(files: CertificateFiles, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.pem"
    with pytest.raises(TlsFilesUnusable, match=str(nowhere)):
        ServedTlsFiles(TlsFiles(certificate=files.server, key=files.server_key, client_ca=nowhere))
    files.ca.write_text("no PEM")
    with pytest.raises(TlsFilesUnusable, match=f"client authority {files.ca}"):
        ServedTlsFiles(named(files, mutual=True))
