"""Conditional requests, pure: the entity tag of an answer, and whether the caller has it already (RFC 9110, 13).

A tag is made from the bytes as they are sent, after their coding. So it is strong by the letter of section 8.8.1, it
differs between the codings of one representation (8.8.3.3), and nothing has to be remembered. What it saves is bytes:
the answer is made before it is known that the caller has it.

XXH3 is no cryptographic hash, and none is needed: whoever made a page keep its tag by what it creates would hide that
alone. One that is cost the page of 20 recipes an eighth of its time (docs/decisions/0010-entity-tags.md).
"""

import re

import xxhash

_TAG_DIGITS = 22
"""88 bits: two answers of one address that differ do not share a tag by chance."""
_MEMBER = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag(body: bytes) -> str:
    """The strong entity tag of these bytes, quoted."""
    return f'"{xxhash.xxh3_128_hexdigest(body)[:_TAG_DIGITS]}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether an If-None-Match header lists the tag. Compared weakly: `W/` makes no difference here."""
    return if_none_match.strip() == "*" or any(member[2] == tag for member in _MEMBER.finditer(if_none_match))


def is_wanted(tag: str, if_match: str) -> bool:
    """Whether an If-Match header allows an answer with this tag. Compared strongly: a weak tag matches nothing."""
    return if_match.strip() == "*" or any(member[2] == tag and not member[1] for member in _MEMBER.finditer(if_match))
