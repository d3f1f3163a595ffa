"""`python tests/audit.py REQUIREMENTS`: pip-audit over locked requirements, or one line on why nothing was checked."""

import subprocess
import sys

UNREACHABLE = ("ConnectionError", "ConnectionRefused", "MaxRetryError", "ProxyError", "Timeout", "ServiceError")
PATIENCE_S = 300


def main() -> int:
    """Run pip-audit; its exit code, or 0 when there was nobody to ask."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            [*command, "-r", *sys.argv[1:]], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"audit: the database of vulnerabilities did not answer within {PATIENCE_S} s; nothing was checked")
        return 0
    if done.returncode and any(name in done.stderr for name in UNREACHABLE):
        print("audit: the database of vulnerabilities cannot be reached from here; nothing was checked")
        return 0
    unknown = done.stdout.count("could not be audited")
    if unknown and not done.returncode:
        print(f"audit: the database that can be reached knows nothing of {unknown} packages; they were not checked")
        return 0
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
