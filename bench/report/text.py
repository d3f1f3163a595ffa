"""Text of unknown origin, made harmless: what stands in a run file may come from anybody's producer."""

import re
import unicodedata

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~$])")
_STARTS_A_FORMULA = ("=", "+", "-", "@")


def one_line(text: str) -> str:
    """The text on one line, without characters that steer a terminal or turn the direction of writing."""
    return " ".join("".join(" " if unicodedata.category(each) in ("Cc", "Cf") else each for each in text).split())


def markdown(text: str) -> str:
    """The text on one line, with everything escaped that Markdown or HTML within it would read as markup."""
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text).replace("&", "&amp;"))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;")


def spreadsheet(text: str) -> str:
    """The text on one line; a spreadsheet takes it for text, too, and not for a formula."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_STARTS_A_FORMULA) else line
