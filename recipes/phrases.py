"""Names, ingredient lines and steps of about a given size, composed of the lists in `recipes.words`.

Sizes are in bytes: all lists are ASCII; only `accented` adds other characters.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from recipes import words

RandomNumber = Callable[[], float]
"""Returns a uniformly distributed number in [0, 1)."""

_TABLE = 1024
"""The number of entries in each table of words. The more frequent a word, the more entries it has."""
_FLATNESS = 16
"""The offset of the rank in Zipf's law. The higher, the more evenly words are used, and the less a page compresses."""
_LITTLE_ROOM = 4
"""The tolerance of sizes, in bytes."""
_SHORTEST_NAME = 12
"""Shorter names are the name of the dish alone."""
_SHORTEST_SENTENCE = 28


def _table(entries: Sequence[str]) -> list[str]:
    """A table for uniform sampling, in which the frequency of the n-th entry is proportional to 1 / (n + _FLATNESS)."""
    # Not sum(), which rounds differently from Python 3.12 on.
    reached = list(accumulate(1 / (rank + _FLATNESS) for rank in range(len(entries))))
    table: list[str] = []
    for entry, share in zip(entries, reached, strict=True):
        table += [entry] * (int(share / reached[-1] * _TABLE + 0.5) - len(table))
    return table


_OWN_WORDS = (("thing", 2), ("vessel", 1), ("adjective", 3))
"""Slots for which a recipe has a few words of its own: it speaks of one sauce and few pans."""

_OWN = ("food", *(slot for slot, _ in _OWN_WORDS))
"""All slots with words of the recipe's own; its foods are its ingredients."""

_Part = str | list[str] | int
"""A piece of a sentence: a text, a table, or an index into `_OWN`."""


def _parts(pattern: str) -> tuple[_Part, ...]:
    """The parts of a pattern."""
    parts: list[_Part] = []
    for number, piece in enumerate(pattern.replace("}", "{").split("{")):
        if number % 2:
            parts.append(_OWN.index(piece) if piece in _OWN else _SLOTS[piece])
        elif piece:
            parts.append(piece)
    return tuple(parts)


_SLOTS = {name: _table(entries) for name, entries in words.SLOTS.items()}
_SENTENCES = [_parts(pattern) for pattern in words.SENTENCES]
_TAILS = [_parts(f"{tail}." if tail[:1] in ("", ",", ";") else f" {tail}.") for tail in words.TAILS]
_CLOSINGS = sorted(words.CLOSINGS, key=len)
_CLOSING_LENGTHS = [len(closing) for closing in _CLOSINGS]


def _quantities(units: Sequence[str]) -> list[tuple[str, list[str]]]:
    """A table of units, each with the table of the amounts that are said with it."""
    amounts, parts, metric = _table(words.AMOUNTS), _table(words.PART_AMOUNTS), _table(words.METRIC_AMOUNTS)
    counted = ("large", "medium", "small", "whole")
    by_unit = {
        unit: metric if unit in words.METRIC else amounts if unit.endswith("s") or unit in counted else parts
        for unit in units
    }
    return [(unit, by_unit[unit]) for unit in _table(units)]


_COUNTS = _table(words.AMOUNTS)
_KINDS = [
    tables
    for kind, share in words.KINDS
    for tables in [(_table(kind.names), _quantities(kind.units), _table(kind.qualities), _table(kind.preparations))]
    * share
]
_NOTES = _table(words.NOTES)
_FLAVOURS, _MAINS, _DISHES = _table(words.FLAVOURS), _table(words.MAINS), _table(words.DISHES)
_COMPANIONS, _OWNERS, _OCCASIONS = _table(words.COMPANIONS), _table(words.OWNERS), _table(words.OCCASIONS)


def dish(random: RandomNumber) -> str:
    """What a recipe makes, such as "Soup"."""
    return _draw(_DISHES, random)


