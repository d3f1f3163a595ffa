"""JSON that callers send: read strictly, so that no two programs on its way could read it differently."""

import json
from typing import TypeVar

import msgspec

from producers.representations import BadBody

Value = TypeVar("Value")


class BadJson(BadBody):
    """The text is not JSON, or not of the shape that is asked for. The message is written for the caller."""


def decode(body: bytes, decoder: "msgspec.json.Decoder[Value]") -> Value:
    """The value in `body`, of the decoder's type. Raises BadJson, also for a key that stands twice in one object."""
    try:
        value = decoder.decode(body)
        # msgspec lets the last of several equal keys win, and does not look into what the type has no place for.
        json.loads(body, object_pairs_hook=_refuse_duplicates)
    except BadJson:
        raise
    except msgspec.ValidationError as error:
        # Says what was expected, what was found and where, in terms of JSON.
        raise BadJson(str(error)) from None
    except RecursionError:
        raise BadJson("the JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise BadJson("the JSON is not UTF-8") from None
    except ValueError:
        raise BadJson("the body is not JSON") from None
    return value


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) != len(pairs):
        raise BadJson("a key stands twice in one JSON object")
