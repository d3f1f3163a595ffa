"""The installed command `recipe-lab`, as a user runs it: from an empty directory, without the repository."""

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from recipes.installation import PROGRAMS, ROOT
from tests.support import container, wheel
from tests.support.programs import PATIENCE_S, Listening, assert_one_line_error, environment

TINY = ("--recipes", "generated:50", "--instances", "1", "--rounds", "2", "--slice-ms", "2")
ONE_OF_EACH = ("--gzip", "on", "--tls", "on", "--workload", "get", "--concurrency", "1")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the command of an installed wheel."""
    directory = tmp_path_factory.mktemp("wheel")
    return wheel.install(wheel.build(directory), directory / "environment")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty directory."""
    directory = tmp_path / "empty"
    directory.mkdir()
    return directory


def run(directory: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this directory to its end."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_site_packages_gains_one_name(commands: Path, empty: Path) -> None:
    added = {path.name for path in wheel.site_packages(commands.parent).iterdir() if path.is_dir()}
    assert {name for name in added if not name.endswith(".dist-info")} == {"recipe_lab"}
    for package in ("bench", "commands", "protos", "recipes"):
        done = run(empty, commands / "python", "-c", f"import {package}")
        assert done.stderr.endswith(f"ModuleNotFoundError: No module named '{package}'\n")


def test_what_it_requires_is_locked_in_these_versions(commands: Path) -> None:
    site_packages = wheel.site_packages(commands.parent)
    (found,) = metadata.Distribution.discover(name="recipe-lab", path=[str(site_packages)])
    required = [Requirement(text) for text in found.requires or ()]
    locks = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "requirements").glob("*.txt"))
    locked = dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", locks))
    assert {"aiohttp", "grpcio", "granian", "distributed"} <= {each.name for each in required}
    assert [each for each in required if not each.specifier.contains(locked[each.name])] == []


def test_help(commands: Path, empty: Path) -> None:
    listed = run(empty, commands / "recipe-lab", "--help")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert all(f"\n  {name} " in listed.stdout for name in PROGRAMS)
    for name in PROGRAMS:
        done = run(empty, commands / "recipe-lab", name, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: recipe-lab {name} ")
    assert list(empty.iterdir()) == []


def test_version(commands: Path, empty: Path) -> None:
    done = run(empty, commands / "recipe-lab", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("recipe-lab ")


def test_a_stdout_that_takes_nothing_is_one_line(commands: Path, empty: Path) -> None:
    done = run(empty, "sh", "-c", '"$0" --help >&-', commands / "recipe-lab")
    assert_one_line_error(done, 2, "recipe-lab: standard output cannot be written: it is closed")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "recipe-lab: no program is named; choose from bench, "),
        (["soap"], "recipe-lab: 'soap' is not a program; choose from bench, "),
        (["bench", "soap"], "recipe-lab bench: No such command 'soap'"),
        (["bench", "run", "--ab", "main"], "recipe-lab bench: --ab: 'main' is not a directory with producers, and "),
        (["producers", "http", "--tls"], "run `recipe-lab certs` to create one"),
        (["producers", "http", "--recipes", "wikibooks"], "run `recipe-lab data`"),
        (["consumers", "http", "get", "42", "--target", "soap://"], "recipe-lab consumers: --target: "),
    ],
)
def test_errors_name_the_installed_command(commands: Path, empty: Path, arguments: list[str], error: str) -> None:
    done = run(empty, commands / "recipe-lab", *arguments, HOME=str(empty))
    assert_one_line_error(done, 2, error)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_producer_serves_and_a_consumer_asks(commands: Path, empty: Path, workers: str) -> None:
    # The same names as those of the lab's packages, which must not be imported instead.
    for name in ("bench", "producers", "recipes"):
        (empty / f"{name}.py").write_text("raise SystemExit('this is not the lab')\n")
    command = [str(commands / "recipe-lab"), "producers", "http", "--port", "0", "--workers", workers]
    with subprocess.Popen(command, cwd=empty, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            producer = Listening(process, [process.stdout.readline()])
            done = run(
                empty, commands / "recipe-lab", "consumers", "http", "get", "42", "--target", *producer.addresses
            )
            assert json.loads(done.stdout)["name"] == "Chicken Tikka Masala", done.stderr
            assert producer.end() == 0
        finally:
            process.kill()


def test_a_run_is_measured_and_reported(commands: Path, empty: Path) -> None:
    (empty / "producers.py").write_text("raise SystemExit('this is not the lab')\n")
    done = run(empty, commands / "recipe-lab", "bench", "run", *TINY, *ONE_OF_EACH, "--network", "loopback,wifi")
    assert done.returncode == 0, done.stderr
    assert "recipe-lab bench report RUN" in done.stdout
    (file,) = (empty / "reports").glob("*.json")
    found = json.loads(file.read_bytes())
    assert [cell["status"] for cell in found["cells"]] == ["measured"] * 6
    assert found["command"].startswith("recipe-lab bench run --recipes ")
    assert found["environment"]["lab_commit"]
    assert "grpcio" in found["environment"]["libraries"]
    again = run(empty, commands / "recipe-lab", "bench", "report", file, "--out", "again.html")
    assert again.returncode == 0, again.stderr
    assert (empty / "again.html").stat().st_size > 100_000, "the page has its charting library"


def test_a_user_without_rights_in_a_container(commands: Path, tmp_path: Path) -> None:
    """Read-only programs and home, no /dev/shm, temporary files elsewhere, and files that only their owner may read."""
    if reason := container.unavailable():
        pytest.skip(reason)
    (root := tmp_path / "root").mkdir()

    def contained(*command: str) -> subprocess.CompletedProcess[str]:
        return container.run(commands.parent, root, tmp_path / "work", *command)

    refused = contained("sh", "-c", "touch ~/x || touch /tmp/x || test -e /dev/shm || id -u")
    assert refused.stdout == f"{container.USER}\n", refused.stderr
    done = contained("recipe-lab", "bench", "run", *TINY, *ONE_OF_EACH, "--out", "run.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "work" / "run.json").read_bytes())
    assert [cell["status"] for cell in found["cells"]] == ["measured"] * 3
    assert found["environment"]["other_runs"] is not None
    assert (tmp_path / "work" / "run.html").is_file()
    nowhere = contained("sh", "-c", "cd / && recipe-lab bench run")
    assert_one_line_error(nowhere, 2, "recipe-lab bench: --out: reports", "Read-only file system")
