"""The flag --scheduler: load from the workers of a Dask cluster, and what cannot be measured from there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cluster.connection import checked_address, import_dask
from bench.load_models import Load, OpenLoad
from bench.network.profile import LOOPBACK
from bench.plan import Addresses
from commands.errors import UsageError


def check(
    scheduler: str,
    found: Mapping[str, Sequence[Any]],
    loads: Sequence[Load],
    targets: Mapping[str, Addresses],
    *,
    headers: Sequence[str] | None,
    keys: Sequence[Path | None],
) -> None:
    """Refuse a scheduler that cannot be, and what its workers cannot do. Raises UsageError.

    `found`: the values of the dimensions. `headers`, `keys`: the values of --header, and of --cert and --key.
    """
    address = checked_address(scheduler)
    if not targets:
        raise UsageError(
            "--scheduler: its workers are on other machines and cannot reach producers that the lab starts here; give "
            "the address of a server that is running with --target"
        )
    if any(network != LOOPBACK for network in found["network"]):
        raise UsageError("--network: its relays run on this machine, and the workers of --scheduler are on others")
    if any(isinstance(load, OpenLoad) and load.arrivals == "constant" for load in loads):
        raise UsageError(
            "--arrivals constant: workers of a cluster cannot keep equal gaps between the requests of all, as their "
            "clocks are not compared; leave it out"
        )
    secret = "--header" if headers else "--cert and --key" if any(keys) else None
    if secret is not None and not address.startswith("tls://"):
        raise UsageError(f"{secret} would cross the network to the workers unencrypted; use a --scheduler with tls://")
    import_dask()
