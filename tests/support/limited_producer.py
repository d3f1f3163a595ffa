"""`python -m tests.support.limited_producer PROTOCOL DIRECTORY LIMITS [strict]`: a producer with short limits.

It serves the small book on a plain and a TLS port, with the certificates of DIRECTORY. LIMITS is JSON with the names of
`producers.settings.Limits`. With "strict", gRPC calls are checked as with `--strict-calls`.
"""

import argparse
import os
from pathlib import Path

import msgspec
import uvloop

from producers import lifecycle
from producers.certificates import CertificateFiles
from producers.registry import PRODUCERS, producer_class
from producers.settings import Limits, ProducerSettings, TlsFiles
from tests.support.books import small_book


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.limited_producer", description=__doc__)
    parser.add_argument("protocol", choices=PRODUCERS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("limits")
    parser.add_argument("strict", nargs="?", choices=["strict"])
    given = parser.parse_args()
    files = CertificateFiles(given.directory)
    settings = ProducerSettings(
        port=0,
        tls_port=0,
        tls=TlsFiles(certificate=files.server, key=files.server_key),
        limits=msgspec.json.decode(given.limits, type=Limits),
        strict_calls=given.strict is not None,
    )
    producer = producer_class(given.protocol)(small_book(), settings)
    uvloop.run(lifecycle.serve(producer, lambda addresses: lifecycle.announce(addresses, os.getpid())))


if __name__ == "__main__":
    main()
