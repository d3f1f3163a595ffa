"""A fourth protocol needs a module in producers and consumers, and a row in three registries; nothing else."""

import json

import pytest

from tests.extending.conftest import Lab

FILES = {
    "producers/toy.py": '''
from producers.json_http import JsonHttpProducer


class ToyProducer(JsonHttpProducer):
    """A protocol that is JSON over HTTP by another name."""
''',
    "consumers/toy.py": '''
from consumers.json_http import JsonHttpClient


class ToyClient(JsonHttpClient):
    """A protocol that is JSON over HTTP by another name."""
''',
}
LINES = {
    "producers/registry.py": (
        '    "grpc": {\n',
        '    "toy": {DEFAULT: Implementation(title="toy", at="producers.toy:ToyProducer")},\n    "grpc": {\n',
    ),
    "consumers/registry.py": (
        '    "graphql": {\n',
        '    "toy": {"json": "consumers.toy:ToyClient"},\n    "graphql": {\n',
    ),
    "bench/protocols.py": (
        "    for row in (\n",
        """    for row in (
        Protocol(
            name="toy",
            title="Toy",
            codec_at="CODEC",
            raw_calls_at="RAW_CALLS",
            seen_at="bench.fronts.seen:of_http",
            noop_server_at="bench.runner.noop_servers:http",
        ),
""",
    ),
}


@pytest.mark.no_cover
def test_a_fourth_protocol(lab: Lab) -> None:
    from bench.protocols import PROTOCOLS

    http = PROTOCOLS["http"]
    line, row = LINES["bench/protocols.py"]
    row = row.replace("RAW_CALLS", http.raw_calls_at).replace("CODEC", http.codec_at)
    lab.add(FILES, {**LINES, "bench/protocols.py": (line, row)})
    run = lab.run("run.json", "--protocol", "http,toy", "--workload", "get", "--client", "library,raw")
    assert [(cell["id"], cell["status"]) for cell in run["cells"] if cell["protocol"] == "toy"] == [
        ("toy-get-c1", "measured"),
        ("toy-get-raw-c1", "measured"),
    ]
    sizes = {cell["protocol"]: cell["bytes"] for cell in run["cells"] if cell["client"] == "library"}
    assert sizes["toy"] == sizes["http"]
    assert "Toy" in (lab.root / "run.html").read_text(encoding="utf-8")
    done = lab.bench(
        "sizes", "--protocol", "toy", "--gzip", "on", "--tls", "on", "--requests", "5", "--out", "sizes.json"
    )
    assert done.returncode == 0, done.stderr
    (get, list_) = json.loads((lab.root / "sizes.json").read_bytes())["cells"]
    assert (get["id"], get["anatomy"]["inside_tls"]) == ("toy-get-gzip-tls", "decrypted")
    assert list_["status"] == "measured"
    shown = lab.bench("ask", "toy")
    assert shown.returncode == 0, shown.stderr
    assert "Chicken Tikka Masala" in shown.stdout
