"""The table of hostile cases: each case is added to it as it ends, and all of them are rendered as Markdown.

For the table every case runs against every producer on every port. Otherwise a case in which TLS and the producer do
not depend on each other runs once without TLS and once with it, each time against another producer.

HOSTILE_TABLE=cases.jsonl pytest tests/hostile
python -m tests.hostile.table cases.jsonl > docs/hostile.md
"""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

INTRODUCTION = """# Hostile cases: what each was answered with, in how long, and what it cost

`tests/hostile` attacks one process of each producer, case after case, on its plain port and over TLS, while an honest
caller is served all the time; of gRPC two, one of them with `--strict-calls`. Made by

```
HOSTILE_TABLE=cases.jsonl .venv/bin/pytest tests/hostile
.venv/bin/python -m tests.hostile.table cases.jsonl > docs/hostile.md
```

with deadlines of 0.6 to 1.5 s in place of those of [security.md](security.md), so that nobody has to wait for them.
Figures of the plain port stand before those of TLS. Memory is resident memory: before the case; how far above that the
peak (VmHWM) was, which may be 48 MiB, and for 1,000 idle connections 64 KiB each; and after it. After each case no
descriptor is open that was not before.
"""
VARIABLE = "HOSTILE_TABLE"
"""Names the file to which cases are added, if they are to be told."""
PORTS = ("plain", "tls")
STRICT = "strict-"
"""Stands before the port in the name of a test of a producer whose calls are strict."""
MIB = 1 << 20


class Case(msgspec.Struct, frozen=True):
    """What one attack on one port was answered with, and what it cost the producer."""

    protocol: str
    port: str
    name: str
    answers: tuple[str, ...]
    took_s: float
    before_bytes: int
    """Resident before the attack."""
    grown_bytes: int
    """How far beyond that the peak was."""
    after_bytes: int


def case_name(node_name: str) -> str:
    """What the name of a test, with its parameters, says to a reader; without port and protocol."""
    test, _, parameters = node_name.removesuffix("]").partition("[")
    words = re.sub(rf"(^|-)((http|graphql)-|{STRICT})?({'|'.join(PORTS)})(?=-|$)", "", parameters).strip("-")
    return test.removeprefix("test_").replace("_", " ") + (f": {words}" if words else "")


def is_wanted() -> bool:
    """Whether the environment names a file to add the cases to."""
    return bool(os.environ.get(VARIABLE))


def tell(case: Case) -> None:
    """Add the case to the file that the environment names, if it names one."""
    if path := os.environ.get(VARIABLE):
        with Path(path).open("ab") as table:
            table.write(msgspec.json.encode(case) + b"\n")


def markdown(cases: Iterable[Case]) -> str:
    """A section for each protocol; in it a line for each case, the figures of the plain port before those of TLS."""
    by_protocol: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        by_protocol[case.protocol][case.name].append(case)
    lines = [INTRODUCTION]
    for protocol, named in by_protocol.items():
        lines += [
            f"## {protocol}",
            "",
            "| case | port | answer | s | MiB before | at the peak | after |",
            "|---" * 7 + "|",
        ]
        lines += [_line(name, sorted(same, key=lambda case: PORTS.index(case.port))) for name, same in named.items()]
        lines.append("")
    return "\n".join(lines)


def _line(name: str, same: Sequence[Case]) -> str:
    told = list(dict.fromkeys("; ".join(case.answers) for case in same))
    figures = [
        " / ".join(case.port for case in same),
        " / ".join(told),
        " / ".join(f"{case.took_s:.2f}" for case in same),
        " / ".join(f"{case.before_bytes / MIB:.0f}" for case in same),
        " / ".join(f"+{max(0, case.grown_bytes) / MIB:.1f}" for case in same),
        " / ".join(f"{case.after_bytes / MIB:.0f}" for case in same),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (name, *figures)) + " |"


def main() -> None:
    """Print the table of the cases in a file."""
    lines = Path(sys.argv[1]).read_bytes().splitlines()
    sys.stdout.write(markdown(msgspec.json.decode(line, type=Case) for line in lines))


if __name__ == "__main__":
    main()
