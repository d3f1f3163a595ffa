"""Every protocol × gzip × TLS × workload over real sockets, dissected: the names sum to what was on the wire."""

from itertools import product

import pytest

from bench.protocols import protocol as row
from bench.results import Anatomy
from bench.wire import measure as dissection
from bench.wire.categories import UNKNOWN, bytes_by_category
from bench.wire.key_log import read_key_log
from bench.wire.measure import KEY_LOG_VARIABLE, Dissected, dissect, key_log
from bench.wire.phases import check_phases
from bench.wire.recording import Direction
from bench.wire.sizes import Ask
from consumers.registry import CONSUMERS
from producers import certificates
from producers.certificates import CertificateFiles
from tests.bench.wire.test_sizes import connecting, producing

ASKS = 10


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificates.write(tmp_path_factory.mktemp("certificates"))


def asks(workload: str) -> list[Ask]:
    if workload == "list":
        return [lambda asker: asker.list(20)] * ASKS
    return [lambda asker, number=number: asker.get(number) for number in range(10, ASKS + 10)]  # type: ignore[misc]


def per_request(anatomy: Anatomy, direction: Direction) -> dict[str, float]:
    return bytes_by_category(getattr(anatomy.steady, direction.value))


@pytest.mark.parametrize("protocol", CONSUMERS)
async def test_every_byte_has_a_name_in_every_combination(protocol: str, files: CertificateFiles) -> None:
    async with producing(protocol, files) as (plain, tls):
        found: dict[tuple[bool, bool, str], Dissected] = {}
        for gzip, secure, workload in product((False, True), (False, True), ("get", "list")):
            found[gzip, secure, workload] = await dissect(
                connect=connecting(protocol, gzip=gzip, ca=files.ca),
                plain=plain,
                tls=tls if secure else None,
                codec=row(protocol).codec(),
                asks=asks(workload),
                gzip=gzip,
            )
    for (gzip, secure, workload), dissected in found.items():
        anatomy = dissected.anatomy
        assert anatomy is not None, dissected.warnings
        check_phases(anatomy)
        assert anatomy.requests == ASKS + 2
        assert anatomy.inside_tls in ((None,) if not secure else ("decrypted", "plain_twin"))
        assert (dissected.tls_session is not None) == secure
        assert dissected.bytes.response.wire_bytes is not None
        twin = found[gzip, False, workload].anatomy
        assert twin is not None
        for direction in Direction:
            inside, outside = per_request(anatomy, direction), per_request(twin, direction)
            assert inside["content"] >= outside["content"] * 0.8
            assert (inside["tls"] > 0) == secure
            if anatomy.inside_tls != "plain_twin":
                # Decrypted, it is the same to the byte: the twin was asked the same, over another connection.
                assert inside[UNKNOWN] == 0
                assert {name: size for name, size in inside.items() if name != "tls"} == {
                    name: size for name, size in outside.items() if name != "tls"
                }
        assert (anatomy.gzip is not None) == gzip
        if anatomy.gzip is not None:
            assert anatomy.gzip.compressed == anatomy.gzip.answers == ASKS
            assert anatomy.gzip.level == 6
    first, last = (getattr(found[False, False, "get"].anatomy, f"{which}_headers") for which in ("first", "last"))
    # HPACK leaves out what it said before; HTTP/1.1 says all of it each time.
    assert first.request.fields
    assert last.request.wire_bytes <= first.request.wire_bytes


async def test_a_client_that_hands_over_no_keys_is_dissected_by_its_lengths(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dissection, "read_key_log", lambda _: {})
    async with producing("http", files) as (plain, tls):
        connect = connecting("http", ca=files.ca)
        by_length = await dissect(
            connect=connect, plain=plain, tls=tls, codec=row("http").codec(), asks=asks("get"), gzip=False
        )
        alone = await dissect(
            connect=connect, plain=None, tls=tls, codec=row("http").codec(), asks=asks("get"), gzip=False
        )
        monkeypatch.undo()
        decrypted = await dissect(
            connect=connect, plain=plain, tls=tls, codec=row("http").codec(), asks=asks("get"), gzip=False
        )
    assert by_length.anatomy is not None
    assert decrypted.anatomy is not None
    assert (by_length.anatomy.inside_tls, decrypted.anatomy.inside_tls) == ("plain_twin", "decrypted")
    assert by_length.anatomy.steady == decrypted.anatomy.steady
    assert by_length.anatomy.setup.sent == decrypted.anatomy.setup.sent
    assert alone.anatomy is None
    assert alone.warnings == ("this client hands over no keys, and there is no answer without TLS to compare with",)


async def test_keys_that_do_not_fit_leave_the_lengths(files: CertificateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(text: str) -> object:
        return read_key_log(text[:-8] + "00000000\n")

    monkeypatch.setattr(dissection, "read_key_log", damaged)
    async with producing("http", files) as (plain, tls):
        found = await dissect(
            connect=connecting("http", ca=files.ca),
            plain=plain,
            tls=tls,
            codec=row("http").codec(),
            asks=asks("get"),
            gzip=False,
        )
    assert found.anatomy is not None
    assert found.anatomy.inside_tls == "plain_twin"


async def test_nobody_there(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, _):
        pass
    found = await dissect(
        connect=connecting("http"), plain=plain, tls=None, codec=row("http").codec(), asks=asks("get"), gzip=False
    )
    assert found.anatomy is None
    assert len(found.warnings) == 1


def test_the_key_log_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for before in (None, "/somewhere"):
        monkeypatch.delenv(KEY_LOG_VARIABLE, raising=False)
        if before is not None:
            monkeypatch.setenv(KEY_LOG_VARIABLE, before)
        with key_log() as path:
            assert os.environ[KEY_LOG_VARIABLE] == str(path)
            assert path.stat().st_mode & 0o077 == 0
        assert os.environ.get(KEY_LOG_VARIABLE) == before
        assert not path.exists()
