"""The PYTHONPATH of children: their own code first, then what the user has on it, without the lab's own root."""

import os

import pytest

from bench.runner.processes import child_environment
from recipes.installation import ROOT


@pytest.mark.parametrize(
    ("given", "behind"),
    [("", []), ("/a:/b", ["/a", "/b"]), (f"/a:{ROOT}", ["/a"]), (f":{ROOT}/:/b", ["/b"])],
)
def test_the_users_path_comes_behind_the_code(given: str, behind: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", given)
    assert child_environment()["PYTHONPATH"].split(os.pathsep) == [str(ROOT), *behind]
    assert child_environment("/version")["PYTHONPATH"].split(os.pathsep) == ["/version", *behind]
