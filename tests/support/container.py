"""Runs a command as a user without rights, in a file system like a container's.

It sees the system's programs, one Python and its libraries, all read-only, and a working directory. Its home is
read-only, temporary files go to a directory of their own, and there is no /dev/shm. New files are its own only (umask).
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.programs import PATIENCE_S

USER = 12345
"""A user that the system does not know."""
HOME, TEMPORARY, WORK = "/home/user", "/scratch", "/workdir"
SYSTEM = ("/bin", "/etc", "/lib", "/lib64", "/proc", "/usr")
DEVICES = ("null", "urandom", "zero")

_SCRIPT = """
set -eu
root=$1 user=$2 work=$3; shift 3
mount -t tmpfs -o mode=755 tmpfs "$root"
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root${1%/*}"; touch "$root$1"; fi
    mount --rbind "$1" "$root$1"
    shift
done
shift
mkdir -p "$root/home/user" "$root/scratch" "$root/workdir"
mount -t tmpfs -o mode=1777 tmpfs "$root/scratch"
mount --bind "$work" "$root/workdir"
mount -o remount,ro "$root"
exec chroot --userspec="$user:$user" --groups= "$root" "$@"
"""


def unavailable() -> str:
    """Why no command can be run in this way here; empty where one can."""
    if os.geteuid() != 0:
        return "only root can make a file system like a container's"
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"mounts are not allowed: {done.stderr.strip()}" if done.returncode else ""


def run(environment: Path, root: Path, work: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's programs in `work`, which it may write to, or in / where it may not.

    `root`: an empty directory for its file system, which is gone at its end.
    """
    work.mkdir(exist_ok=True)
    os.chown(work, USER, USER)
    seen = [path for path in SYSTEM if Path(path).exists()]
    seen += [f"/dev/{name}" for name in DEVICES]
    # A Python of the system has been seen already.
    seen += [str(path) for path in (Path(sys.base_prefix), environment) if not path.is_relative_to("/usr")]
    seen.append(sysconfig.get_path("purelib"))
    variables = (f"HOME={HOME}", f"TMPDIR={TEMPORARY}", f"PATH={environment / 'bin'}:/usr/bin:/bin")
    inside = ["/usr/bin/env", "-i", *variables, "sh", "-c", 'umask 077; cd "$0"; exec "$@"', WORK, *command]
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", str(root), str(USER), str(work), *seen, "--", *inside],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
