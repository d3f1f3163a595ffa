"""`python -m tests.support.limited_producer PROTOCOL DIRECTORY LIMITS [strict]`: with limits that no flag sets.

A producer that serves the small book on a plain and a TLS port, with the certificates of DIRECTORY. LIMITS is JSON, by
the names of `producers.settings.Limits`, so that tests need not wait for limits meant for real callers. With "strict"
its calls are.
"""

import os
import sys
from pathlib import Path

import msgspec
import uvloop

from producers import lifecycle
from producers.certificates import CertificateFiles
from producers.registry import producer_class
from producers.settings import Limits, ProducerSettings, TlsFiles
from tests.support.books import small_book


def main() -> None:
    """Serve until a signal."""
    protocol, directory, limits, *strict = sys.argv[1:]
    files = CertificateFiles(Path(directory))
    settings = ProducerSettings(
        port=0,
        tls_port=0,
        tls=TlsFiles(certificate=files.server, key=files.server_key),
        limits=msgspec.json.decode(limits, type=Limits),
        strict_calls=strict == ["strict"],
    )
    producer = producer_class(protocol)(small_book(), settings)
    uvloop.run(lifecycle.serve(producer, lambda addresses: lifecycle.announce(addresses, os.getpid())))


if __name__ == "__main__":
    main()
