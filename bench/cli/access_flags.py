"""The flags of what is measured demands of its clients: headers, certificates, a version of TLS."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.matrix_flags import SERVERS
from bench.protocols import PROTOCOLS
from commands import values
from commands.errors import UsageError
from consumers.access import TLS_VERSIONS, Access, BadHeader, read_headers
from consumers.tls import UnusableFile, check_files

HeaderFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="HEADER",
        rich_help_panel=SERVERS,
        help="Send this with every request: 'Name: value', 'Name: env:VARIABLE', 'Name: @FILE', or @FILE with one "
        "header per line; grpc:… for one protocol. Values are not recorded, but a value given here is in the list of "
        "processes.",
    ),
]
CaFlag = Annotated[
    Path | None,
    typer.Option(
        parser=values.readable_file,
        metavar="FILE",
        rich_help_panel=SERVERS,
        help="CA certificates to trust for --target.  [default: the system's]",
        show_default=False,
    ),
]
CertFlag = Annotated[
    Path | None,
    typer.Option(
        "--cert",
        parser=values.readable_file,
        metavar="FILE",
        rich_help_panel=SERVERS,
        help="Certificate of the clients, for a --target that asks for one.",
    ),
]
KeyFlag = Annotated[
    Path | None,
    typer.Option(
        "--key",
        parser=values.readable_file,
        metavar="FILE",
        rich_help_panel=SERVERS,
        help="Its private key.  [default: in the file of --cert]",
        show_default=False,
    ),
]
InsecureFlag = Annotated[
    bool,
    typer.Option("--insecure", rich_help_panel=SERVERS, help="Trust whatever certificate a --target has."),
]
TlsMinFlag = Annotated[
    str,
    typer.Option(
        "--tls-min",
        parser=values.one_of(TLS_VERSIONS),
        metavar="|".join(TLS_VERSIONS),
        rich_help_panel=SERVERS,
        help="The earliest version of TLS to use with a --target.",
    ),
]


def access(
    header: Sequence[str] | None,
    *,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    insecure: bool,
    tls_min: str,
) -> Access:
    """What the flags say. Raises UsageError."""
    try:
        headers = read_headers(header or (), PROTOCOLS)
    except BadHeader as error:
        raise UsageError(f"--header: {error}") from None
    found = Access(headers=headers, ca=ca, client_certificate=cert, client_key=key, insecure=insecure, tls_min=tls_min)
    try:
        check_files(found)
    except UnusableFile as error:
        raise UsageError(f"{'--ca' if error.file == ca else '--cert'}: cannot use {error}") from None
    return found
