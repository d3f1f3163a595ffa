"""Where the lab's code is, and how its programs are started there. tests/test_wheel.py has what is installed."""

import os
from pathlib import Path

import pytest

from recipes import installation
from recipes.installation import ROOT, prepared_by, python_path, started_as


def test_in_a_checkout_make_and_modules_are_named() -> None:
    assert started_as("bench") == "python -m bench"
    assert prepared_by("implementations") == "make implementations"


def test_an_installed_lab_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "INSTALLED", True)
    assert started_as("producers.certificates") == "recipe-lab certs"
    assert started_as("bench.network.relay") == "python -m bench.network.relay"
    assert prepared_by("data") == "recipe-lab data"
    assert prepared_by("implementations") == "pip install 'recipe-lab[implementations]'"


def test_recipes_are_downloaded_to_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "INSTALLED", True)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert installation.data_directory() == Path("/data/recipe-lab")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/user")
    assert installation.data_directory() == Path("/home/user/.local/share/recipe-lab")


def test_the_users_path_stays_behind_the_code_without_the_labs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(ROOT), "/libraries"]))
    assert python_path("/version").split(os.pathsep) == ["/version", "/libraries"]
    monkeypatch.delenv("PYTHONPATH")
    assert python_path() == str(ROOT)
