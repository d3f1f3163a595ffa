"""Importing large libraries in a process that starts, which is most of what a start takes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from recipes.garbage import no_collections

_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""Variables that say where OpenSSL finds the authorities that the system trusts (SSL_CTX_load_verify_locations(3))."""


@contextmanager
def importing() -> Iterator[None]:
    """Import inside, before there are threads: without collecting garbage, and without the system's authorities.

    aiohttp reads these when it is imported, for contexts of which the lab uses none: it makes its own. That takes a
    quarter of the import.
    """
    before = {name: os.environ.get(name) for name in _AUTHORITIES}
    os.environ.update(_AUTHORITIES)
    try:
        with no_collections():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
