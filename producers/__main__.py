"""`python -m producers {http,graphql,grpc}`: serve recipes over one protocol until SIGINT, SIGTERM or SIGHUP."""

import os
from pathlib import Path

# OpenSSL reads this once, when Python's ssl is loaded, which asyncio does. Without it, key-exchange groups are offered
# that are no longer recommended.
os.environ.setdefault("OPENSSL_CONF", str(Path(__file__).with_name("openssl.cnf")))

import sys

from commands import interruption

if __name__ == "__main__":
    interruption.end_at_once("python -m producers")

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from commands import command_line, values
from commands.errors import CommandError, ExitCode, UsageError
from producers import lifecycle
from producers.certificates import DEFAULT_DIRECTORY, CertificateFiles
from producers.registry import ALTERNATIVES, DEFAULT, PRODUCERS, flags_for
from producers.service import Service, run, usage_errors
from producers.service import serve as serve_alone
from producers.settings import BadLimit, Limits, ProducerSettings, TlsFiles, with_limits
from producers.tls import check_files
from producers.without_effect import WITHOUT_EFFECT
from producers.workers import Workers, hold_ports, worker_command
from recipes import sources
from recipes.installation import prepared_by, started_as

app = command_line.application("Serve recipes over one protocol.")
DEFAULT_FILES = CertificateFiles(DEFAULT_DIRECTORY)
SECONDS = values.number(0, 3600)

LISTENING, TLS, DATA, STOPPING = "Listening", "TLS", "Recipes and processes", "Stopping and limits"
GRAPHQL, GRPC = "GraphQL only", "gRPC only"


@app.command(cls=command_line.GroupedCommand.refusing(WITHOUT_EFFECT))
def serve(
    protocol: Annotated[
        str,
        typer.Argument(parser=values.one_of(PRODUCERS), metavar="|".join(PRODUCERS), help="The protocol to serve."),
    ],
    implementation: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"What serves the protocol: {', '.join((DEFAULT, *ALTERNATIVES))} (docs/implementations.md).",
        ),
    ] = DEFAULT,
    host: Annotated[
        str,
        typer.Option(envvar="HOST", metavar="ADDRESS", help="Address to listen on.", rich_help_panel=LISTENING),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="PORT",
            parser=values.port,
            metavar="PORT",
            help="Port to listen on; 0 chooses a free one.",
            rich_help_panel=LISTENING,
        ),
    ] = 4000,
    gzip: Annotated[
        bool,
        typer.Option(
            "--gzip",
            envvar="GZIP",
            help="Compress responses for clients that accept gzip.",
            rich_help_panel=LISTENING,
        ),
    ] = False,
    gzip_level: Annotated[
        int,
        typer.Option(parser=values.whole_number(1, 9), metavar="1..9", help="zlib's level.", rich_help_panel=LISTENING),
    ] = 6,
    tls: Annotated[bool, typer.Option("--tls", envvar="TLS", help="Serve TLS on --port.", rich_help_panel=TLS)] = False,
    tls_port: Annotated[
        int | None,
        typer.Option(
            envvar="TLS_PORT",
            parser=values.port,
            metavar="PORT",
            help="Serve TLS on this port, in addition to plain on --port.",
            rich_help_panel=TLS,
        ),
    ] = None,
    cert: Annotated[
        Path, typer.Option(metavar="FILE", help="Certificate chain, PEM.", rich_help_panel=TLS)
    ] = DEFAULT_FILES.server,
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="Private key, PEM.", rich_help_panel=TLS)
    ] = DEFAULT_FILES.server_key,
    client_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Require client certificates signed by this authority, PEM.",
            rich_help_panel=TLS,
        ),
    ] = None,
    recipes: Annotated[
        str,
        typer.Option(
            envvar="RECIPES",
            metavar="SOURCE",
            help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.",
            rich_help_panel=DATA,
        ),
    ] = "generated",
    renumber: Annotated[
        bool,
        typer.Option(
            "--renumber",
            envvar="RENUMBER",
            help="Give the recipes of a file the ids 1, 2, …, whatever ids they have there.",
            rich_help_panel=DATA,
        ),
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            parser=values.port,
            metavar="PORT",
            help="Count calls and connections, and show the counts on this port as Prometheus text. "
            "Of several workers, each has a port of its own, from this one up.",
            rich_help_panel=DATA,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 256),
            metavar="N",
            help="Number of processes. With more than 1, recipes cannot be created.",
            rich_help_panel=DATA,
        ),
    ] = 1,
    stop_notice: Annotated[
        float,
        typer.Option(
            parser=SECONDS,
            metavar="SECONDS",
            help="When stopping, keep serving this long after health checks report it.",
            rich_help_panel=STOPPING,
        ),
    ] = 0.0,
    drain: Annotated[
        float,
        typer.Option(
            parser=SECONDS,
            metavar="SECONDS",
            help="When stopping, wait this long for open requests.",
            rich_help_panel=STOPPING,
        ),
    ] = 10.0,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Change a limit for callers; docs/security.md lists the names. Can be repeated.",
            rich_help_panel=STOPPING,
        ),
    ] = None,
    introspection: Annotated[bool, typer.Option(help="Answer introspection queries.", rich_help_panel=GRAPHQL)] = True,
    suggestions: Annotated[
        bool, typer.Option(help="Suggest similar names for unknown fields.", rich_help_panel=GRAPHQL)
    ] = True,
    persisted_queries: Annotated[
        bool,
        typer.Option("--persisted-queries", help="Accept a query's hash instead of its text.", rich_help_panel=GRAPHQL),
    ] = False,
    strict_calls: Annotated[
        bool,
        typer.Option(
            "--strict-calls",
            help="Refuse calls with a wrong content type or coding; takes CPU time.",
            rich_help_panel=GRPC,
        ),
    ] = False,
) -> int:
    """Serve recipes over one protocol until SIGINT, SIGTERM or SIGHUP."""
    if tls and tls_port is not None:
        raise UsageError("--tls and --tls-port cannot be combined: --tls serves only TLS, --tls-port plain and TLS")
    with_tls = tls or tls_port is not None
    given = {
        "gzip": gzip,
        "tls": with_tls,
        "client-ca": client_ca is not None,
        "workers": workers > 1,
        "strict-calls": strict_calls,
        "persisted": persisted_queries,
    }
    _check(protocol, implementation, [flag for flag, is_set in given.items() if is_set], limit or ())
    try:
        limits = with_limits(Limits(), limit or ())
    except BadLimit as error:
        raise UsageError(f"--limit {error}") from None
    files = TlsFiles(certificate=cert, key=key, client_ca=client_ca) if with_tls else None
    settings = ProducerSettings(
        host=host,
        port=None if tls else port,
        tls_port=port if tls else tls_port,
        tls=files,
        gzip=gzip,
        gzip_level=gzip_level,
        limits=limits,
        metrics_port=metrics_port,
        stop_notice_s=stop_notice,
        drain_s=drain,
        introspection=introspection,
        suggestions=suggestions,
        persisted_queries=persisted_queries,
        strict_calls=strict_calls,
    )
    service = Service(
        protocol=protocol, implementation=implementation, recipes=recipes, renumber=renumber, settings=settings
    )
    with usage_errors():
        if files is not None:
            check_files(files)
        if workers > 1:
            if not sources.can_be_read_again(recipes):
                raise UsageError("--recipes: a pipe can be read once, and each of the --workers reads it; use a file")
            return _serve_with_workers(service, workers)
        serve_alone(service)
    return ExitCode.FINE


