"""`python -m bench`: measure, compare, report, size up."""

import sys
from collections.abc import Callable, Mapping

from commands import interruption

if __name__ == "__main__":
    interruption.end_at_once("python -m bench")  # imports take a second

from bench.cli.advise import advise
from bench.cli.ask import ask
from bench.cli.check import check
from bench.cli.claims import claims
from bench.cli.compare import compare
from bench.cli.elsewhere import ELSEWHERE
from bench.cli.front_errors import front_errors
from bench.cli.front_health import front_health
from bench.cli.front_keep_alive import front_keep_alive
from bench.cli.front_limits import front_limits
from bench.cli.front_list import front_list
from bench.cli.front_reuse import front_reuse
from bench.cli.front_show import front_show
from bench.cli.front_streams import front_streams
from bench.cli.history import history
from bench.cli.instructions import instructions
from bench.cli.report import report
from bench.cli.rollout import rollout
from bench.cli.run import run
from bench.cli.sizes import sizes
from bench.cli.slo import slo
from bench.cli.without_effect import WITHOUT_EFFECT
from commands import command_line
from recipes.installation import started_as


def _class_of(command: Callable[..., int]) -> type[command_line.GroupedCommand]:
    """Which flags it refuses."""
    name = command.__name__
    return command_line.GroupedCommand.refusing(WITHOUT_EFFECT.get(name, ()), ELSEWHERE.get(name, {}))


app = command_line.application("Measure what serving the same recipes costs over each protocol.")
for command in (run, compare, history, claims, report, sizes, instructions, advise, ask, slo, rollout, check):
    app.command(cls=_class_of(command))(command)
fronts = command_line.application("Proxies between consumers and producers: how they are configured, what they do.")
of_fronts: Mapping[str, Callable[..., int]] = {
    "list": front_list,
    "show": front_show,
    "health": front_health,
    "limits": front_limits,
    "keep-alive": front_keep_alive,
    "reuse": front_reuse,
    "streams": front_streams,
    "errors": front_errors,
}
for name, command in of_fronts.items():
    fronts.command(name, cls=_class_of(command))(command)
app.add_typer(fronts, name="front")


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, started_as("bench"))


if __name__ == "__main__":
    sys.exit(main())
