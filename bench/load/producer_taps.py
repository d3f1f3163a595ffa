"""Wire taps before the first producer, behind fronts that were started for them."""

from contextlib import AsyncExitStack

from bench.wire.tap import Tap, open_tap
from consumers.target import Target


class ProducerTaps:
    """Taps by the producer's address. They stay open until `close`."""

    def __init__(self) -> None:
        self._taps: dict[Target, Tap] = {}
        self._open = AsyncExitStack()

    async def before(self, producer: Target) -> Tap:
        """The tap before a producer."""
        if producer not in self._taps:
            self._taps[producer] = await self._open.enter_async_context(open_tap(producer.host, producer.port))
        return self._taps[producer]

    async def close(self) -> None:
        """Close them all, with the connections through them."""
        await self._open.aclose()
        self._taps.clear()
