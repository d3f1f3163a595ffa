"""Starting a relay process."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.runner.processes import Child, announced


@dataclass(slots=True)
class RunningRelay:
    """A relay of the run, listening."""

    child: Child
    addresses: list[str]
    """What stands for each of the addresses that it relays to."""


async def start_relay(network: str, addresses: Sequence[str], *, seed: int, cores: Sequence[int]) -> RunningRelay:
    """Start `python -m bench.network.relay` before these addresses, and wait until it accepts. Raises ProcessFailed."""
    command = [sys.executable, "-m", "bench.network.relay", "--network", network, "--seed", str(seed)]
    for address in addresses:
        command += ["--to", address]
    child = await Child.start(f"the relay for {network}", command, cores)
    try:
        return RunningRelay(child, [await announced(child) for _ in addresses])
    except BaseException:
        child.kill()
        await child.stop()
        raise
