"""What every experiment with fronts says of one trial. Pure."""

from msgspec import Struct


class Found(Struct, frozen=True, kw_only=True):
    """The result of one trial, or why there is none."""

    protocol: str
    front: str
    """A name in FRONTS, or NONE."""
    version: str = ""
    """Of the front."""
    unsupported: str = ""
    """What the front cannot do, in words."""
    trouble: str = ""
    """Why there is no result although the front can do it."""

    @property
    def measured(self) -> bool:
        """Whether there is a result."""
        return not self.unsupported and not self.trouble
