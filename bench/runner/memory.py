"""Peak resident memory of another process."""

from pathlib import Path


def peak_resident_bytes(pid: int) -> int | None:
    """The most memory that `pid` has had resident so far (VmHWM of proc(5)); None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
