"""docs/clients.md has the behaviours that the clients are tested with."""

from pathlib import Path

from tests.support.odd_clients import GROUPS
from tests.support.odd_servers import table


def test_the_page_has_the_tables() -> None:
    """`python -m tests.support.odd_clients` prints them."""
    _, _, tables = Path("docs/clients.md").read_text(encoding="utf-8").partition("## Behaviours\n\n")
    assert tables == table(GROUPS)
