"""Networks: their round trip, their rates in both directions, and how much the round trip varies. Pure.

A network is written as the name of a profile, or as `rtt=40ms,down=20mbit,up=5mbit,jitter=5ms`. `down` is towards the
consumer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LOOPBACK = "loopback"
"""No network: consumer and producer are connected directly."""

_TIMES_NS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_RATES_BPS = {"kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_QUANTITY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([a-z]+)")
ROUND_TRIP_NS_AT_MOST = 10_000_000_000
RATE_BPS_AT_LEAST = 1_000
RATE_BPS_AT_MOST = 100_000_000_000


class BadProfile(ValueError):
    """A text that describes no network. The message, one line, names the part that is wrong and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One network. A rate of None is unlimited."""

    rtt_ns: int = 0
    """The round trip without serialisation and queueing; half of it in each direction."""
    down_bits_per_second: int | None = None
    """Of TCP payload: the headers of TCP and IP do not count."""
    up_bits_per_second: int | None = None
    jitter_ns: int = 0
    """How much the round trip may vary either way; half of it in each direction."""

    @property
    def one_way_ns(self) -> int:
        """The delay of one direction."""
        return self.rtt_ns // 2

    def __str__(self) -> str:
        """The profile as `rtt=…,…`; the same text for the same network."""
        words = [f"rtt={_time(self.rtt_ns)}"]
        words += [f"down={_rate(self.down_bits_per_second)}"] if self.down_bits_per_second is not None else []
        words += [f"up={_rate(self.up_bits_per_second)}"] if self.up_bits_per_second is not None else []
        words += [f"jitter={_time(self.jitter_ns)}"] if self.jitter_ns else []
        return ",".join(words)


MILLISECOND, MEGABIT = 1_000_000, 1_000_000

PROFILES: dict[str, Profile] = {
    "lan": Profile(
        rtt_ns=MILLISECOND // 2,
        down_bits_per_second=1_000 * MEGABIT,
        up_bits_per_second=1_000 * MEGABIT,
    ),
    "wifi": Profile(
        rtt_ns=5 * MILLISECOND,
        down_bits_per_second=100 * MEGABIT,
        up_bits_per_second=50 * MEGABIT,
        jitter_ns=2 * MILLISECOND,
    ),
    "4g": Profile(
        rtt_ns=50 * MILLISECOND,
        down_bits_per_second=30 * MEGABIT,
        up_bits_per_second=10 * MEGABIT,
        jitter_ns=10 * MILLISECOND,
    ),
    "intercontinental": Profile(
        rtt_ns=160 * MILLISECOND,
        down_bits_per_second=100 * MEGABIT,
        up_bits_per_second=100 * MEGABIT,
        jitter_ns=2 * MILLISECOND,
    ),
}
"""Networks by name. Their values are typical and rounded, not measured; describe a network that you know as
`rtt=…,…`."""


def parse(text: str) -> Profile:
    """A network by name or as `rtt=…,…`. Raises BadProfile."""
    if text in PROFILES:
        return PROFILES[text]
    if "=" not in text:
        known = ", ".join((LOOPBACK, *PROFILES))
        raise BadProfile(f"{text!r} is not one of {known}, nor of the form rtt=40ms,down=20mbit,up=5mbit,jitter=5ms")
    given: dict[str, int] = {}
    for word in text.split(","):
        name, _, value = word.strip().partition("=")
        if name not in _READERS:
            raise BadProfile(f"{word.strip()!r} is not one of rtt=, down=, up=, jitter=")
        if name in given:
            raise BadProfile(f"{name}= is given twice; for two networks give the flag twice")
        given[name] = _READERS[name](word.strip(), value)
    if "rtt" not in given:
        raise BadProfile(f"{text!r} has no rtt=; give the round trip, such as rtt=40ms")
    if given.get("jitter", 0) > given["rtt"]:
        raise BadProfile(
            f"jitter={_time(given['jitter'])} is more than rtt={_time(given['rtt'])}; give at most the rtt"
        )
    return Profile(
        rtt_ns=given["rtt"],
        down_bits_per_second=given.get("down"),
        up_bits_per_second=given.get("up"),
        jitter_ns=given.get("jitter", 0),
    )


def canonical(text: str) -> str:
    """The canonical name of a network: LOOPBACK, a profile's name, or `rtt=…,…`. Raises BadProfile."""
    return text if text == LOOPBACK or text in PROFILES else str(parse(text))


def names(texts: Iterable[str]) -> list[str]:
    """The networks in comma lists, each once, by its canonical name. Raises BadProfile.

    Consecutive words with `=` describe one network, since a description is a comma list as well.
    """
    found: list[str] = []
    for text in texts:
        free: list[str] = []
        for word in filter(None, (part.strip() for part in text.split(","))):
            if "=" in word:
                free.append(word)
                continue
            found += [",".join(free)] if free else []
            free = []
            found.append(word)
        found += [",".join(free)] if free else []
    return list(dict.fromkeys(canonical(name) for name in found))


def _read_time(word: str, value: str) -> int:
    return _quantity(word, value, _TIMES_NS, (0, ROUND_TRIP_NS_AT_MOST), "a time from 0ms to 10s, in us, ms or s")


def _read_rate(word: str, value: str) -> int:
    limits = (RATE_BPS_AT_LEAST, RATE_BPS_AT_MOST)
    return _quantity(word, value, _RATES_BPS, limits, "a rate from 1kbit to 100gbit, in kbit, mbit or gbit")


_READERS = {"rtt": _read_time, "down": _read_rate, "up": _read_rate, "jitter": _read_time}


def _quantity(word: str, value: str, units: dict[str, int], limits: tuple[int, int], wanted: str) -> int:
    match = _QUANTITY.fullmatch(value)
    if match is not None and match[2] in units:
        size = round(float(match[1]) * units[match[2]])
        if limits[0] <= size <= limits[1]:
            return size
    raise BadProfile(f"{word!r} is not {wanted}")


def _time(time_ns: int) -> str:
    return _in_largest_unit(time_ns, _TIMES_NS) if time_ns else "0ms"


def _rate(bits_per_second: int) -> str:
    return _in_largest_unit(bits_per_second, _RATES_BPS)


def _in_largest_unit(size: int, units: dict[str, int]) -> str:
    """In the largest unit of which there is at least one, without trailing zeros; exact."""
    unit = max((name for name in units if units[name] <= size), key=units.__getitem__, default=next(iter(units)))
    whole, rest = divmod(size, units[unit])
    decimals = f"{rest:0{len(str(units[unit])) - 1}d}".rstrip("0")
    return f"{whole}.{decimals}{unit}" if decimals else f"{whole}{unit}"
