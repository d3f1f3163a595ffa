"""What "TLS on" means for a producer in Python's ssl: TLS 1.3 with whoever speaks it, 1.2 with forward secrecy and AEAD
for others, nothing older; the lab's certificates, ALPN stated. The lab's own consumers take 1.3 only.

The cipher suite of TLS 1.3 cannot be chosen from Python 3.11; `OPENSSL_CONF` in the process's environment does it.
`commands/openssl.cnf` is the configuration that the bench gives to its children.
"""

import ssl
from collections.abc import Sequence

from producers.settings import TlsFiles

TLS_1_2_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Suites with forward secrecy and authenticated encryption (RFC 9325, section 4.2). Those of TLS 1.3 all have both."""


class TlsFilesUnusable(Exception):
    """The certificate or the key cannot be used. The text names the file and the reason."""


def server_context(files: TlsFiles, alpn: Sequence[str]) -> ssl.SSLContext:
    """A context that serves `files` over TLS 1.3 or 1.2 and agrees on the first of `alpn` that the client offers too.

    With a client authority it turns away who shows no certificate of that authority's. Raises TlsFilesUnusable.
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
            file.read_bytes()
        except OSError as error:
            raise TlsFilesUnusable(f"{file}: {error.strerror or error}; `make certs` makes one") from None
