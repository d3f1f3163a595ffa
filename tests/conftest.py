"""With LAB_SKIPS_FAIL=1, a test that is skipped has failed: CI installs what tests need, so that nothing is missing."""

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

SKIPS_FAIL = "LAB_SKIPS_FAIL"

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
