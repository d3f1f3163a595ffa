"""The charting library in the repository is the one that was bundled, and its packages are the locked ones."""

import hashlib
import json

from bench.report.html import LIBRARY


def test_the_bundle_and_its_licences_have_the_recorded_hashes() -> None:
    for line in (LIBRARY.parent / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        assert hashlib.sha256((LIBRARY.parent / name).read_bytes()).hexdigest() == digest, name


def test_the_banner_names_the_locked_versions() -> None:
    packages = json.loads((LIBRARY.parent / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    banner = LIBRARY.read_text(encoding="utf-8").partition("\n")[0]
    for name, package in (("Observable Plot", "@observablehq/plot"), ("D3", "d3")):
        assert f"{name} {packages[f'node_modules/{package}']['version']}" in banner


def test_the_bundle_cannot_end_its_element() -> None:
    assert "</script" not in LIBRARY.read_text(encoding="utf-8").lower()
