"""Characters that an output's encoding does not have, in ones that every encoding has. Pure.

Nothing is lost: what is not in the table is written as its code in JSON, such as `\\u4e2d`.
"""

import codecs
import json
from collections.abc import Mapping

ASCII: Mapping[str, str] = {
    "±": "+/-",
    "×": "x",
    "÷": "/",
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "√": "sqrt",
    "²": "^2",
    "⁹": "^9",
    "µ": "u",
    "μ": "u",
    "σ": "sigma",
    "Γ": "Gamma",
    "χ": "chi",
    "–": "-",
    "—": "-",
    "…": "...",
    "·": "-",
    "•": "*",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "→": "->",
    "←": "<-",
    "▲": "^",
    "▼": "v",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    **dict.fromkeys("─━╌╴╶", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰", "+"),
    **dict.fromkeys("█▉▊▋▌▍▎▏■●", "#"),
}
"""Glyphs by the ASCII characters that stand for them."""
HANDLER = "recipe-lab-glyphs"
"""The name of this way to encode, for `errors=` of streams and of `str.encode`."""
_ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""Surrogates that stand for bytes of a file name that are not text (PEP 383)."""


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if ord(character) in _ESCAPED_BYTES:
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return ASCII.get(character) or json.dumps(character)[1:-1], error.start + 1


codecs.register_error(HANDLER, _replaced)


def spelled(text: str, encoding: str) -> str:
    """The text as it reads once it is written in this encoding."""
    return text if text.isascii() else text.encode(encoding, HANDLER).decode(encoding, "replace")
