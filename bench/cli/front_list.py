"""`python -m bench front list`: what each proxy can do, and how it does it."""

import asyncio

from bench.cli.output_flags import TERMINAL, FormatFlag
from bench.cli.show import print_result
from bench.fronts.registry import FRONTS
from bench.report import fronts as reporting
from bench.runner.front import versions_of
from commands.errors import ExitCode


def front_list(form: FormatFlag = TERMINAL) -> int:
    """Show the proxies: which are installed, what they can do, and what they do in their own way."""
    versions = asyncio.run(versions_of(FRONTS))
    print_result(reporting.document_of(versions), form)
    return ExitCode.FINE
