"""Counting the bytes of messages in a load process, over connections of their own. Large, and seldom needed."""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from bench.load import messages
from bench.load.cell_clients import CellClients
from bench.load.producer_taps import ProducerTaps
from bench.protocols import protocol as row
from bench.spec import CellKey
from bench.wire.anatomy import anatomy_of
from bench.wire.gzip_cost import gzip_found
from bench.wire.measure import Behind, measure
from bench.wire.parts import BytesUnaccounted, UnknownPart
from bench.wire.reading import NOTHING_KNOWN, WARM_UP_REQUESTS, Reading
from bench.wire.results import Anatomy
from bench.workloads import Question


class SizeReader:
    """Sends requests through wire taps, and keeps those open that stand before producers."""

    def __init__(self, setup: messages.Setup, clients: CellClients) -> None:
        self.setup = setup
        self.clients = clients
        self.taps = ProducerTaps()

    async def read(self, order: messages.ReadSizes, questions: Sequence[Question[Any]]) -> messages.Answer:
        """Send a workload's questions through a tap, beside the connections that are measured, and count the bytes."""
        key, route = order.key, self.clients.route(order.key)
        target = order.front or route.target
        if not all(question.single for question in questions):
            reason = "one question takes several requests; the workload get has the sizes of one request"
            return messages.SizesRead(bytes=NOTHING_KNOWN, warnings=(reason,))
        count = max(1, order.requests - WARM_UP_REQUESTS)
        try:
            found = await measure(
                connect=lambda target: self.clients.consumer(key, target),
                plain=route.plain if key.client_tls else target,
                tls=target if key.client_tls else None,
                codec=row(self.setup.protocol).codec(),
                asks=[question.send for question in islice(cycle(questions), count)],
                behind=None if order.front is None else await self._behind(key),
            )
            anatomy = self._anatomy(found.reading, gzip=order.key.gzip) if order.anatomy and found.reading else None
        except (BytesUnaccounted, UnknownPart) as error:
            return messages.Broken(text=str(error))
        return messages.SizesRead(
            bytes=found.bytes,
            anatomy=anatomy,
            tls_session=found.reading.tls_session if found.reading else None,
            behind=found.behind,
            warnings=found.warnings,
        )

    async def tap_producer(self, order: messages.TapProducer) -> messages.Answer:
        """Open a tap before the first producer, if there is none yet."""
        producer = self.setup.direct.of(tls=order.tls)
        if producer is None:
            return messages.Broken(text=f"the producer has no port with{'' if order.tls else 'out'} TLS")
        return messages.ProducerTapped(port=(await self.taps.before(producer)).port)

    async def _behind(self, key: CellKey) -> Behind | None:
        producer = self.setup.direct.of(tls=key.producer_tls)
        return None if producer is None else Behind(await self.taps.before(producer), key.producer_tls)

    def _anatomy(self, reading: Reading, *, gzip: bool) -> Anatomy | None:
        responses = [response for _, response in reading.contents[WARM_UP_REQUESTS:]]
        given = {header.name.lower() for header in self.setup.access.headers}
        return anatomy_of(reading, gzip_found(responses) if gzip else None, given)

    async def close(self) -> None:
        """Close every tap."""
        await self.taps.close()
