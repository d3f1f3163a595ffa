"""HPACK with a cache: header blocks decode as in the library, in any sequence."""

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clients import http2_messages
from bench.clients.http2_messages import BrokenConnection, FieldList, HeaderReader, HeaderWriter, Usage

NAMES = st.sampled_from([b":status", b"content-type", b"date", b"x-a", b"x-b", b"grpc-status"])
VALUES = st.sampled_from([b"", b"200", b"application/grpc", b"a", b"b" * 100, b"c" * 2000])
FIELDS = st.lists(
    st.tuples(NAMES, VALUES).map(lambda field: (field[0], b"200") if field[0] == b":status" else field), max_size=6
)
TABLE_SIZES = st.sampled_from([0, 50, 100, 4096])


@pytest.mark.no_cover
@given(st.lists(st.tuples(FIELDS, st.none() | TABLE_SIZES), max_size=30))
def test_header_blocks_are_decoded_as_by_hpack(steps: list[tuple[list[tuple[bytes, bytes]], int | None]]) -> None:
    encoder, reader = hpack.Encoder(), HeaderReader(Usage())
    for fields, table_bytes in steps:
        if table_bytes is not None and table_bytes != encoder.header_table_size:
            encoder.header_table_size = table_bytes
        assert reader.read(encoder.encode(fields)).fields == fields


@pytest.mark.no_cover
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | TABLE_SIZES), max_size=30), st.lists(FIELDS, min_size=4))
def test_header_blocks_can_be_decoded_by_hpack(
    steps: list[tuple[int, int | None]], lists: list[list[tuple[bytes, bytes]]]
) -> None:
    writer, decoder = HeaderWriter(), hpack.Decoder()
    sent = [FieldList(fields) for fields in lists]
    for index, table_bytes in steps:
        if table_bytes is not None:
            writer.limit_table(table_bytes)
            decoder.max_allowed_table_size = table_bytes
        found = list(decoder.decode(writer.write(sent[index]), raw=True))
        assert [(bytes(name), bytes(value)) for name, value in found] == sent[index].fields


def test_repeated_fields_become_the_same_short_header_block() -> None:
    writer = HeaderWriter()
    fields = FieldList([(b":method", b"POST"), (b":path", b"/a"), (b"x-long", b"y" * 100)])
    first, second, third = (writer.write(fields) for _ in range(3))
    assert len(first) > 60
    assert len(second) == 3
    assert third is second


def test_the_cache_of_header_blocks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2_messages, "KEPT_AT_MOST", 3)
    reader = HeaderReader(Usage())
    # A literal field that changes no table.
    first = reader.read(b"\x00\x01a\x010")
    assert reader.read(b"\x00\x01a\x010") is first
    for number in range(1, 10):
        assert reader.read(b"\x00\x01a\x01%d" % number).fields == [(b"a", b"%d" % number)]
    again = reader.read(b"\x00\x01a\x010")
    assert again.fields == first.fields
    assert again is not first, "it was still cached after nine others"


def test_the_status_of_a_call_is_in_the_field_that_the_protocol_names() -> None:
    block = hpack.Encoder().encode([(b":status", b"200"), (b"grpc-status", b"5")])
    assert HeaderReader(Usage()).read(block).call_status is None
    assert HeaderReader(Usage(b"grpc-status")).read(block).call_status == b"5"
    assert HeaderReader(Usage(b"other-status")).read(block).call_status is None


@pytest.mark.parametrize("block", [b"\xfe", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x00", b"\x40\x85abc"])
def test_garbage_as_a_header_block_is_an_error(block: bytes) -> None:
    with pytest.raises(BrokenConnection, match="a header block cannot be read"):
        HeaderReader(Usage()).read(block)


def test_a_status_has_three_digits() -> None:
    encoder, reader = hpack.Encoder(), HeaderReader(Usage())
    assert reader.read(encoder.encode([(b":status", b"200")])).status == 200
    assert reader.read(encoder.encode([(b"grpc-status", b"0")])).status is None
    for status in (b"2000", b"abc", b""):
        with pytest.raises(BrokenConnection, match="not a number"):
            reader.read(hpack.Encoder().encode([(b":status", status)]))
