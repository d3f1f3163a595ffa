"""Counting bytes on both sides of a front: through a front of its own, with a tap between that and the producer."""

from dataclasses import replace

from msgspec import structs

from bench.front_processes import front_process
from bench.fronts import registry
from bench.load import messages
from bench.runner.processes import ProcessFailed
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, before
from bench.wire.tap import HOST


async def read_sizes(rig: Rig, order: messages.ReadSizes) -> messages.Answer | None:
    """Carry out an order to count the bytes of a combination; None when it failed, which the session notes.

    Raises Stopped.
    """
    if (needed := front_process(order.key, rig.gzip_level)) is None:
        return await rig.order(order, VERIFY_TIMEOUT_S)
    if needed not in rig.tapped:
        tapped = await rig.order(messages.TapProducer(tls=needed.producer_tls), VERIFY_TIMEOUT_S)
        if not isinstance(tapped, messages.ProducerTapped):
            return None
        plan = replace(needed.plan, upstreams=(f"{HOST}:{tapped.port}",))
        starting = rig.session.start_front(registry.front(needed.name), plan, rig.certificates)
        try:
            rig.tapped[needed] = await rig.session.unless_stopped(starting)
        except ProcessFailed as error:
            rig.session.problems.append(str(error))
            return None
    front = before(rig.tapped[needed], rig.producers[0].addresses)
    return await rig.order(structs.replace(order, front=front), VERIFY_TIMEOUT_S)


async def end_tapped(rig: Rig) -> None:
    """End the fronts that were started for counting: they would take memory from what is measured."""
    for running in rig.tapped.values():
        await rig.session.end_front(running)
    rig.tapped.clear()
