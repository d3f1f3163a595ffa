"""Published scanners find nothing: schemathesis with all checks against the OpenAPI document, sslyze against TLS.

They live in an environment of their own, `make conformance`, for they would pull the lab's own requirements about.
"""

from pathlib import Path

import pytest

from producers.certificates import CertificateFiles
from tests.interop.conftest import HERE, run
from tests.support.programs import Listening

BIN = HERE.parent.parent / ".venv-conformance" / "bin"


def scanner(name: str) -> str:
    """Where a scanner is. Skips where it is not."""
    if not (BIN / name).is_file():
        pytest.skip(f"{name} is not installed; `make conformance` installs it")
    return str(BIN / name)


def test_schemathesis_finds_nothing(http_producer: Listening, tmp_path: Path) -> None:
    plain = http_producer.addresses[0]
    flags = ("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40", "--seed", "1")
    config = ("--config-file", str(HERE / "schemathesis.toml"))
    document = f"{plain}/openapi.json"
    said = run(scanner("st"), *config, "run", document, *flags, "--generation-database", ":memory:", cwd=tmp_path)
    assert "Tested: 5" in said, said


@pytest.mark.parametrize("protocol", ["http", "graphql"])
def test_sslyze_finds_nothing(
    protocol: str, request: pytest.FixtureRequest, own_certificates: CertificateFiles
) -> None:
    producer: Listening = request.getfixturevalue(f"{protocol}_producer")
    port = producer.addresses[1].split("/")[2].rpartition(":")[2]
    trusting = ("--certinfo_ca_file", str(own_certificates.ca))
    # Many handshakes at once take longer than the scanner waits, where cores are few.
    said = run(
        scanner("sslyze"), "--slow_connection", "--mozilla_config", "intermediate", *trusting, f"localhost:{port}"
    )
    assert f"localhost:{port}: OK - Compliant." in said
    assert "VULNERABLE" not in said
    for version in ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1"):
        tail = said.split(f"* {version} Cipher Suites:")[1]
        assert "the server rejected all cipher suites" in tail.split("*")[0], version
    assert "X25519, secp256r1, secp384r1\n" in said
