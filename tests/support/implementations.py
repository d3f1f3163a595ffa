"""The implementations of protocols as parameters of tests. One whose libraries are not installed is skipped."""

import pytest

from producers.registry import PRODUCERS


def why_skipped(protocol: str, name: str) -> str | None:
    """Why an implementation cannot be tested here; None when it can."""
    missing = PRODUCERS[protocol][name].missing()
    return None if missing is None else f"{missing} is not installed; run `make implementations`"


def implementations(protocol: str) -> list[object]:
    """The names of a protocol's implementations, for `params` of a fixture."""
    reasons = {name: why_skipped(protocol, name) for name in PRODUCERS[protocol]}
    return [
        pytest.param(name, marks=[] if reason is None else pytest.mark.skip(reason=reason))
        for name, reason in reasons.items()
    ]
