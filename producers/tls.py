"""TLS of a producer in Python's ssl: TLS 1.3, or 1.2 with forward secrecy and AEAD for older clients, and ALPN.

The lab's own consumers prefer TLS 1.3. Python 3.11 cannot choose its cipher suites; the environment variable
`OPENSSL_CONF` can. The bench sets it to `commands/openssl.cnf` for its children.

Files may be replaced while a producer serves. Renewing a certificate replaces two files, one after the other, and can
go wrong. So the new files are served once OpenSSL accepts certificate, key and client authority together; until then
the old ones are served and a warning says why.
"""

import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from producers.settings import TlsFiles
from recipes.installation import prepared_by

TLS_1_2_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Suites with forward secrecy and authenticated encryption (RFC 9325, section 4.2). Those of TLS 1.3 all have both."""


class TlsFilesUnusable(Exception):
    """The certificate or the key is unusable. The text names the file and the reason."""


def server_context(files: TlsFiles, alpn: Sequence[str]) -> ssl.SSLContext:
    """A context that serves `files` over TLS 1.3 or 1.2 and selects the first of `alpn` that the client offers.

    With a client authority, clients without a certificate of that authority are refused. Raises TlsFilesUnusable.
    """
    check_files(files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(TLS_1_2_SUITES)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(list(alpn))
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error
        raise TlsFilesUnusable(f"certificate {files.certificate} with key {files.key}: {reason}") from None
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or error
            raise TlsFilesUnusable(f"client authority {files.client_ca}: {reason}") from None
    return context


def check_files(files: TlsFiles) -> None:
    """Raise TlsFilesUnusable, naming the file, unless all of them can be read."""
    for file in files.all():
        try:
            if file.exists() and not file.is_file():
                raise TlsFilesUnusable(f"{file}: is not a regular file")
            file.read_bytes()
        except OSError as error:
            create = prepared_by("certs")
            raise TlsFilesUnusable(f"{file}: {error.strerror or error}; run `{create}` to create one") from None


log = logging.getLogger(__name__)

WARN_AHEAD_DAYS = 7
"""Log a warning when a certificate expires within this many days. `make certs` renews its own that early."""

DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """The contents of TLS files that fit together."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    not_after_s: float
    """When the certificate expires, in seconds since the epoch."""


class ServedTlsFiles:
    """The current contents of the files. Checking costs one stat per file unless something has changed."""

    def __init__(self, files: TlsFiles, *, now_s: Callable[[], float] = time.time) -> None:
        """Read and check the files. Raises TlsFilesUnusable."""
        self._files = files
        self._now_s = now_s
        self._warned_of_days: int | None = None
        self._seen = self._state()
        self._material = read(files)
        self._warn_of_end()

    def current(self) -> TlsMaterial:
        """What to serve now. Checks the files first. Logs unusable ones once for each change, and never raises."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            self._read_again()
        self._warn_of_end()
        return self._material

    def _read_again(self) -> None:
        try:
            material = read(self._files)
        except TlsFilesUnusable as error:
            log.warning("TLS files have changed and are unusable; still serving the previous ones: %s", error)
            return
        if self._state() != self._seen:
            # Replaced during the read, so what was checked may differ from what was read. The next check reads again.
            return
        self._material = material
        self._warned_of_days = None
        log.info("TLS files have changed: serving %s", self._files.certificate)

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple([_stamp(file) for file in self._files.all()])

    def _warn_of_end(self) -> None:
        """Warn once a day in the last days of the certificate and after it has expired."""
        days = int((self._material.not_after_s - self._now_s()) // DAY_S)
        if days >= WARN_AHEAD_DAYS or days == self._warned_of_days:
            return
        self._warned_of_days = days
        end = datetime.fromtimestamp(self._material.not_after_s, UTC)
        verb = "expires" if self._now_s() < self._material.not_after_s else "expired"
        log.warning("certificate %s %s at %s; replace it", self._files.certificate, verb, end.isoformat(" "))


class ServedContext:
    """A TLS context to listen with. Each handshake uses the current files; open connections continue."""

    def __init__(self, files: TlsFiles, alpn: Sequence[str]) -> None:
        """Raises TlsFilesUnusable."""
        self._files = files
        self._alpn = alpn
        self._served = ServedTlsFiles(files)
        self._material = self._served.current()
        self._current = self.context = server_context(files, alpn)
        # Called for every handshake, with or without a server name from the client.
        self.context.sni_callback = self._lead

    def _lead(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        material = self._served.current()
        if material is not self._material:
            try:
                self._current = server_context(self._files, self._alpn)
                self._material = material
            except TlsFilesUnusable as error:
                # Replaced again since the check. The next handshake checks again.
                log.warning("TLS files have changed again: %s", error)
        if self._current is not context:
            connection.context = self._current


def read(files: TlsFiles) -> TlsMaterial:
    """The contents of the files, if OpenSSL accepts them. Raises TlsFilesUnusable."""
    server_context(files, alpn=())
    try:
        certificate = files.certificate.read_bytes()
        return TlsMaterial(
            certificate,
            files.key.read_bytes(),
            files.client_ca.read_bytes() if files.client_ca else None,
            x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp(),
        )
    except (OSError, ValueError) as error:
        raise TlsFilesUnusable(f"certificate {files.certificate}: {error}") from None


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """A value that changes when a file is written or replaced; None if it does not exist."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
