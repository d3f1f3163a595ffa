"""`python -m bench front list`: what each proxy can do, and how it does it."""

import asyncio

from bench.cli.output_flags import TERMINAL, FormatFlag
from bench.cli.show import print_result
from bench.front_programs import program_of
from bench.fronts.registry import FRONTS
from bench.report import fronts as reporting
from bench.runner.front import version_of
from commands.errors import ExitCode


def front_list(form: FormatFlag = TERMINAL) -> int:
    """Show the proxies: which are installed, what they can do, and what they do in their own way."""
    print_result(reporting.document_of(asyncio.run(_versions())), form)
    return ExitCode.FINE


async def _versions() -> dict[str, str]:
    """The version of each that is installed."""
    fronts = [row.front() for row in FRONTS.values()]
    programs = {front.name: (front, program) for front in fronts if (program := program_of(front)) is not None}
    return {name: await version_of(front, program) for name, (front, program) in programs.items()}
