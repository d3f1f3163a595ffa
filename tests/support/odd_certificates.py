"""Certificates that a careful client refuses, each with the reason that OpenSSL gives."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from producers import certificates
from producers.certificates import CertificateFiles


def expired(directory: Path) -> CertificateFiles:
    """An authority that a client trusts, and a server certificate that was valid half a year ago."""
    return certificates.write(directory, now=datetime.now(UTC) - timedelta(days=200))


def self_signed(directory: Path, host: str = "localhost") -> CertificateFiles:
    """A certificate for `host` that no authority has signed. It stands as the authority's, too."""
    directory.mkdir(parents=True, exist_ok=True)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = CertificateFiles(directory)
    for path in (files.ca, files.server):
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.server_key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
