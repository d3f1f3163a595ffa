"""The manifest for Kubernetes: it is valid, and its commands are understood by the programs that they start."""

from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import run
from tests.support.programs import run_here

ROOT = Path(__file__).parent.parent.parent.parent
MANIFEST = ROOT / "docs" / "examples" / "kubernetes" / "cluster.yaml"
VALIDATE = ROOT / ".venv-conformance" / "bin" / "kubernetes-validate"
SUBCOMMANDS = {"scheduler": "distributed.cli.dask_scheduler", "worker": "distributed.cli.dask_worker"}


def documents() -> list[Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with Dask: make setup-cluster")
    return list(yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8")))


def pods() -> dict[str, Any]:
    """What runs in each pod, by its role."""
    found = [each["spec"]["template"] for each in documents() if "template" in each["spec"]]
    return {each["metadata"]["labels"]["role"]: each["spec"] for each in found}


def words(role: str) -> list[str]:
    (container,) = pods()[role]["containers"]
    return [*container["command"], *container.get("args", ())]


def test_it_is_valid() -> None:
    if not VALIDATE.is_file():
        pytest.skip("kubernetes-validate is not installed; `make conformance` installs it")
    assert run(str(VALIDATE), "--strict", "--quiet", str(MANIFEST)) == ""


@pytest.mark.parametrize("role", SUBCOMMANDS)
def test_dask_understands_what_it_is_started_with(role: str) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: make setup-cluster")
    program, subcommand, *arguments = words(role)
    assert (program, subcommand) == ("dask", role)
    main = pytest.importorskip(SUBCOMMANDS[role]).main
    assert main.make_context(role, list(arguments)).params["dashboard"] is False


def test_the_bench_understands_what_it_is_started_with(tmp_path: Path) -> None:
    program, bench, *arguments = words("bench")
    assert (program, bench) == ("recipe-lab", "bench")
    arguments[arguments.index("--out") + 1] = str(tmp_path / "run.json")
    done = run_here("bench", *arguments, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "5,000 requests/s" in done.stdout


def test_what_executes_anything_is_reached_by_these_pods_only() -> None:
    (policy,) = [each for each in documents() if each["kind"] == "NetworkPolicy"]
    labels = {"matchLabels": {"app": "recipe-lab-load"}}
    assert policy["spec"]["podSelector"] == labels
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": labels}]
    assert "--worker-port" in words("worker")
    assert {str(each["port"]) for each in rule["ports"]} == {"8786", words("worker")[-3]}
    for pod in pods().values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
