"""Header values with weights, as in `gzip;q=0.8, *;q=0`: what Accept and Accept-Encoding have in common (RFC 9110)."""

from dataclasses import dataclass

HIGHEST_WEIGHT = 1000


@dataclass(frozen=True, slots=True)
class Weighted:
    """One member of a list: its value in lower case, without parameters, and its weight in thousandths."""

    value: str
    weight: int


def weighted_values(header: str) -> list[Weighted]:
    """The members of a header in their order. A member whose weight cannot be read is left out."""
    members = []
    for member in header.split(","):
        value, *parameters = (part.strip() for part in member.split(";"))
        weight: int | None = HIGHEST_WEIGHT
        for parameter in parameters:
            name, _, given = parameter.partition("=")
            if name.strip().lower() == "q":
                weight = _weight(given.strip())
        if value and weight is not None:
            members.append(Weighted(value.lower(), weight))
    return members


def _weight(text: str) -> int | None:
    """`0.8` in thousandths; None for what is no weight. At most three decimals count, and they are all there may be."""
    whole, _, decimals = text.partition(".")
    if whole not in ("0", "1") or len(decimals) > 3 or not (decimals.isascii() and (decimals + "0").isdecimal()):
        return None
    weight = int(whole) * 1000 + int(decimals.ljust(3, "0"))
    return weight if weight <= HIGHEST_WEIGHT else None
