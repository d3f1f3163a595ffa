"""The records in a JSON text: an array, an object with an array, or a sequence of values.

Values are decoded one by one, so that the line on which each begins is known.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator

Record = tuple[int, object]
"""The line on which a record begins, and its JSON value."""

Complain = Callable[[int, str], None]
"""Takes the line and the text of a problem."""


class NotJson:
    """NaN or an infinity. Exporters write them for missing values, so they are accepted in fields that are ignored."""

    def __init__(self, name: str) -> None:
        self.name = name


_DECODER = json.JSONDecoder(parse_constant=NotJson)
_WHITESPACE = re.compile(r"[ \t\r\n]*")


def _skip(text: str, position: int) -> int:
    """The end of the whitespace at `position`."""
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position


def records(text: str, complain: Complain) -> Iterator[Record]:
    """The records in `text`. Invalid JSON is reported and ends the iteration."""
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
    """The records in `text`, one on each line. Blank lines are skipped; an invalid line is reported and skipped."""
    # Not splitlines: text within a record may contain other line separators of Unicode.
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
    """The decoder cannot parse the text at `position`."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


def _reason(error: json.JSONDecodeError) -> str:
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"


def _decode(text: str, position: int) -> tuple[object, int]:
    """The JSON value at `position`, and its end. Raises JSONDecodeError and _Unreadable."""
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise _Unreadable(position, "nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise _Unreadable(position, str(error).split(";", maxsplit=1)[0]) from None


def _values(text: str, position: int) -> Iterator[Record]:
    """A sequence of values, each on one or more lines."""
    line = 1 + text.count("\n", 0, position)
    while position < len(text):
        value, end = _decode(text, position)
        yield line, value
        following = _skip(text, end)
        line += text.count("\n", position, following)
        position = following


def _array(text: str, position: int) -> Generator[Record, None, int]:
    """The elements of the array at `position`. Returns its end."""
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
    """The start of the array "recipes" in the object at `position`, or -1."""
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
    """The key at `position`, and the start of its value."""
    key, end = _decode(text, position)
    end = _skip(text, end)
    if not text.startswith(":", end):
        raise json.JSONDecodeError("Expecting ':' delimiter", text, end)
    return key, _skip(text, end + 1)


def _members_end(text: str, position: int) -> int:
    """The end of the object of which a member ends at `position`."""
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
