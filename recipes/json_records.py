"""The records in a JSON text: an array, an object with an array, or a sequence of values.

Values are decoded one by one, so that the line on which each begins is known. A key that an object has twice is an
error: readers disagree about which of the two counts.
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


RECORD_CHARACTERS = 1 << 22
"""The longest record. gRPC clients refuse messages of more than 4 MiB by default."""
KEY_SHOWN = 60
"""The most characters of a key to show."""


class _KeyTwice(Exception):
    """An object that was decoded has a key twice."""


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) < len(members):
        raise _KeyTwice
    return found


_DECODER = json.JSONDecoder(parse_constant=NotJson, object_pairs_hook=_object)
_WHITESPACE = re.compile(r"[ \t\r\n]*")
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_TOKEN = re.compile(_STRING + r"|[{}\[\]:]", re.DOTALL)
_TO_BRACKET = re.compile(rf'(?:[^"{{}}\[\]]++|{_STRING})*+([{{}}\[\]])', re.DOTALL)


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
        elif (found := _array_of_object(text, start)) is not None:
            array, keys = found
            end = yield from _array(text, array)
            _expect_end(text, _members_end(text, end, keys))
        else:
            yield from _values(text, start)
    except json.JSONDecodeError as error:
        complain(error.lineno, _reason(error))
    except _Unreadable as error:
        complain(1 + text.count("\n", 0, error.position), str(error))


def records_on_lines(text: str, complain: Complain) -> Iterator[Record]:
    """The records in `text`, one on each line. Blank lines are skipped; an invalid line is reported and skipped."""
    number, position = 1, 0
    while (start := _skip(text, position)) < len(text):
        number += text.count("\n", position, start)
        # Not splitlines: text within a record may contain other line separators of Unicode.
        position = text.find("\n", start)
        position = len(text) if position < 0 else position
        line = text[text.rfind("\n", 0, start) + 1 : position]
        try:
            value, end = _decode(line, _skip(line, 0))
            _expect_end(line, end)
        except json.JSONDecodeError as error:
            complain(number, _reason(error))
        except _Unreadable as error:
            complain(number, str(error))
        else:
            yield number, value


class NotOneValue(Exception):
    """A text is not one JSON value. The message is the reason, `line` where."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def value_of(text: str) -> object:
    """The JSON value that `text` is. Raises NotOneValue."""
    try:
        value, end = _decode(text, _skip(text, 0))
        _expect_end(text, end)
    except json.JSONDecodeError as error:
        raise NotOneValue(error.lineno, _reason(error)) from None
    except _Unreadable as error:
        raise NotOneValue(1 + text.count("\n", 0, error.position), str(error)) from None
    return value


class _Unreadable(Exception):
    """The decoder cannot parse the text at `position`."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


def _reason(error: json.JSONDecodeError) -> str:
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"


def _decode(text: str, position: int) -> tuple[object, int]:
    """The JSON value at `position`, and its end. Raises JSONDecodeError and _Unreadable."""
    _check_length(text, position)
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError:
        raise
    except _KeyTwice:
        raise _key_twice(text, position) from None
    except RecursionError:
        raise _Unreadable(position, "nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise _Unreadable(position, str(error).split(";", maxsplit=1)[0]) from None


def _check_length(text: str, position: int) -> None:
    """Raise _Unreadable if the array or object at `position` is longer than a record can be."""
    longest = position + RECORD_CHARACTERS
    if len(text) <= longest or text[position] not in "{[":
        return
    depth, end = 0, position
    while (found := _TO_BRACKET.match(text, end, longest)) is not None:
        depth += 1 if found[1] in "{[" else -1
        end = found.end()
        if depth == 0:
            return
    raise _Unreadable(position, f"it does not end within {RECORD_CHARACTERS:,} characters, the most of a record")


def _key_twice(text: str, position: int) -> _Unreadable:
    """The error for the first key in the value at `position` that its object already has."""
    keys: list[set[object]] = []
    latest = ""
    begins = position
    for token in _TOKEN.finditer(text, position):
        match token[0][0]:
            case "{" | "[":
                keys.append(set())
            case "}" | "]":
                keys.pop()
            case '"':
                latest, begins = token[0], token.start()
            case _:
                key = json.loads(latest)
                if key in keys[-1]:
                    break
                keys[-1].add(key)
    return _repeated(begins, json.loads(latest))


def _repeated(position: int, key: str) -> _Unreadable:
    shown = key if len(key) <= KEY_SHOWN else f"{key[:KEY_SHOWN]}…"
    return _Unreadable(position, f"the key {shown!r} is given twice in the same object")


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


def _array_of_object(text: str, position: int) -> tuple[int, set[object]] | None:
    """The start of the array "recipes" in the object at `position`, and the keys up to it. None: there is none."""
    if not text.startswith("{", position):
        return None
    position = _skip(text, position + 1)
    keys: set[object] = set()
    while text.startswith('"', position):
        key, begin = _member(text, position, keys)
        if key == "recipes":
            return (begin, keys) if text.startswith("[", begin) else None
        _, end = _decode(text, begin)
        end = _skip(text, end)
        if not text.startswith(",", end):
            break
        position = _skip(text, end + 1)
    return None


def _member(text: str, position: int, keys: set[object]) -> tuple[object, int]:
    """The key at `position`, which is added to `keys`, and the start of its value."""
    key, end = _decode(text, position)
    if isinstance(key, str):
        if key in keys:
            raise _repeated(position, key)
        keys.add(key)
    end = _skip(text, end)
    if not text.startswith(":", end):
        raise json.JSONDecodeError("Expecting ':' delimiter", text, end)
    return key, _skip(text, end + 1)


def _members_end(text: str, position: int, keys: set[object]) -> int:
    """The end of the object of which a member ends at `position`. `keys`: of its members so far."""
    position = _skip(text, position)
    while text.startswith(",", position):
        _, begin = _member(text, _skip(text, position + 1), keys)
        _, end = _decode(text, begin)
        position = _skip(text, end)
    if not text.startswith("}", position):
        raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
    return position + 1


def _expect_end(text: str, position: int) -> None:
    position = _skip(text, position)
    if position != len(text):
        raise json.JSONDecodeError("Extra data", text, position)