def name(size: int, dish: str, random: RandomNumber) -> str:
    """A recipe's name of about `size` bytes."""
    text = dish if size < _SHORTEST_NAME else f"{_draw(_MAINS, random)} {dish}"
    owner = ""
    joined = " with "
    for _ in range(12):
        room = size - len(owner) - len(text)
        if room < _LITTLE_ROOM:
            break
        choice = random()
        if choice < 0.4:
            longer = f"{_draw(_FLAVOURS, random)} {text}"
        elif choice < 0.75:
            longer = f"{text}{joined}{_draw(_COMPANIONS, random)}"
        elif choice < 0.88:
            longer = text
            candidate = f"{_draw(_OWNERS, random)} "
            if not owner and len(candidate) <= room + _LITTLE_ROOM:
                owner = candidate
        else:
            longer = f"{text} {_draw(_OCCASIONS, random)}"
        if len(longer) - len(text) <= room + _LITTLE_ROOM:
            joined = " and " if longer.startswith(text + joined) else joined
            text = longer
    return owner + text


def ingredient(size: int, others: Sequence[str], random: RandomNumber) -> tuple[str, str, str]:
    """An ingredient whose line takes about `size` bytes: what the steps call it, its quantity, and its name.

    It is seldom one of `others`.
    """
    names, units, qualities, preparations = _KINDS[int(random() * len(_KINDS))]
    food = _draw(names, random)
    if food in others:
        food = _draw(names, random)
    room = size - len(food)
    if room < 2:
        return food, "", food
    if room > 8:
        unit, amounts = units[int(random() * len(units))]
        quantity = f"{_draw(amounts, random)} {unit}"
    else:
        quantity = _draw(_COUNTS, random)
    room -= len(quantity) + 1
    before, behind = "", ""
    for _ in range(6):
        if room <= _LITTLE_ROOM:
            break
        if random() < 0.35:
            extra = "" if before else f"{_draw(qualities, random)} "
            if len(extra) <= room + _LITTLE_ROOM:
                before += extra
                room -= len(extra)
        else:
            extra = _remark(preparations, random, little="/" in quantity)
            # One remark in brackets is enough, and so is saying a thing once.
            known = "(" in behind if extra[1] == "(" else extra in behind
            if not known and len(extra) <= room + _LITTLE_ROOM:
                behind += extra
                room -= len(extra)
    return food, quantity, f"{before}{food}{behind}"


def _remark(preparations: Sequence[str], random: RandomNumber, *, little: bool) -> str:
    """What stands behind an ingredient: how it is prepared, a note, or what it weighs."""
    choice = random()
    if choice < 0.6:
        return f", {_draw(preparations, random)}"
    if choice < 0.7:
        return f" {_draw(_NOTES, random)}"
    weight = int(random() * 28 + 2) if little else int(random() * 90 + 3) * 5
    return f" ({weight} {_draw(words.METRIC, random)})"


def steps(size: int, dish: str, foods: Sequence[str], random: RandomNumber) -> str:
    """Steps of about `size` bytes, some sentences on each line; they speak of `dish` and `foods`."""
    own = [foods, *([_draw(_SLOTS[slot], random) for _ in range(number)] for slot, number in _OWN_WORDS)]
    own[1] = [*own[1], dish.lower()]
    text: list[str] = []
    room = size
    misses = 0
    while room > _SHORTEST_SENTENCE and misses < 3:
        sentence = _sentence(own, random)
        if len(sentence) > room - 8:
            misses += 1
            continue
        text += (sentence, "\n" if random() < 0.5 else " ")
        room -= len(sentence) + 1
    # A closing sentence fills what is left, so that sizes come out as drawn.
    nearest = bisect_right(_CLOSING_LENGTHS, room)
    candidates = _CLOSINGS[max(0, nearest - 3) : nearest + 1]
    return "".join([*text, _draw(candidates, random)])


def _sentence(own: Sequence[Sequence[str]], random: RandomNumber) -> str:
    parts = _SENTENCES[int(random() * len(_SENTENCES))]
    if not str(parts[-1]).endswith("."):
        parts += _TAILS[int(random() * len(_TAILS))]
    pieces: list[str] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
        else:
            table = own[part] if isinstance(part, int) else part
            pieces.append(table[int(random() * len(table))])
    return "".join(pieces)


def accented(texts: Sequence[str]) -> list[str]:
    """A recipe's texts (name, steps, others) with non-ASCII spellings, in at least one of them."""
    spelled = list(texts)
    for plain, spelling in words.ACCENTED:
        spelled = [text.replace(plain, spelling) for text in spelled]
    if all(text.isascii() for text in spelled):
        spelled[1] += "\nBon appétit!"
    return spelled


def _draw(table: Sequence[str], random: RandomNumber) -> str:
    return table[int(random() * len(table))]
