"""`python tests/audit.py REQUIREMENTS`: known vulnerabilities in locked requirements, according to pip-audit.

When the database cannot be reached, one line says so and the exit code is 0.
"""

import argparse
import subprocess
import sys
from pathlib import Path

UNREACHABLE = ("ConnectionError", "ConnectionRefused", "MaxRetryError", "ProxyError", "Timeout", "ServiceError")
PATIENCE_S = 300


def main() -> int:
    """Run pip-audit and return its exit code, or 0 when its database cannot be reached."""
    parser = argparse.ArgumentParser(prog="python tests/audit.py", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("requirements", type=Path, help="a file of requirements with hashes")
    requirements = parser.parse_args().requirements
    if not requirements.is_file():
        parser.error(f"{requirements}: no such file")
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            [*command, "-r", str(requirements)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"audit: the vulnerability database did not answer within {PATIENCE_S} s; nothing was checked")
        return 0
    if done.returncode and any(name in done.stderr for name in UNREACHABLE):
        print("audit: the vulnerability database cannot be reached; nothing was checked")
        return 0
    unknown = done.stdout.count("could not be audited")
    if unknown and not done.returncode:
        print(f"audit: the vulnerability database does not know {unknown} packages; they were not checked")
        return 0
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
