"""TLS files that are exchanged on disk while a producer serves: noticed, checked, and only then served.

Whoever renews a certificate replaces two files, one after the other, and may make a mistake. So what changed is served
once OpenSSL takes certificate, key and client authority together; until then what was served before goes on, and a
warning says why.
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
from producers.tls import TlsFilesUnusable, server_context

log = logging.getLogger(__name__)

WARN_AHEAD_DAYS = 7
"""A certificate that ends within so many days is warned of. `make certs` renews its own that far ahead."""

DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """The contents of TLS files that fit together."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    not_after_s: float
    """When the certificate ends, in seconds since the epoch."""


class ServedTlsFiles:
    """The files as they are to be served now. To ask costs one stat per file unless something has changed."""

    def __init__(self, files: TlsFiles, *, now_s: Callable[[], float] = time.time) -> None:
        """Read and check the files. Raises TlsFilesUnusable."""
        self._files = files
        self._now_s = now_s
        self._warned_of_days: int | None = None
        self._seen = self._state()
        self._material = read(files)
        self._warn_of_end()

    def current(self) -> TlsMaterial:
        """What to serve. Looks at the disk first; logs once for each change what cannot be served, and never raises."""
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
            log.warning("TLS files have changed and cannot be served; the former ones are kept: %s", error)
            return
        if self._state() != self._seen:
            # Exchanged while they were read, so what was checked need not be what was read. The next look will tell.
            return
        self._material = material
        self._warned_of_days = None
        log.info("TLS files have changed: serving %s", self._files.certificate)

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple([_stamp(file) for file in self._files.all()])

    def _warn_of_end(self) -> None:
        """Once a day, during the last days of the certificate and after them."""
        days = int((self._material.not_after_s - self._now_s()) // DAY_S)
        if days >= WARN_AHEAD_DAYS or days == self._warned_of_days:
            return
        self._warned_of_days = days
        end = datetime.fromtimestamp(self._material.not_after_s, UTC)
        verb = "ends" if self._now_s() < self._material.not_after_s else "ended"
        log.warning("certificate %s %s at %s; replace it", self._files.certificate, verb, end.isoformat(" "))


class ServedContext:
    """A TLS context to listen with. Each handshake goes by the files as they are then; connections live on."""

    def __init__(self, files: TlsFiles, alpn: Sequence[str]) -> None:
        """Raises TlsFilesUnusable."""
        self._files = files
        self._alpn = alpn
        self._served = ServedTlsFiles(files)
        self._material = self._served.current()
        self._current = self.context = server_context(files, alpn)
        # Called for every handshake, whether or not the client names the server that it wants.
        self.context.sni_callback = self._lead

    def _lead(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        material = self._served.current()
        if material is not self._material:
            try:
                self._current = server_context(self._files, self._alpn)
                self._material = material
            except TlsFilesUnusable as error:
                # Exchanged once more since they were checked: the next handshake looks again.
                log.warning("TLS files have changed again: %s", error)
        if self._current is not context:
            connection.context = self._current


def read(files: TlsFiles) -> TlsMaterial:
    """The contents of the files, once OpenSSL takes them. Raises TlsFilesUnusable."""
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
    """What differs after a file was written or replaced; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
