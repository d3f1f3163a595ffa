"""What holds for all tests: what a skip is, that time decides nothing, and in which processes coverage is measured.

With LAB_SKIPS_FAIL=1, as in CI, a test that is skipped has failed, for there nothing is missing; and hypothesis tries
the same examples each time.

Programs run as they do for a user, without coverage, which slows them by half, loads OpenSSL before they can name the
configuration that they want, and catches SIGTERM. A few tests are `traced`, so that it is known what they reach.

Coverage doubles the time of code. Tests that run the same code many times, for their statistics or in every
combination, are marked `no_cover`, of which pytest-cov takes care; what they reach, others have to reach as well.
"""

import os
import signal
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from producers.certificates import CertificateFiles

SKIPS_FAIL = "LAB_SKIPS_FAIL"

# What a shell starts in the background ignores Ctrl-C, as do its children; those of tests must not.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "lab",
    # Otherwise an example that takes 200 ms has failed, as has data that is made slowly: on a busy machine, any.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # CI says whether a change has broken something, so it tries the same examples each time; others search on.
    derandomize=os.environ.get(SKIPS_FAIL) == "1",
)
settings.load_profile("lab")

TRACING = "COVERAGE_PROCESS"
"""What the variables begin with by which coverage reaches the processes that a test starts."""

REPEATING = ("browser", "contract", "hostile", "interop")
"""Folders of tests that do the same to every producer, most of them in processes of their own."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is only slowed down by coverage."""
    folders = {Path(__file__).with_name(name) for name in REPEATING}
    for item in items:
        if folders.intersection(item.path.parents):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """In a process of pytest-xdist: stop what measures coverage already, so that only what `no_cover` pauses does.

    pytest-cov starts in such a process twice, as in the process that distributes the tests and as in one that runs
    them, and pauses only the second.
    """
    if hasattr(session.config, "workerinput"):
        while (started := Coverage.current()) is not None:
            started.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return without_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return without_skip((yield))


def without_skip(report: Report) -> Report:
    """The report, failed if it was of a skip and skips fail. What is expected to fail is no skip."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(SKIPS_FAIL) == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, though {SKIPS_FAIL}=1 says that nothing is missing: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def tracing() -> Iterator[Mapping[str, str]]:
    """The variables that have coverage measured in processes, which are not in the environment meanwhile."""
    taken = without_tracing()
    yield taken
    os.environ.update(taken)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Takes the variables away again, which coverage sets whenever it goes on after a test that it left out."""
    try:
        return (yield)
    finally:
        without_tracing()


def without_tracing() -> dict[str, str]:
    """Take the variables by which coverage reaches other processes out of the environment."""
    return {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith(TRACING)}


@pytest.fixture
def traced(tracing: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage is measured in the processes that this test starts, too."""
    for name, value in tracing.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def own_certificates(tmp_path_factory: pytest.TempPathFactory) -> "CertificateFiles":
    """Certificates of one local authority, for every test that serves TLS."""
    # Imported here, so that coverage has started.
    from producers import certificates

    return certificates.write(tmp_path_factory.mktemp("certificates"))
