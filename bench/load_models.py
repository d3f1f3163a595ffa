"""The two models of load: a closed loop keeps requests in flight, an open loop sends them at a rate. Pure."""

from typing import Literal

from msgspec import Struct


class ClosedLoad(Struct, frozen=True, kw_only=True, tag_field="model", tag="closed"):
    """A number of requests kept in flight."""

    concurrency: int

    @property
    def label(self) -> str:
        """As in ids: `c16`."""
        return f"c{self.concurrency}"

    @property
    def words(self) -> str:
        """As in text: `16 in flight`."""
        return f"{self.concurrency} in flight"

    @property
    def connection_limit(self) -> int | None:
        """For how many requests at a time a client needs connections; None where nothing bounds them."""
        return self.concurrency

    @property
    def measures_latency(self) -> bool:
        """Whether latency under this load is what a single caller waits."""
        return self.concurrency == 1


class OpenLoad(Struct, frozen=True, kw_only=True, tag_field="model", tag="open"):
    """Requests are due at a rate, whether or not earlier ones were answered."""

    rate_hz: float
    arrivals: Literal["poisson", "constant"] = "poisson"

    @property
    def label(self) -> str:
        """As in ids: `r500`."""
        return f"r{self.rate_hz:g}"

    @property
    def words(self) -> str:
        """As in text: `500 requests/s`."""
        return f"{self.rate_hz:,g} requests/s"

    @property
    def connection_limit(self) -> int | None:
        """For how many requests at a time a client needs connections; None where nothing bounds them."""
        return None

    @property
    def measures_latency(self) -> bool:
        """Whether latency under this load is what a caller waits."""
        return True


Load = ClosedLoad | OpenLoad
