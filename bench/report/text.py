"""Text for readers: lists and counts within sentences, and text of unknown origin made harmless. Pure.

What stands in a run file may come from anybody's producer, so everything that is printed passes through `one_line`,
`markdown` or `spreadsheet`.
"""

import re
import unicodedata
from collections.abc import Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~$])")
_STARTS_A_FORMULA = ("=", "+", "-", "@")


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def agrees(count: int, singular: str, plural: str) -> str:
    """The form of a verb that goes with a count: `has` or `have`."""
    return singular if count == 1 else plural


def one_line(text: str) -> str:
    """The text on one line, without characters that control a terminal or change the direction of writing."""
    return " ".join("".join(" " if unicodedata.category(each) in ("Cc", "Cf") else each for each in text).split())


def markdown(text: str) -> str:
    """The text on one line, with everything escaped that Markdown or HTML within it would read as markup."""
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text).replace("&", "&amp;"))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;")


def spreadsheet(text: str) -> str:
    """The text on one line; a spreadsheet does not take it for a formula."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_STARTS_A_FORMULA) else line
