"""Readers of flag values take what they promise, and name what they do not."""

from pathlib import Path

import pytest
import typer

from commands import values


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("65535", 65535), ("4000", 4000)])
def test_ports(text: str, value: int) -> None:
    assert values.port(text) == value


@pytest.mark.parametrize("text", ["-1", "65536", "", "x", "1.5", "١", "9" * 5000])
def test_an_invalid_port_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="0 to 65535"):
        values.port(text)


def test_numbers() -> None:
    read = values.number(0.5, 10)
    assert read("2.5") == 2.5
    for text in ("0.4", "11", "nan", "inf", "x", ""):
        with pytest.raises(typer.BadParameter, match=r"0\.5 to 10"):
            read(text)


def test_one_of() -> None:
    read = values.one_of(["http", "grpc"])
    assert read("http") == "http"
    with pytest.raises(typer.BadParameter, match="'htp' is not one of http, grpc"):
        read("htp")


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "there"
    file.write_text("x", encoding="utf-8")
    assert values.readable_file(str(file)) == file
    for irregular in ("/dev/zero", str(tmp_path)):
        with pytest.raises(typer.BadParameter, match="is not a regular file"):
            values.readable_file(irregular)
    with pytest.raises(typer.BadParameter, match="missing"):
        values.readable_file(str(tmp_path / "missing"))


def test_comma_lists_and_repeated_flags_are_equivalent() -> None:
    assert values.comma_list(["a,b", "c", " b , d,"]) == ["a", "b", "c", "d"]
    assert values.comma_list([""]) == []


@pytest.mark.parametrize("text", ["2%", "2 %", " 2% ", "2", "0.02", "2.0", ".02", 0.02])
def test_two_percent_can_be_written_in_several_ways(text: object) -> None:
    assert values.share(0, 10)(text) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("text", "value"), [("0.5%", 0.005), ("0.5", 0.5), ("1", 0.01), ("100%", 1.0), ("0", 0.0), ("0%", 0.0)]
)
def test_a_bare_number_below_one_is_a_share(text: str, value: float) -> None:
    assert values.share(0, 10)(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "%", "two", "-1", "-1%", "nan", "inf", "1001%", "2%%", "2,5"])
def test_an_invalid_share_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"is not a percentage from 0% to 1,000%, such as 2% or 0\.02$"):
        values.share(0, 10)(text)


@pytest.mark.parametrize(
    ("given", "size_bytes"),
    [
        ("800B", 800),
        ("20kB", 20_000),
        ("20 KB", 20_000),
        ("1.5MB", 1_500_000),
        ("4KiB", 4096),
        ("1MiB", 1 << 20),
        (7, 7),
    ],
)
def test_sizes(given: object, size_bytes: int) -> None:
    assert values.size_bytes(1, 10_000_000)(given) == size_bytes


@pytest.mark.parametrize("text", ["", "20", "20k", "kB", "-1kB", "0B", "11MB", "1e3B", "٢kB", "1.B", "9" * 500 + "B"])
def test_an_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="from 1 to 10,000,000 bytes, such as"):
        values.size_bytes(1, 10_000_000)(text)


def test_text_for_readers_is_put_on_one_line_and_has_a_limit() -> None:
    read = values.line(9)
    assert [read(""), read(" a \n\tb "), read("123456789")] == ["", "a b", "123456789"]
    with pytest.raises(typer.BadParameter, match=r"'1234567890'… has 10 characters; 9 fit"):
        read("1234567890")
