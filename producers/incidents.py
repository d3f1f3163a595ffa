"""Faults of a producer that callers are told of by a name only, under which its log has the rest."""

import secrets


def new_incident() -> str:
    """A name for a fault, by which whoever met it and whoever reads the log can speak of the same."""
    return secrets.token_hex(6)
