"""The script that measures the speed of the raw client: parsing the output of other programs, and measuring."""

import sys
from pathlib import Path

import pytest
from hyperframe.frame import DataFrame

from benchmarks.ceilings import generators
from benchmarks.ceilings.generators import Generator, GeneratorFailed
from benchmarks.ceilings.raw_rate import Rate, Task, send
from benchmarks.ceilings.trivial_servers import ANSWER, ServerMissing, ServerStart, nghttpd, nginx
from tests.support.books import small_book
from tests.support.http2_peer import Peer, speaking_http2
from tests.support.serving import serving


def test_the_output_of_load_generators_is_parsed() -> None:
    assert generators._read_wrk("  1234 requests in 1.50s, 2MB read") == (1234, 1.5)
    assert generators._read_autocannon('{"requests": {"total": 99}, "duration": 2.5}') == (99, 2.5)
    said = "finished in 202.20ms, 47430.00 req/s\nrequests: 9 total, 9 started, 9 done, 8 succeeded, 0 failed"
    requests, seconds = generators._read_h2load(said)
    assert requests == 8
    assert seconds == pytest.approx(0.2022)
    for read in (generators._read_wrk, generators._read_h2load):
        with pytest.raises(GeneratorFailed):
            read("nothing")


def test_missing_and_failing_load_generators_are_errors() -> None:
    with pytest.raises(GeneratorFailed, match="no-such-program is not installed"):
        generators.run(Generator("x", lambda *_: [], generators._read_wrk), ["no-such-program"], ())
    failing = [sys.executable, "-c", "import sys; sys.exit('oh')"]
    with pytest.raises(GeneratorFailed, match="x ended with 1: oh"):
        generators.run(Generator("x", lambda *_: [], generators._read_wrk), failing, ())
    saying = [sys.executable, "-c", "print('10 requests in 2.0s')"]
    rate = generators.run(Generator("x", lambda *_: [], generators._read_wrk), saying, ())
    assert (rate.requests, rate.seconds) == (10, 2.0)
    assert rate.cpu_us_per_request > 0


@pytest.mark.parametrize("start", [nginx, nghttpd])
def test_missing_servers_are_errors(start: ServerStart, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(ServerMissing, match="is not installed"), start(tmp_path, ()):
        pass


async def test_a_producer_is_measured() -> None:
    async with serving("http", small_book()) as served:
        task = Task(target=served.address, in_flight=2, seconds=0.05, protocol="http")
        rate = await send(task)
    assert isinstance(rate, Rate)
    assert rate.requests > 0
    assert rate.cpu_us_per_request > 0
    assert rate.server_cpu_us_per_request is None


async def test_a_static_http2_server_is_measured() -> None:
    async def script(peer: Peer) -> None:
        await peer.start()
        while True:
            asked = await peer.request()
            assert asked.headers[":path"] == "/recipes/1"
            head = peer.headers(asked.stream_id, ((":status", "200"),))
            peer.send(head, DataFrame(asked.stream_id, ANSWER, flags=["END_STREAM"]))

    async with speaking_http2(script) as server:
        rate = await send(Task(target=f"http://127.0.0.1:{server.port}", in_flight=3, seconds=0.05))
    assert rate.requests > 0
