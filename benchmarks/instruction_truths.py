"""`python -m benchmarks.instruction_truths`: does `bench instructions` find a known number of instructions only?

Two copies of the producers' code differ in a loop of Python whose instructions are known: callgrind counts them in a
process of its own, without the bench. `bench instructions --ab` has to find that number in each protocol. Then two
copies of the same code are compared, many times, which has to give no verdict. It exits with 1 if either fails.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.callgrind.profile import parse
from bench.callgrind.tool import ToolMissing, Valgrind, counted_environment, installed
from bench.results import Run
from bench.stats.instructions import Change, changes
from benchmarks.repeated import FINISHED, command_of, run_bench
from benchmarks.slowed_producer import copied, slow_down
from commands import command_line, values
from commands.errors import ExitCode, UntrustedMeasurement, UsageError
from producers.registry import PRODUCERS

TOLERANCES = {"grpc": 0.02}
TOLERANCE = 0.003
"""How far from the true number the count may be, as a share of it."""
CHOSEN = ("--workload", "get", "--gzip", "off", "--tls", "off", "--recipes", "generated:100")
LOOP = """
import itertools, sys
slowed = {"steps": int(sys.argv[1])}
def loop():
    for _ in itertools.repeat(None, slowed["steps"]):
        pass
for _ in range(int(sys.argv[2])):
    loop()
"""
"""The loop of benchmarks.slowed_producer, so many times."""
LOOPS = 100


def instructions_of_loop(valgrind: Valgrind, steps: int) -> float:
    """What so many steps of the loop execute, by callgrind in processes of their own that do nothing else."""

    def all_loops(steps: int) -> int:
        return _executed(valgrind, steps, LOOPS + 1) - _executed(valgrind, steps, 1)

    return (all_loops(steps) - all_loops(0)) / LOOPS


def _executed(valgrind: Valgrind, steps: int, loops: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "dump"
        command = [valgrind.valgrind, "--tool=callgrind", "-q", f"--callgrind-out-file={out}"]
        command += [sys.executable, "-S", "-E", "-c", LOOP, str(steps), str(loops)]
        subprocess.run(command, env=counted_environment(), check=True)
        return parse(out.read_text(encoding="utf-8", errors="replace")).instructions


def compared(before: Path, after: Path, protocols: Sequence[str], directory: Path) -> tuple[int, list[Change]]:
    """The exit code of `bench instructions` for two copies, and what it found."""
    out = directory / "run.json"
    command = ["instructions", "--ab", f"{before}..{after}", *CHOSEN, "--protocol", ",".join(protocols)]
    code, error = run_bench([*command, "--out", str(out)])
    if code not in FINISHED or not out.is_file():
        raise UntrustedMeasurement(f"bench instructions ended with {code}: {error[-300:]}")
    run: Run = run_file.read(out)
    for cell in run.cells:
        if cell.status != "measured":
            print(f"{cell.id}: {cell.reason}", file=sys.stderr, flush=True)
    return code, changes(run)


def known_additions(protocols: Sequence[str], steps: int, valgrind: Valgrind, directory: Path) -> bool:
    """Print the known and the counted number of instructions of each protocol. Returns whether all agree."""
    added = instructions_of_loop(valgrind, steps)
    without, slowed = (_copy(directory, name) for name in ("without", "with_it"))
    slow_down(without, steps=0)
    slow_down(slowed, steps=steps)
    print(f"{steps:,} steps: {added:,.0f} instructions more\n")
    print("| protocol | without | with | counted as more | off, of the request | off, of the addition | verdict |")
    print("|---|---|---|---|---|---|---|")
    right = True
    for change in compared(without, slowed, protocols, directory)[1]:
        before, after = change.before.per_request.value, change.after.per_request.value
        off = (after - before - added) / (before + added)
        right &= abs(off) <= TOLERANCES.get(change.key.protocol, TOLERANCE) and change.verdict == "more"
        print(
            f"| {change.key.protocol} | {before:,.0f} | {after:,.0f} | {after - before:,.0f} | {off * 100:+.3f} % "
            f"| {(after - before - added) / added * 100:+.2f} % | {change.verdict} |",
            flush=True,
        )
    return right


def same_code(protocols: Sequence[str], times: int, directory: Path) -> bool:
    """Compare two copies of the same code. Returns whether no run had a verdict or was inconclusive."""
    copies = [_copy(directory, name) for name in ("copy_a", "copy_b")]
    print("\n| run | exit code | " + " | ".join(protocols) + " |")
    print("|---|---|" + "---|" * len(protocols))
    codes: list[int] = []
    for number in range(1, times + 1):
        code, found = compared(copies[0], copies[1], protocols, directory)
        codes.append(code)
        ratios = " | ".join(f"{(change.ratio.value - 1) * 100:+.3f} % {change.verdict}" for change in found)
        print(f"| {number} | {code} | {ratios} |", flush=True)
    good = codes.count(ExitCode.FINE)
    print(f"\nno verdict in {good} of {times} runs of the same code")
    return good == times


def _copy(directory: Path, name: str) -> Path:
    made = directory / name
    made.mkdir()
    return copied(made)


app = command_line.application("Count a known number of instructions, and the same code against itself.")


@app.command()
def instruction_truths(
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Comma-separated; all by default.")
    ] = None,
    steps: Annotated[
        int,
        typer.Option(parser=values.whole_number(1, 1_000_000), metavar="N", help="How long the additional loop is."),
    ] = 8_000,
    times: Annotated[
        int,
        typer.Option(parser=values.whole_number(0, 1_000), metavar="N", help="How often the same code is compared."),
    ] = 20,
) -> int:
    """Print what is known beside what was counted; exit 1 when it is off, or when the same code had a verdict."""
    protocols = [values.one_of(PRODUCERS)(name) for name in values.comma_list(protocol or list(PRODUCERS))]
    try:
        valgrind = installed()
    except ToolMissing as error:
        raise UsageError(str(error)) from None
    print(f"{command_of('benchmarks.instruction_truths')}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        found = known_additions(protocols, steps, valgrind, Path(aside))
        silent = same_code(protocols, times, Path(aside)) if times else True
    print(f"\nfound within {TOLERANCE * 100:g} % (gRPC {TOLERANCES['grpc'] * 100:g} %): {'yes' if found else 'NO'}")
    return ExitCode.FINE if found and silent else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.instruction_truths"))
