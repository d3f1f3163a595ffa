"""A local certificate authority, a server and a client certificate: `python -m producers.certificates [DIRECTORY]`.

All keys are P-256. Leaf certificates are valid for 90 days and have a subject alternative name that is not critical, as
strict checkers require. The authority's key is thrown away, so nobody can issue another certificate with it.
"""

import ipaddress
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from commands import command_line
from commands.errors import UsageError
from recipes.installation import started_as

DEFAULT_DIRECTORY = Path("certs")
LIFE_DAYS = 90
RENEW_AHEAD_DAYS = 7

app = command_line.application("Create certificates for local use.")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the PEM files of one directory are."""

    directory: Path

    @property
    def ca(self) -> Path:
        """The authority's certificate: what a client trusts."""
        return self.directory / "ca.pem"

    @property
    def server(self) -> Path:
        """The server's certificate, for localhost, 127.0.0.1 and ::1."""
        return self.directory / "server.pem"

    @property
    def server_key(self) -> Path:
        """The server's private key."""
        return self.directory / "server-key.pem"

    @property
    def client(self) -> Path:
        """A client's certificate."""
        return self.directory / "client.pem"

    @property
    def client_key(self) -> Path:
        """The client's private key."""
        return self.directory / "client-key.pem"

    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return (self.ca, self.server, self.server_key, self.client, self.client_key)


def ensure(directory: Path = DEFAULT_DIRECTORY, *, now: datetime | None = None) -> CertificateFiles:
    """The files in `directory`, written again if one is missing or about to expire. Raises OSError."""
    files = CertificateFiles(directory)
    if not all(path.is_file() for path in files.all()) or expires_at(files.server) < (
        now or datetime.now(UTC)
    ) + timedelta(days=RENEW_AHEAD_DAYS):
        return write(directory, now=now)
    return files


def expires_at(certificate: Path) -> datetime:
    """When the first certificate in a PEM file ends; the distant past when it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return datetime.min.replace(tzinfo=UTC)


def write(directory: Path = DEFAULT_DIRECTORY, *, now: datetime | None = None) -> CertificateFiles:
    """Make an authority and its two certificates, and put them into `directory`. Raises OSError."""
    start = (now or datetime.now(UTC)) - timedelta(minutes=5)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Recipe Lab local authority")
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    files = CertificateFiles(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for certificate_path, key_path, purpose in (
        (files.server, files.server_key, ExtendedKeyUsageOID.SERVER_AUTH),
        (files.client, files.client_key, ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(f"Recipe Lab {certificate_path.stem}"), ca_name, key.public_key(), start)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                critical=False,
            )
            .add_extension(_LOCAL_NAMES, critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        _put(key_path, _key_pem(key), mode=0o600)
        _put(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    _put(files.ca, ca.public_bytes(serialization.Encoding.PEM))
    return files


_LOCAL_NAMES = x509.SubjectAlternativeName(
    [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _put(path: Path, content: bytes, mode: int = 0o644) -> None:
    aside = path.with_suffix(".new")
    aside.touch(mode=mode)
    aside.chmod(mode)
    aside.write_bytes(content)
    aside.replace(path)


@app.command()
def command(
    directory: Annotated[Path, typer.Argument(metavar="[DIRECTORY]", help="Where to write the files.")] = (
        DEFAULT_DIRECTORY
    ),
) -> None:
    """Create a local authority, a server certificate and a client certificate, unless valid ones are there."""
    try:
        files = ensure(directory)
    except OSError as error:
        raise UsageError(f"{directory}: {error.strerror or error}; choose a directory that can be written") from None
    print(f"{files.directory}: valid until {expires_at(files.server):%Y-%m-%d}")


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, started_as("producers.certificates"))


if __name__ == "__main__":
    sys.exit(main())
