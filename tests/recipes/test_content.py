"""The content of files of all kinds: read whole, or refused, within bounds of size and time."""

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recipes import content
from recipes.content import ContentUnusable, read


def reason(file: Path) -> str:
    with pytest.raises(ContentUnusable) as caught:
        read(file)
    return str(caught.value)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_a_device_is_refused(device: str) -> None:
    assert reason(Path(device)) == "is a device; use a file"


def test_a_file_and_what_it_expands_to_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAXIMUM_BYTES", 1 << 20)
    file = tmp_path / "mine.json"
    file.write_bytes(b" " * (1 << 20))
    assert len(read(file)) == 1 << 20
    file.write_bytes(b" " * ((1 << 20) + 1))
    assert reason(file) == "has more than 1 MiB; use a part of it"
    file.write_bytes(gzip.compress(bytes(50 << 20)))
    assert reason(file) == "expands to more than 1 MiB; use a part of it"


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.gz"
    sound = gzip.compress(b"content")
    file.write_bytes(sound[:-3])
    assert reason(file) == "ends in the middle of its gzip data"
    file.write_bytes(sound[:-8] + b"\0" * 8)
    assert reason(file).startswith("has damaged gzip data (CRC check failed")
    file.write_bytes(sound[:10] + b"\xff" * 10)
    assert reason(file).startswith("has damaged gzip data (")
    file.write_bytes(sound + b"\0" * 100)
    assert read(file) == b"content"


@contextmanager
def in_a_thread(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.fixture
def named_pipe(tmp_path: Path) -> Path:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    return pipe


@pytest.mark.parametrize(
    "written", [b"content" * 100_000, b"", gzip.compress(b"x") * 3], ids=["long", "empty", "compressed"]
)
def test_a_named_pipe_is_read_until_it_is_closed(named_pipe: Path, written: bytes) -> None:
    expected = b"xxx" if written.startswith(b"\x1f") else written
    with in_a_thread(lambda: named_pipe.write_bytes(written)):
        assert read(named_pipe) == expected


def test_a_pipe_of_a_shell_is_read_until_it_is_closed() -> None:
    for written in (b"content", b""):
        reading, writing = os.pipe()
        os.write(writing, written)
        os.close(writing)
        try:
            assert read(Path(f"/dev/fd/{reading}")) == written
        finally:
            os.close(reading)


def test_a_pipe_that_nobody_opens_is_given_up(named_pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "PIPE_SECONDS", 0.05)
    assert reason(named_pipe) == "is a pipe that was not closed within 0.05 s; use a file"


def test_a_pipe_that_stays_open_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "PIPE_SECONDS", 0.05)
    reading, writing = os.pipe()
    os.write(writing, b"content")
    try:
        assert reason(Path(f"/dev/fd/{reading}")) == "is a pipe that was not closed within 0.05 s; use a file"
    finally:
        os.close(reading)
        os.close(writing)


def test_an_endless_pipe_is_limited(named_pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAXIMUM_BYTES", 1 << 20)

    def write_for_ever() -> None:
        with named_pipe.open("wb", buffering=0) as pipe:
            while True:
                try:
                    pipe.write(bytes(1 << 16))
                except BrokenPipeError:
                    return

    with in_a_thread(write_for_ever):
        assert reason(named_pipe) == "has more than 1 MiB; use a part of it"
