"""What holds for all tests: what a skip is, that time decides nothing, and in which processes coverage is measured.

With LAB_SKIPS_FAIL=1, as in CI, a test that is skipped has failed, for there nothing is missing; and hypothesis tries
the same examples each time.

Programs run as they do for a user, without coverage, which slows them by half, loads OpenSSL before they can name the
configuration that they want, and catches SIGTERM. A few tests are `traced`, so that it is known what they reach.
"""

import os
from collections.abc import Generator, Iterator, Mapping
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

SKIPS_FAIL = "LAB_SKIPS_FAIL"

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

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


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
    taken = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith(TRACING)}
    yield taken
    os.environ.update(taken)


@pytest.fixture
def traced(tracing: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage is measured in the processes that this test starts, too."""
    for name, value in tracing.items():
        monkeypatch.setenv(name, value)
