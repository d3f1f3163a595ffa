"""Published scanners find nothing: schemathesis with all checks against the OpenAPI document, REDbot against HTTP's
answers, sslyze against TLS.

They have their own environment (`make conformance`), because they conflict with the lab's requirements.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from consumers.target import parse_target
from producers.certificates import CertificateFiles
from tests.interop.conftest import HERE, run
from tests.support.programs import Listening

BIN = HERE.parent.parent / ".venv-conformance" / "bin"


def scanner(name: str) -> str:
    """The path of a scanner. Skips the test when it is not installed."""
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


LINTED = {
    "/recipes/42": {"FRESHNESS_HEURISTIC"},
    "/recipes?page_size=20": {"FRESHNESS_HEURISTIC"},
    "/openapi.json": {"FRESHNESS_HEURISTIC"},
    "/recipes/43000": set(),
    # Gzip has no minimum size, so that it means the same in all three protocols.
    "/pid": {"CONNEG_GZIP_BAD"},
    "/health": {"CONNEG_GZIP_BAD"},
}
"""What REDbot may find. Recipes do not change, so caches may use heuristic freshness."""
GOOD = {"DATE_CORRECT", "CL_CORRECT", "CONTENT_TYPE_OPTIONS"}


@pytest.mark.parametrize("path", LINTED)
def test_redbot_finds_only_known_notes(http_producer: Listening, path: str) -> None:
    said = run(scanner("redbot"), "--output-format", "har", http_producer.addresses[0] + path)
    (entry,) = json.loads(said)["log"]["entries"]
    notes: dict[str, set[str]] = defaultdict(set)
    for note in entry["_red_messages"]:
        notes[note["level"]].add(note["note_id"])
    assert notes["WARN"] | notes["BAD"] == LINTED[path]
    found = {"INM_304"} if entry["response"]["status"] == 200 else set()
    assert notes["GOOD"] >= GOOD | found


CURVES = "X25519, secp256r1, secp384r1"
SCANNED = {
    "http": ("OK - Compliant.", CURVES, 0),
    "graphql": ("OK - Compliant.", CURVES, 0),
    # The TLS library of gRPC's core offers one more curve and has no setting for it (docs/security.md).
    "grpc": ("FAILED - Not compliant.", f"{CURVES}, secp521r1", 1),
    "strict_grpc": ("OK - Compliant.", CURVES, 0),
}
"""The result of sslyze for Mozilla's intermediate configuration, the curves that it finds, and its exit code."""


@pytest.mark.parametrize("protocol", SCANNED)
def test_sslyze_finds_only_one_curve_of_grpc(
    protocol: str, request: pytest.FixtureRequest, own_certificates: CertificateFiles
) -> None:
    verdict, curves, exit_code = SCANNED[protocol]
    producer: Listening = request.getfixturevalue(f"{protocol}_producer")
    place = f"localhost:{parse_target(producer.addresses[1]).port}"
    trusting = ("--certinfo_ca_file", str(own_certificates.ca))
    # On few cores, many concurrent handshakes take longer than the scanner waits.
    flags = ("--slow_connection", "--mozilla_config", "intermediate", *trusting)
    said = run(scanner("sslyze"), *flags, place, exit_code=exit_code)
    verdicts = said.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    assert f"{place}: {verdict}" in verdicts
    complaints = [line.strip() for line in verdicts.splitlines() if line.strip().startswith("* ")]
    assert complaints == ["* tls_curves: TLS curves {'secp521r1'} are supported, but should be rejected."][:exit_code]
    assert "VULNERABLE" not in said
    for version in ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1"):
        tail = said.split(f"* {version} Cipher Suites:")[1]
        assert "the server rejected all cipher suites" in tail.split("*")[0], version
    assert f"{curves}\n" in said
