"""A request of the raw client: its bytes are ready, and what its right answers look like is known."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Content = TypeVar("Content")
"""What is sent, as the transport wants it."""
RawAnswer = TypeVar("RawAnswer")
"""What came, nothing of it decoded but the framing."""


async def _nothing_to_say() -> None:
    pass


class RawRequest(Generic[Content, RawAnswer]):
    """One request. May be sent any number of times, also while it is in flight already."""

    __slots__ = ("content", "introduce", "judge", "proved")

    def __init__(
        self,
        content: Content,
        judge: Callable[["RawRequest[Content, RawAnswer]", RawAnswer], Exception | None],
        introduce: Callable[[], Awaitable[None]] = _nothing_to_say,
    ):
        self.content = content
        self.proved: set[Hashable] = set()
        """Fingerprints (status and length) of answers that were decoded whole and found right."""
        self.judge = judge
        """Says what is wrong with an answer whose fingerprint is not in `proved`; None: nothing is."""
        self.introduce = introduce
        """Asks at length what this request asks in short."""
