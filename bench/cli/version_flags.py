"""The flags that say which producers are measured, --target, --ab and --ab-target, and what follows for the matrix."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cli import matrix_flags, request_flags
from bench.fronts.registry import NONE
from bench.plan import Addresses, Version
from bench.protocols import PROTOCOLS
from bench.request_file import RequestFile
from commands.errors import UsageError
from producers.registry import DEFAULT, PRODUCERS

CURRENT = "current"
"""The name of this checkout's producers beside another version's."""


def compared(target: Sequence[str], ab: str, ab_target: Sequence[str]) -> tuple[Version, ...]:
    """The versions to measure, the baseline first. Their code is not built yet. Raises UsageError."""
    targets = matrix_flags.targets("--target", target, tuple(PRODUCERS))
    others = matrix_flags.targets("--ab-target", ab_target, tuple(PRODUCERS))
    if ab and (targets or others):
        raise UsageError("--ab starts producers, and --target uses running ones; compare targets with --ab-target")
    if ab:
        return _of_references(ab)
    if others:
        if _ports(targets) != _ports(others):
            raise UsageError("--ab-target needs a --target for the same protocols, with and without TLS alike")
        return (Version(name="target", targets=targets), Version(name="ab-target", targets=others))
    return (Version(targets=targets),)


def _of_references(ab: str) -> tuple[Version, ...]:
    is_path = Path(ab).is_dir()
    first, dots, second = (ab, "", "") if is_path else ab.partition("..")
    if not first or (dots and not second):
        raise UsageError(f"--ab: {ab!r} is neither a commit nor a directory, nor two commits as A..B")
    before, after = _name(first), _name(second) if dots else CURRENT
    if before == after:
        before, after = f"{before} (A)", f"{after} (B)"
    return (Version(name=before, reference=first), Version(name=after, reference=second))


def _name(reference: str) -> str:
    """The name of a version: the reference as given, or the name of the directory."""
    return Path(reference).resolve().name if Path(reference).is_dir() else reference


def values_of(
    chosen: matrix_flags.Chosen, targets: Mapping[str, Addresses], requests: RequestFile | None, **defaults: str
) -> dict[str, list[Any]]:
    """The values of every dimension, as given or as the targets and the request file have them. Raises UsageError.

    No targets: the lab starts producers. `defaults` replace those of the declarations and those that follow from the
    targets.
    """
    usual = {
        "protocol": request_flags.protocols(requests, list(targets or PROTOCOLS)),
        "tls": _tls_of(targets),
        "cores": matrix_flags.usual_cores(targets=bool(targets)),
    }
    found = matrix_flags.values_of(chosen, **{**usual, **defaults})
    _check(targets, found)
    request_flags.check(requests, found)
    return found


def _check(targets: Mapping[str, Addresses], found: Mapping[str, Sequence[Any]]) -> None:
    """Refuse values of dimensions that targets do not have. Raises UsageError."""
    if not targets:
        return
    if found["implementation"] != [DEFAULT]:
        raise UsageError("--implementation chooses what the lab starts, and --target is running already; leave one out")
    if found["front"] != [NONE] or found["workers"] != [1]:
        flag = "--workers" if found["front"] == [NONE] else "--front"
        raise UsageError(f"{flag} chooses what the lab starts, and --target is running already; leave one out")
    if missing := ", ".join(sorted(set(found["protocol"]) - set(targets))):
        raise UsageError(f"--protocol: there is no --target for {missing}; give one, or leave {missing} out")


def _tls_of(targets: Mapping[str, Addresses]) -> str:
    """The default of --tls: targets decide it by their schemes."""
    if not targets:
        return "off,on"
    both = [any(t.plain for t in targets.values()), any(t.tls for t in targets.values())]
    return ",".join(word for word, there in zip(("off", "on"), both, strict=True) if there)


def _ports(targets: Mapping[str, Addresses]) -> dict[str, tuple[bool, bool]]:
    return {protocol: (each.plain is not None, each.tls is not None) for protocol, each in targets.items()}
