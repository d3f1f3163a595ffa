"""A new dimension needs one declaration and the part that implements it; flags, ids, pairing, reports follow."""

import pytest

from tests.extending.conftest import SMALL, Lab

FILES = {
    "bench/load/nap.py": '''
import asyncio


def napping(consumer, nap_ms):
    """The consumer, each of whose callers waits for so long before it asks."""
    get = consumer.get

    async def nap_and_get(*arguments):
        await asyncio.sleep(nap_ms / 1000)
        return await get(*arguments)

    consumer.get = nap_and_get
    return consumer
''',
}
LINES = {
    "bench/spec.py": (
        "    network: Annotated[\n",
        """    nap_ms: Annotated[
        int,
        Dimension(
            heading="nap",
            scope=Scope.CONNECTION,
            label=lambda key: f"nap{key.nap_ms}" if key.nap_ms else "",
            words=lambda key: f"{key.nap_ms} ms of sleep" if key.nap_ms else "",
            flag=Flag(
                name="--nap-ms",
                metavar="MS",
                help="Sleep before each request.",
                default="0",
                choices=lambda: ("0", "5"),
                value=int,
            ),
        ),
    ] = 0
    network: Annotated[
""",
    ),
    "bench/load/cell_clients.py": (
        "        if key.connection == NEW:\n",
        """        if key.nap_ms:
            from bench.load.nap import napping

            return LibraryClient(self.setup.protocol, settings, napping(self.consumer(key, target), key.nap_ms))
        if key.connection == NEW:
""",
    ),
}


@pytest.mark.no_cover
def test_a_dimension(lab: Lab) -> None:
    lab.add(FILES, LINES)
    planned = lab.bench("run", *SMALL, "--nap-ms", "0,5", "--dry-run").stdout
    assert "nap: 0, 5\n" in planned
    assert "grpc-get-c1-nap5" in planned
    run = lab.run("run.json", "--protocol", "http,grpc", "--workload", "get", "--nap-ms", "0,5")
    cells = {cell["id"]: cell for cell in run["cells"]}
    assert list(cells) == ["http-get-c1", "http-get-c1-nap5", "grpc-get-c1", "grpc-get-c1-nap5"]
    assert [cell["nap_ms"] for cell in cells.values()] == [0, 5, 0, 5]
    # The loop's timers are whole milliseconds, and may be up to one early.
    assert min(cells["http-get-c1-nap5"]["slices"]["p50_ns"]) >= 4_000_000
    assert cells["grpc-get-c1-nap5"]["ratio"]["baseline"] == "http-get-c1-nap5"
    assert "5 ms of sleep" in (lab.root / "run.html").read_text(encoding="utf-8")

    itself = lab.bench("compare", "run.json", "run.json", "--force")
    assert all(name in itself.stdout for name in cells)
