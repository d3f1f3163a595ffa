"""The installed command `recipe-lab PROGRAM …`.

The wheel adds one name to site-packages, `recipe_lab`. It is a directory with the folders of the repository, which are
importable by their own names in the lab's processes only.
"""

import sys
from importlib import import_module, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This module is imported as recipe_lab.commands.launcher; every other one by its name in the repository.
sys.path.insert(0, str(ROOT))

from commands import interruption, streams  # noqa: E402
from commands.errors import ExitCode  # noqa: E402
from recipes.installation import COMMAND, DISTRIBUTION, PROGRAMS  # noqa: E402

HELP = f"""\
Usage: {COMMAND} PROGRAM [ARGUMENTS]...

  Measure what serving the same recipes costs over HTTP, GraphQL and gRPC.

Programs:
  bench      Measure, compare, report.
  producers  Serve recipes over one protocol.
  consumers  Send requests to a producer.
  certs      Create a local certificate authority and certificates.
  data       Download the recipes of the Wikibooks Cookbook.

Options:
  --version  Show the version and exit.
  --help     Show this message and exit. Programs and their commands have --help, too.
"""


def main() -> int:
    """Run the program that is named first and return its exit code."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in PROGRAMS:
        return _without_program(name)
    sys.argv[:] = [f"{COMMAND} {name}", *arguments]
    interruption.end_at_once(sys.argv[0])  # imports take a second
    program = PROGRAMS[name]
    # Of a package, its __main__.
    module = import_module(program if "." in program else f"{program}.__main__")
    code: int = module.main()
    return code


def _without_program(name: str) -> int:
    """Answer what names no program. Returns the exit code."""
    output = streams.prepare(COMMAND)
    if name in ("--help", "--version"):
        sys.stdout.write(HELP if name == "--help" else f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}\n")
        sys.stdout.flush()
        return ExitCode.USAGE if output is not None and output.failed else ExitCode.FINE
    problem = f"{name!r} is not a program" if name else "no program is named"
    print(f"{COMMAND}: {problem}; choose from {', '.join(PROGRAMS)} (see `{COMMAND} --help`)", file=sys.stderr)
    return ExitCode.USAGE
