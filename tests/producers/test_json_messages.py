"""Decoding the JSON of requests."""

from typing import Any

import msgspec
import pytest

from producers.json_messages import BadJson, decode

ANYTHING = msgspec.json.Decoder(dict[str, Any])

BAD_JSON = {
    "empty": b"",
    "cut short": b'{"name": "x"',
    "two values": b'{"name": "x"} {}',
    "no JSON": b"name: x",
    "single quotes": b"{'name': 'x'}",
    "bad UTF-8": b'{"name": "\xff"}',
    "bad UTF-8 in a key": b'{"name": "x", "\xff": 1}',
    "surrogates in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "open brackets": b"[" * 100_000,
    "open brackets within": b'{"name": ' + b"[" * 100_000,
    "open objects": b'{"name":' * 100_000,
    "closed brackets": b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "a huge integer": b'{"name": ' + b"9" * 5000 + b"}",
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "high surrogate": b'{"name": "\\ud800"}',
    "low surrogate": b'{"name": "\\udc00"}',
    "half a pair": b'{"name": "\\ud83c and more"}',
    "duplicate keys": b'{"name": "x", "name": "y"}',
    "duplicate keys, one escaped": b'{"name": "x", "\\u006eame": "y"}',
    "duplicate keys within": b'{"name": "x", "ingredients": [{"name": "a", "name": "b"}]}',
    "control character": b'{"name": "a\nb"}',
    "array": b'[{"name": "x"}]',
    "string": b'"name"',
    "number": b"1",
    "null": b"null",
}
"""Bodies that no endpoint may accept, by what is wrong with them."""


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson) as caught:
        decode(body, ANYTHING)
    assert "codec" not in str(caught.value)


def test_valid_json_is_decoded() -> None:
    text = '{"name": "Crème 🍮", "n": [1, 2.5, null, true, {"a": "\\ud83c\\udf6e"}]}'
    assert decode(text.encode(), ANYTHING) == {"name": "Crème 🍮", "n": [1, 2.5, None, True, {"a": "🍮"}]}


def test_a_wrong_type_is_reported_with_its_path() -> None:
    with pytest.raises(BadJson, match=r"Expected `str`, got `int` - at `\$\.name`"):
        decode(b'{"name": 1}', msgspec.json.Decoder(_Named))


def test_duplicate_keys_in_unknown_fields_are_refused() -> None:
    with pytest.raises(BadJson):
        decode(b'{"name": "x", "other": {"name": 1, "name": 2}}', msgspec.json.Decoder(_Named))


class _Named(msgspec.Struct):
    name: str
