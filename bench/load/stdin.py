"""The lines of stdin in an event loop, whatever stdin is."""

import asyncio
import os
import stat
import sys


async def reader_of_stdin(limit: int) -> asyncio.StreamReader:
    """A reader of stdin, for lines of at most `limit` bytes. A file is read to its end at once: the loop cannot wait
    for files."""
    reader = asyncio.StreamReader(limit=limit)
    kind = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    else:
        reader.feed_data(sys.stdin.buffer.read())
        reader.feed_eof()
    return reader
