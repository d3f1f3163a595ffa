"""The tables of docs/clients.md, made of what clients are tested with: `python -m tests.support.odd_clients`."""

import sys
from argparse import ArgumentParser

from tests.support import odd_grpc, odd_http1
from tests.support.odd_servers import Behaviour, table

GROUPS: dict[str, tuple[Behaviour, ...]] = {**odd_http1.GROUPS, **odd_grpc.GROUPS}

if __name__ == "__main__":
    ArgumentParser(
        prog="python -m tests.support.odd_clients", description="Prints the tables of docs/clients.md."
    ).parse_args()
    sys.stdout.write(table(GROUPS))