def _check(protocol: str, name: str, features: Sequence[str], limits: Sequence[str]) -> None:
    """Raise UsageError unless a protocol has this implementation, and it offers all of these features and limits."""
    rows = PRODUCERS[protocol]
    if name not in rows:
        raise UsageError(f"--implementation: {name!r} is not one of {', '.join(rows)}, which {protocol} has")
    row = rows[name]
    for feature in features:
        if (reason := row.why_not(feature)) is not None:
            # What enables a dialect may have another name than the dialect.
            flag = " ".join(flags_for(protocol, [feature])) or f"--{feature}"
            raise UsageError(f"--implementation {name} does not support {flag}: {reason}")
    for text in limits:
        if not row.enforces(text.partition("=")[0]):
            raise UsageError(
                f"--limit {text!r}: {protocol}{'' if name == DEFAULT else f' ({name})'} does not enforce it; "
                f"it enforces {', '.join(sorted(row.limits or ()))}"
            )
    if (distribution := row.missing()) is not None:
        install = prepared_by("implementations")
        raise UsageError(f"--implementation {name}: {distribution} is not installed; run `{install}`")


def _serve_with_workers(service: Service, count: int) -> int:
    settings = service.settings
    metrics_ports = _metrics_ports(settings.metrics_port, count)
    held = hold_ports(settings)
    shared = replace(settings, port=held.port, tls_port=held.tls_port, share_port=True)
    ports = [port for port in (held.port, held.tls_port) if port is not None]
    commands = [
        worker_command(replace(service, settings=replace(shared, metrics_port=metrics_port)))
        for metrics_port in metrics_ports
    ]
    try:
        pool = Workers(commands, ports=len(ports), own_ports=0 if settings.metrics_port is None else 1)
        failed = run(pool.serve(lifecycle.announce))
    finally:
        held.close()
    if failed:
        raise CommandError("the workers ended before they listened; their messages are above")
    return ExitCode.FINE


def _metrics_ports(first: int | None, count: int) -> list[int | None]:
    """The port for the counts of each worker. Raises UsageError."""
    if not first:
        return [first] * count
    if first + count - 1 > 65535:
        raise UsageError(f"--metrics-port {first}: {count} workers take one port each, up to {first + count - 1}")
    return [first + number for number in range(count)]


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, started_as("producers"))


if __name__ == "__main__":
    sys.exit(main())
