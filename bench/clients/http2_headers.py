"""HPACK (RFC 7541) at both ends of a connection, without doing the same work twice.

A header block means the same, and is the same, as long as the dynamic table is the same. So blocks are kept, by their
bytes or by what they say, until one comes that changes the table.
"""

from collections.abc import Sequence

import hpack
from hpack.exceptions import HPACKError

from bench.clients.http2_messages import COMPRESSION_ERROR, DEFAULT_TABLE_BYTES, BrokenConnection

KEPT_AT_MOST = 4096

Fields = Sequence[tuple[bytes, bytes]]


class FieldList:
    """Header fields to send, compared by identity."""

    __slots__ = ("fields",)

    def __init__(self, fields: Fields) -> None:
        self.fields = fields


class Headers:
    """The fields of a block that was received."""

    __slots__ = ("fields", "grpc_status", "status")

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        names = dict(reversed(fields))
        status = names.get(b":status", b"")
        self.status = int(status) if len(status) == 3 and status.isdigit() else None
        """None in trailers, and where it cannot be read."""
        self.grpc_status = names.get(b"grpc-status")

    def get(self, name: bytes, otherwise: bytes = b"") -> bytes:
        """The value of the first field of that name."""
        return next((value for key, value in self.fields if key == name), otherwise)


class HeaderReader:
    """Decodes the blocks of one direction of a connection, which must be given in order, every one."""

    def __init__(self) -> None:
        self._decoder = hpack.Decoder()
        self._known: dict[bytes, Headers] = {}

    def read(self, block: bytes) -> Headers:
        """The fields of a block. Raises BrokenConnection."""
        headers = self._known.get(block)
        if headers is not None:
            return headers
        table = self._decoder.header_table
        before = tuple(table.dynamic_entries), table.maxsize
        try:
            headers = Headers([(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)])
        except (HPACKError, ValueError, IndexError) as error:
            raise BrokenConnection(COMPRESSION_ERROR, f"a header block cannot be read: {error}") from None
        if (tuple(table.dynamic_entries), table.maxsize) != before or len(self._known) >= KEPT_AT_MOST:
            self._known.clear()
        else:
            self._known[block] = headers
        return headers


class HeaderWriter:
    """Encodes the blocks of one direction of a connection, which must be sent in order, every one."""

    def __init__(self) -> None:
        self._encoder = hpack.Encoder()
        self._known: dict[FieldList, bytes] = {}

    def write(self, headers: FieldList) -> bytes:
        """The block for these fields."""
        block = self._known.get(headers)
        if block is not None:
            return block
        table = self._encoder.header_table
        before = tuple(table.dynamic_entries)
        resized = bool(self._encoder.table_size_changes)
        block = self._encoder.encode(headers.fields)
        if resized or tuple(table.dynamic_entries) != before:
            self._known.clear()
        else:
            self._known[headers] = block
        return block

    def limit_table(self, table_bytes: int) -> None:
        """The peer remembers so much at most. More than the default is not made use of."""
        limit_bytes = min(table_bytes, DEFAULT_TABLE_BYTES)
        # Setting the same size again would make hpack forget to tell the peer of a change that is still to be told.
        if limit_bytes != self._encoder.header_table_size:
            self._encoder.header_table_size = limit_bytes
            self._known.clear()
