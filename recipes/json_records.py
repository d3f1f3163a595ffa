"""The records in a text, whichever way it lays them out: an array, an object with an array, or one after another.

Values are decoded one by one, so that each is known by the line on which it begins.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator

Record = tuple[int, object]
"""The line on which a record begins, and the JSON value that it is."""

Complain = Callable[[int, str], None]
"""Takes a line, and what is wrong there."""


class NotJson:
    """NaN or an infinity. Exporters write them for absent values, so they do no harm where nothing is read."""

    def __init__(self, name: str) -> None:
        self.name = name


_DECODER = json.JSONDecoder(parse_constant=NotJson)
_WHITESPACE = re.compile(r"[ \t\r\n]*")


def _skip(text: str, position: int) -> int:
    """Where the whitespace that begins at `position` ends."""
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position


def records(text: str, complain: Complain) -> Iterator[Record]:
    """The records in `text`. What cannot be decoded is complained about, and ends them."""
    start = _skip(text, 0)
    try:
        if text.startswith("[", start):
            end = yield from _array(text, start)
            _expect_end(text, end)
        elif (array := _array_of_object(text, start)) >= 0:
            end = yield from _array(text, array)
            _expect_end(text, _members_end(text, end))
        else:
            yield from _values(text, start)
    except json.JSONDecodeError as error:
        complain(error.lineno, _reason(error))
    except _Unreadable as error:
        complain(1 + text.count("\n", 0, error.position), str(error))


def records_on_lines(text: str, complain: Complain) -> Iterator[Record]:
    """The records in `text`, one on each line; blank lines are passed over, and a bad line does not end them."""
    # Not splitlines: text within a record may hold other characters that end a line for Unicode.
    for number, line in enumerate(text.split("\n"), start=1):
        start = _skip(line, 0)
        if start == len(line):
            continue
        try:
            value, end = _decode(line, start)
            _expect_end(line, end)
        except json.JSONDecodeError as error:
            complain(number, _reason(error))
        except _Unreadable as error:
            complain(number, str(error))
        else:
            yield number, value


class _Unreadable(Exception):
    """Text that the decoder gives up on, beginning at `position`."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


def _reason(error: json.JSONDecodeError) -> str:
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"


def _decode(text: str, position: int) -> tuple[object, int]:
    """The JSON value at `position`, and where it ends. Raises JSONDecodeError and _Unreadable."""
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise _Unreadable(position, "nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise _Unreadable(position, str(error).split(";", maxsplit=1)[0]) from None


def _values(text: str, position: int) -> Iterator[Record]:
    """One record after another, each on as many lines as it likes."""
    line = 1 + text.count("\n", 0, position)
    while position < len(text):
        value, end = _decode(text, position)
        yield line, value
        following = _skip(text, end)
        line += text.count("\n", position, following)
        position = following


def _array(text: str, position: int) -> Generator[Record, None, int]:
    """The elements of the array that begins at `position`; returns where it ends."""
    line = 1 + text.count("\n", 0, position)
    begin = _skip(text, position + 1)
    line += text.count("\n", position, begin)
    if text.startswith("]", begin):
        return begin + 1
    while True:
        value, end = _decode(text, begin)
        yield line, value
        end = _skip(text, end)
        if text.startswith("]", end):
            return end + 1
        if not text.startswith(",", end):
            raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
        following = _skip(text, end + 1)
        line += text.count("\n", begin, following)
        begin = following


def _array_of_object(text: str, position: int) -> int:
    """Where the array "recipes" begins in the object at `position`; -1 when there is none."""
    if not text.startswith("{", position):
        return -1
    position = _skip(text, position + 1)
    while text.startswith('"', position):
        key, begin = _member(text, position)
        if key == "recipes":
            return begin if text.startswith("[", begin) else -1
        _, end = _decode(text, begin)
        end = _skip(text, end)
        if not text.startswith(",", end):
            break
        position = _skip(text, end + 1)
    return -1


def _member(text: str, position: int) -> tuple[object, int]:
    """The key at `position`, and where its value begins."""
    key, end = _decode(text, position)
    end = _skip(text, end)
    if not text.startswith(":", end):
        raise json.JSONDecodeError("Expecting ':' delimiter", text, end)
    return key, _skip(text, end + 1)


def _members_end(text: str, position: int) -> int:
    """Where the object ends, one of whose members ends at `position`."""
    position = _skip(text, position)
    while text.startswith(",", position):
        _, begin = _member(text, _skip(text, position + 1))
        _, end = _decode(text, begin)
        position = _skip(text, end)
    if not text.startswith("}", position):
        raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
    return position + 1


def _expect_end(text: str, position: int) -> None:
    position = _skip(text, position)
    if position != len(text):
        raise json.JSONDecodeError("Extra data", text, position)
