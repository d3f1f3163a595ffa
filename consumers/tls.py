"""TLS of the consumers: a context with trusted and own certificates, and what a server presents."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from consumers import causes
from consumers.access import Access
from consumers.client import ClientSettings
from consumers.errors import ProducerTimeout, ProducerUnreachable

NO_PASSWORD = ""
"""Of a private key. Without one, OpenSSL would ask for it on the terminal."""
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class UnusableFile(ValueError):
    """A file without usable certificates, or without the key of one. The text is `FILE: REASON`."""

    def __init__(self, file: Path | None, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file


def client_context(settings: ClientSettings, alpn: Sequence[str]) -> ssl.SSLContext:
    """The context of a client that offers these protocols. Raises ProducerUnreachable, naming an unusable file."""
    try:
        check_files(settings)
    except UnusableFile as error:
        raise ProducerUnreachable(f"{causes.UNUSABLE_FILE} {error}", producer=settings.target.authority) from None
    context = ssl.create_default_context(cafile=settings.ca)
    context.minimum_version = _VERSIONS[settings.tls_min]
    if settings.client_certificate is not None:
        context.load_cert_chain(settings.client_certificate, settings.client_key, NO_PASSWORD)
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(alpn))
    return context


def check_files(access: Access) -> None:
    """Raise UnusableFile for a file of certificates that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file = access.ca
    try:
        if access.ca is not None:
            context.load_verify_locations(access.ca)
        file = access.client_certificate
        if access.client_certificate is not None:
            context.load_cert_chain(access.client_certificate, access.client_key, NO_PASSWORD)
    except OSError as error:
        raise UnusableFile(file, causes.of_file(error)) from None


async def server_certificate(settings: ClientSettings) -> str:
    """What the server presents, in PEM, in a handshake as the settings demand it. Raises ConsumerError."""
    target, address = settings.target, settings.connects_to
    context = client_context(settings, ("h2", "http/1.1"))
    try:
        async with asyncio.timeout(settings.timeout_s):
            _, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, server_hostname=target.host
            )
    except TimeoutError:
        cause = f"no TLS handshake within {settings.timeout_s:g} s"
        raise ProducerTimeout(cause, producer=target.authority) from None
    except ssl.SSLCertVerificationError as error:
        raise ProducerUnreachable(causes.of_tls(error), producer=target.authority) from None
    except (ssl.SSLError, ConnectionResetError) as error:
        reason = causes.of_tls(error) if isinstance(error, ssl.SSLError) else causes.HANDSHAKE_FAILED
        detail = f"at least TLS {settings.tls_min} was demanded"
        raise ProducerUnreachable(reason, producer=target.authority, detail=detail) from None
    except OSError as error:
        raise ProducerUnreachable(causes.of_system(error), producer=target.authority) from None
    try:
        presented = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return ssl.DER_cert_to_PEM_cert(presented)


def name_in(certificate: str) -> str:
    """A name for which a certificate in PEM is valid; empty where it has none."""
    from cryptography import x509  # noqa: PLC0415 - seldom needed, and large

    parsed = x509.load_pem_x509_certificate(certificate.encode())
    names: list[str] = []
    with suppress(x509.ExtensionNotFound):
        alternative = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += alternative.get_values_for_type(x509.DNSName)
        names += map(str, alternative.get_values_for_type(x509.IPAddress))
    names += [str(each.value) for each in parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return names[0].replace("*", "any") if names else ""


def is_valid_now(certificate: str) -> bool:
    """Whether the time for which a certificate in PEM is valid has begun and has not ended."""
    from cryptography import x509  # noqa: PLC0415 - seldom needed, and large

    parsed = x509.load_pem_x509_certificate(certificate.encode())
    return parsed.not_valid_before_utc <= datetime.now(UTC) <= parsed.not_valid_after_utc
