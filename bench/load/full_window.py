"""The part of a closed loop in which as many requests were in flight as asked for, and how many really were. Pure.

Little's law: requests in flight = rate × mean latency. Over a window that starts when the last of them was first sent
and ends when the first is not followed by another, both sides are known exactly from the requests' stamps, clipped to
the window. A load that holds requests back between two stamps shows fewer than it was asked for.
"""


class FullWindow:
    """Told of every request's stamps, in nanoseconds."""

    def __init__(self, concurrency: int) -> None:
        self.in_flight_ns = 0
        """Time in flight within the window, summed over requests; whole when all have ended."""
        self._missing = concurrency
        self._filled_ns: int | None = None
        self._closed_ns: int | None = None

    @property
    def window_ns(self) -> int:
        """Its length; 0 when it never opened or is not closed."""
        if self._filled_ns is None or self._closed_ns is None:
            return 0
        return max(0, self._closed_ns - self._filled_ns)

    def began(self, sent_ns: int) -> None:
        """One more is in flight for the first time."""
        self._missing -= 1
        if not self._missing and self._closed_ns is None:
            self._filled_ns = sent_ns

    def ended(self, sent_ns: int, done_ns: int) -> None:
        """A request ended, in whatever way, be it after the window was closed."""
        if self._filled_ns is None:
            return
        until_ns = done_ns if self._closed_ns is None else min(done_ns, self._closed_ns)
        self.in_flight_ns += max(0, until_ns - max(sent_ns, self._filled_ns))

    def close(self, now_ns: int) -> None:
        """One is not followed by another: from here on fewer are in flight. Only the first call counts."""
        if self._closed_ns is None:
            self._closed_ns = now_ns
