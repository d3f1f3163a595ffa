"""Recipes as people have them: ids that the contracts do not have, compressed, from a pipe, or very few."""

import gzip
import json
import os
import threading
from pathlib import Path

import pytest

from tests.support.programs import assert_one_line_error, listening, run, run_here

OWN = ["2300634791", "5ed6604591c37cdc054bca79"]
RECORDS = [
    {"id": int(OWN[0]), "name": "Tea"},
    {"id": OWN[1], "name": "Soup", "ingredients": [{"id": "x", "name": "a"}]},
]
ONE_IN_FLIGHT = ("--gzip", "off", "--tls", "off", "--concurrency", "1", "--instances", "1", "--rounds", "2")


def test_renumbered_recipes_of_a_pipe_are_measured_and_named_by_their_own_ids(tmp_path: Path) -> None:
    """Producers and load processes read the recipes, too, and a pipe can be read once."""
    pipe, out = tmp_path / "pipe.gz", tmp_path / "r.json"
    os.mkfifo(pipe)
    written = gzip.compress(json.dumps(RECORDS).encode())
    # It waits for a reader without end, which must not keep the tests from ending where there is none.
    threading.Thread(target=pipe.write_bytes, args=(written,), daemon=True).start()
    own = ("--recipes", str(pipe), "--renumber", "--ids", OWN[1])
    done = run("bench", "run", "--protocol", "http,grpc", *ONE_IN_FLIGHT, *own, "--slice-ms", "2", "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_bytes())
    assert found["recipes"]["count"] == 2
    assert found["recipes"]["ids"] == [2]
    assert found["recipes"]["own_ids"] == {"1": OWN[0], "2": OWN[1]}
    assert {cell["status"] for cell in found["cells"]} == {"measured"}
    assert [cell["id"] for cell in found["cells"]] == [
        f"{p}-{w}-c1" for p in ("http", "grpc") for w in ("get", "list2")
    ]
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "a page of 2 recipes" in page
    assert "a page of 20" not in page
    assert f"2 recipes ({pipe}, renumbered)" in page
    assert f"1 is {OWN[0]}, 2 is {OWN[1]}" in page
    assert "list20" not in done.stdout


@pytest.mark.parametrize("command", ["run", "sizes", "instructions", "slo", "ask"])
def test_an_id_that_the_contracts_do_not_have_offers_to_renumber(command: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(RECORDS))
    arguments = ["http"] if command == "ask" else []
    done = run_here("bench", command, *arguments, "--recipes", str(file))
    assert_one_line_error(done, 2, f"{file}:1: id: expected 1 to 2147483647, got {OWN[0]}; --renumber numbers all")


def test_an_unknown_own_id_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(RECORDS))
    done = run_here("bench", "run", "--recipes", str(file), "--renumber", "--ids", f"{OWN[0]},7")
    assert_one_line_error(done, 2, "--ids", "has no recipe 7")


def test_a_dry_run_has_pages_that_the_recipes_fill(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"name": "Tea"}')
    done = run_here("bench", "run", "--dry-run", "--recipes", str(file), "--page-size", "1,20,100")
    assert "workload: get, list1\n" in done.stdout


def test_a_missing_recipe_of_a_target_is_named_by_its_own_id(tmp_path: Path) -> None:
    file, out = tmp_path / "mine.json", tmp_path / "r.json"
    file.write_text(json.dumps(RECORDS))
    with listening("producers", "http", "--port", "0", "--recipes", "generated:1") as other:
        chosen = ("--target", f"http={other.addresses[0]}", "--workload", "get", "--gzip", "off", "--concurrency", "1")
        own = ("--recipes", str(file), "--renumber", "--ids", OWN[1])
        done = run("bench", "run", *chosen, *own, "--rounds", "2", "--out", str(out))
    assert done.returncode == 3, done.stderr
    reason = json.loads(out.read_bytes())["cells"][0]["reason"]
    assert reason == f"no recipe has the id 2 (in its file the id is {OWN[1]})"


def test_a_producer_renumbers(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(RECORDS))
    with listening("producers", "http", "--port", "0", "--recipes", str(file), "--renumber") as producer:
        done = run_here("consumers", "http", "get", "2", "--target", producer.addresses[0])
    assert json.loads(done.stdout)["name"] == "Soup"


def test_workers_do_not_share_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run_here("producers", "http", "--port", "0", "--recipes", str(pipe), "--workers", "2")
    assert_one_line_error(done, 2, "--recipes", "--workers", "use a file")


def test_a_page_of_a_target_is_called_by_the_recipes_that_it_had(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    with listening("producers", "http", "--port", "0", "--recipes", "generated:7") as other:
        chosen = ("--target", f"http={other.addresses[0]}", "--workload", "list", "--gzip", "off")
        size = ("--concurrency", "1", "--expect", "none", "--rounds", "2", "--out", str(out))
        done = run("bench", "run", *chosen, *size)
    assert done.returncode == 0, done.stderr
    (cell,) = json.loads(out.read_bytes())["cells"]
    assert cell["id"].startswith("http-list7-c1")
    assert cell["workload"]["page_size"] == 7
    assert cell["bytes"]["response"]["message_bytes"] > 1000
    assert "a page of 20" not in out.with_suffix(".html").read_text(encoding="utf-8")
