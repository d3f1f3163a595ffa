"""The time that requests wait within a client that sends only so many of them at the same time. Pure."""


class ClientQueue:
    """Requests beyond those that the client can have in flight.

    The client sends the next one as soon as one is answered. So of the requests in progress, those beyond its limit
    wait, whichever they are, and the sum of their waiting times is known without a timestamp of each.
    """

    def __init__(self, in_flight_at_most: int) -> None:
        """`in_flight_at_most`: how many requests the client has sent and unanswered at the same time."""
        self.queued_ns = 0
        """Time in the queue, summed over requests."""
        self._at_most = in_flight_at_most
        self._in_progress = 0
        self._since_ns = 0

    def change(self, now_ns: int, by: int) -> None:
        """So many more requests are in progress from now on; fewer, if `by` is negative."""
        queued = self._in_progress - self._at_most
        if queued > 0:
            self.queued_ns += queued * (now_ns - self._since_ns)
        self._since_ns = now_ns
        self._in_progress += by
