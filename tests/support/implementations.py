"""The implementations of protocols as parameters of tests. One whose libraries are not installed is skipped."""

from collections.abc import Collection

import pytest

from producers.registry import DEFAULT, PRODUCERS


def why_skipped(protocol: str, name: str) -> str | None:
    """Why an implementation cannot be tested here; None when it can."""
    missing = PRODUCERS[protocol][name].missing()
    return None if missing is None else f"{missing} is not installed; run `make implementations`"


def servers(**only: Collection[str]) -> list[object]:
    """Every server of every protocol, as `(protocol, implementation, strict calls)`: also gRPC behind its filter.

    `only`: of these protocols, these implementations.
    """
    params = []
    for protocol, rows in PRODUCERS.items():
        for name in only.get(protocol, rows):
            reason = why_skipped(protocol, name)
            marks = () if reason is None else (pytest.mark.skip(reason=reason),)
            params.append(pytest.param((protocol, name, False), marks=marks, id=f"{protocol}-{name}"))
    return [*params, pytest.param(("grpc", DEFAULT, True), id="grpc-filter")]


def implementations(protocol: str) -> list[object]:
    """The names of a protocol's implementations, for `params` of a fixture."""
    reasons = {name: why_skipped(protocol, name) for name in PRODUCERS[protocol]}
    return [
        pytest.param(name, marks=[] if reason is None else pytest.mark.skip(reason=reason))
        for name, reason in reasons.items()
    ]
