"""Whatever the encoding of an output, all of a text reaches it, and the lab's own characters stay readable."""

import ast
from pathlib import Path

from commands.glyphs import ASCII, HANDLER, spelled

PACKAGES = ("bench", "commands", "consumers", "producers")
NOT_SHOWN = "ŚńÃ\ue000"
"""Names in docstrings, and what stands for a space that is kept."""


def test_glyphs_are_spelled_only_where_the_encoding_lacks_them() -> None:
    text = "±5 µs ≥ 3 × 2 → –"
    assert spelled(text, "ascii") == "+/-5 us >= 3 x 2 -> -"
    assert spelled(text, "iso-8859-1") == "±5 µs >= 3 × 2 -> -"
    assert spelled(text, "utf-8") == text


def test_other_characters_are_written_as_their_codes_and_bytes_of_file_names_as_they_are() -> None:
    assert spelled("中é😀", "ascii") == "\\u4e2d\\u00e9\\ud83d\\ude00"
    assert spelled("中é", "iso-8859-1") == "\\u4e2dé"
    for encoding in ("ascii", "utf-8"):
        assert b"a\xff".decode("utf-8", "surrogateescape").encode(encoding, HANDLER) == b"a\xff"


def test_every_glyph_of_the_lab_has_a_spelling() -> None:
    found = {
        character
        for package in PACKAGES
        for path in Path(package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for character in node.value
        if not character.isascii()
    }
    assert found - set(ASCII) <= set(NOT_SHOWN)
    assert all(text.isascii() for text in ASCII.values())
