"""Dissecting a cell: a consumer asks through the wire tap, and every byte of its connection gets a name and a place."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.results import Anatomy, Bytes, TlsSession
from bench.wire.anatomy import plain_layout, tls_layout
from bench.wire.codec import Codec, Content
from bench.wire.gzip_cost import gzip_found
from bench.wire.key_log import ConnectionSecrets, read_key_log
from bench.wire.phases import anatomy_of
from bench.wire.reading import WARM_UP_REQUESTS, Unreadable, only_connection, plain_bytes, read_plain
from bench.wire.recording import Direction, Recording
from bench.wire.sizes import NOTHING_KNOWN, Ask, Connect, record
from bench.wire.tls_decryption import Decrypted, Undecipherable, decrypt, secrets_of
from bench.wire.tls_twin import read_tls, tls_bytes
from consumers.errors import ConsumerError
from consumers.target import Target
from recipes.errors import RecipeError

KEY_LOG_VARIABLE = "SSLKEYLOGFILE"
"""Clients that read it write the secrets of their connections to the file that it names. Python's ssl does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissected:
    """What was found about one cell."""

    bytes: Bytes = NOTHING_KNOWN
    anatomy: Anatomy | None = None
    tls_session: TlsSession | None = None
    warnings: tuple[str, ...] = ()
    """Why something is not known, in words for a report."""


async def dissect(
    *, connect: Connect, plain: Target | None, tls: Target | None, codec: Codec, asks: Sequence[Ask], gzip: bool
) -> Dissected:
    """Ask everything, one after the other over one connection, and take that apart.

    As `measure_sizes`, with WARM_UP_REQUESTS requests ahead of `asks`. What is inside TLS is decrypted where the client
    hands over its keys; where not, the same is asked without TLS, and is found again inside by its lengths. Raises
    BytesUnaccounted.
    """
    sequence = [asks[index % len(asks)] for index in range(WARM_UP_REQUESTS)] + list(asks)
    try:
        if tls is None:
            assert plain is not None
            return _plain(only_connection(await record(connect, plain, sequence)), codec, len(sequence), gzip=gzip)
        with key_log() as log:
            recording = only_connection(await record(connect, tls, sequence))
            secrets = read_key_log(log.read_text(encoding="ascii", errors="replace"))
        decrypted, reason = _decrypted(recording, secrets)
        if decrypted is not None:
            return _inside_tls(recording, decrypted.recording, codec, len(sequence), gzip=gzip, own=decrypted.own)
        if plain is None:
            return Dissected(warnings=(f"{reason}, and there is no answer without TLS to compare with",))
        twin = only_connection(await record(connect, plain, sequence))
        return _inside_tls(recording, twin, codec, len(sequence), gzip=gzip, own=None)
    except (Unreadable, ConsumerError, RecipeError) as error:
        return Dissected(warnings=(str(error),))


@contextmanager
def key_log() -> Iterator[Path]:
    """A file for the secrets of connections that are made meanwhile by clients that read the variable."""
    before = os.environ.get(KEY_LOG_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="recipe-lab-keys-") as aside:
        path = Path(aside) / "keys"
        path.touch(mode=0o600)
        os.environ[KEY_LOG_VARIABLE] = str(path)
        try:
            yield path
        finally:
            if before is None:
                del os.environ[KEY_LOG_VARIABLE]
            else:
                os.environ[KEY_LOG_VARIABLE] = before


def _decrypted(recording: Recording, logged: Mapping[bytes, ConnectionSecrets]) -> tuple[Decrypted | None, str]:
    secrets = secrets_of(recording, logged)
    if secrets is None:
        return None, "this client hands over no keys"
    try:
        return decrypt(recording, secrets), ""
    except Undecipherable as error:
        return None, str(error)


def _plain(recording: Recording, codec: Codec, requests: int, *, gzip: bool) -> Dissected:
    reading = read_plain([recording], codec, requests)
    contents = _contents(recording, codec)
    anatomy = anatomy_of(
        plain_layout(recording, codec, requests),
        contents,
        gzip=gzip_found([answer for _, answer in contents[WARM_UP_REQUESTS:]]) if gzip else None,
    )
    return Dissected(bytes=plain_bytes(reading), anatomy=anatomy)


def _inside_tls(
    recording: Recording,
    inside: Recording,
    codec: Codec,
    requests: int,
    *,
    gzip: bool,
    own: Mapping[Direction, Mapping[int, Mapping[str, int]]] | None,
) -> Dissected:
    reading = read_tls([recording], requests)
    found = _plain(inside, codec, requests, gzip=gzip)
    sizes, warnings = tls_bytes(reading, read_plain([inside], codec, requests), codec.floating_frame_bytes)
    anatomy = anatomy_of(
        tls_layout(reading, inside, codec, requests, own),
        _contents(inside, codec),
        inside_tls="plain_twin" if own is None else "decrypted",
        gzip=found.anatomy.gzip if found.anatomy else None,
    )
    return replace(found, bytes=sizes, anatomy=anatomy, tls_session=reading.session, warnings=tuple(warnings))


def _contents(recording: Recording, codec: Codec) -> list[tuple[Content, Content]]:
    parsed = codec.parse(recording.content(Direction.SENT), recording.content(Direction.RECEIVED))
    return list(parsed.contents.values())
