"""Invalid calls: each gets its status, and no other call is affected."""

import gzip
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hyperframe.frame import DataFrame

from producers.grpc_call_filter import BLOCKS_OF_METADATA
from tests.hostile.grpc.conftest import LIMITS, Victim, on_strict_ports
from tests.support.raw_http2 import Header, RawHttp2, message

GET = "/recipe.RecipeService/GetRecipe"
CREATE = "/recipe.RecipeService/CreateRecipe"
META = "/recipe.RecipeService/GetMetaData"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
ID_42 = b"\x08\x2a"
BOMB = gzip.compress(bytes(40 << 20))
WRONG_CONTENT_TYPES = ("text/plain", "application/json", "application/grpc-web", "")
OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 3, 4, 5, 8, 12, 13
RST_INTERNAL_ERROR = 2


@dataclass(frozen=True)
class Wrong:
    """An invalid call, and the status that it gets."""

    name: str
    sent: bytes | None
    status: int
    path: str = GET
    extra: Sequence[Header] = ()
    half_closed: bool = True
    says: str | None = None
    """The message of the status, where it shows whether the core or the producer sent it."""
    strict_status: int | None = None
    """The status with strict calls, if it differs."""

    def __str__(self) -> str:
        return self.name


GZIP = (("grpc-encoding", "gzip"),)
CALLS = [
    Wrong("no-message", None, UNIMPLEMENTED),
    Wrong("no-message-and-open", None, DEADLINE_EXCEEDED, half_closed=False),
    Wrong("no-message-to-watch-and-open", None, DEADLINE_EXCEEDED, path=WATCH, half_closed=False),
    Wrong("no-message-to-reflection-and-open", None, DEADLINE_EXCEEDED, path=REFLECT, half_closed=False),
    Wrong("one-message-and-open", message(ID_42), OK, half_closed=False),
    Wrong("two-messages", message(ID_42) + message(ID_42), OK),
    Wrong("truncated", message(ID_42, length=10), UNIMPLEMENTED),
    Wrong("truncated-prefix", b"\0\0", UNIMPLEMENTED),
    Wrong("truncated-and-open", message(ID_42, length=10), DEADLINE_EXCEEDED, half_closed=False),
    # The core treats a message with such a flag as empty.
    Wrong("flag-7", message(ID_42, flag=7), NOT_FOUND),
    Wrong("flag-7-and-open", message(ID_42, flag=7), DEADLINE_EXCEEDED, half_closed=False),
    Wrong("length-of-4-gib", message(ID_42, length=2**32 - 1), RESOURCE_EXHAUSTED, half_closed=False),
    Wrong("one-byte-over-the-limit", message(b"", length=LIMITS.body_bytes + 1), RESOURCE_EXHAUSTED, half_closed=False),
    Wrong("gzip-bomb", message(BOMB, flag=1), RESOURCE_EXHAUSTED, extra=GZIP),
    Wrong("gzip-garbage", message(b"no gzip", flag=1), INTERNAL, extra=GZIP),
    Wrong("truncated-gzip", message(gzip.compress(ID_42)[:-9], flag=1), INTERNAL, extra=GZIP),
    Wrong("compressed-without-saying-how", message(ID_42, flag=1), INTERNAL),
    Wrong(
        "unknown-encoding",
        message(ID_42, flag=1),
        INTERNAL,
        extra=(("grpc-encoding", "br"),),
        strict_status=UNIMPLEMENTED,
    ),
    Wrong("no-protobuf", message(b"\xff\xff\xff\xff"), INVALID_ARGUMENT),
    Wrong("no-utf-8", message(b"\x0a\x04\x12\x02\xff\xfe"), INVALID_ARGUMENT, path=CREATE),
    # A group that is opened 100,000 times and never closed; the parser gives up at a depth of 100.
    Wrong("deep-groups", message(b"\x5b" * 60_000), INVALID_ARGUMENT),
    Wrong("unknown-method", message(ID_42), UNIMPLEMENTED, path="/recipe.RecipeService/DropTables"),
    Wrong("unknown-service", message(ID_42), UNIMPLEMENTED, path="/etc/passwd"),
    Wrong("path-without-slash", message(ID_42), UNIMPLEMENTED, path="x"),
    Wrong("very-long-path", message(ID_42), UNIMPLEMENTED, path="/" + "x" * 8000),
    Wrong("timeout-that-is-none", message(ID_42), INTERNAL, extra=(("grpc-timeout", "soon"),)),
    # Without a message: otherwise the response may be faster than the core's timer.
    Wrong(
        "timeout-of-nothing",
        None,
        DEADLINE_EXCEEDED,
        extra=(("grpc-timeout", "0n"),),
        half_closed=False,
        says="Deadline Exceeded",
    ),
    Wrong("binary-metadata-that-is-none", message(ID_42), INTERNAL, extra=(("x-bin", "!!!"),)),
    Wrong("upper-case-metadata", message(ID_42), INTERNAL, extra=(("X-Upper", "1"),)),
    Wrong("metadata-of-17-kb", message(ID_42), RESOURCE_EXHAUSTED, extra=(("x", "a" * 17_000),)),
    Wrong("metadata-of-600-pairs", message(ID_42), RESOURCE_EXHAUSTED, extra=[(f"x{n}", "a") for n in range(600)]),
]


def pieces(connection: RawHttp2, stream_id: int, content: bytes, *, end: bool) -> list[DataFrame]:
    """Content in DATA frames of the permitted size."""
    frames = [DataFrame(stream_id, content[at : at + 16_000]) for at in range(0, len(content), 16_000)]
    if end:
        frames[-1].flags.add("END_STREAM")
    return frames


@pytest.mark.parametrize("wrong", CALLS, ids=str)
async def test_an_invalid_call_gets_its_status(victim: Victim, wrong: Wrong) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        headers = connection.call(wrong.path, extra=wrong.extra, end=wrong.half_closed and wrong.sent is None)
        sent = pieces(connection, headers.stream_id, wrong.sent, end=wrong.half_closed) if wrong.sent else []
        await connection.send(*connection.split(headers), *sent)
        answer = await connection.answer(headers.stream_id)
        strict = wrong.strict_status if victim.strict else None
        assert answer.status == (wrong.status if strict is None else strict), answer
        assert wrong.says in {None, answer.headers.get("grpc-message")}
        assert "Traceback" not in answer.headers.get("grpc-message", "")
        again = await connection.ask(META, message(b""))
        assert again.status == OK
    victim.answers.append(f"grpc-status {answer.status} {answer.headers.get('grpc-message', '')[:60]}".strip())


@pytest.mark.parametrize("size_bytes", [17_000, 1_000_000, 17_000_000])
async def test_metadata_is_limited_before_settings_are_acknowledged(victim: Victim, size_bytes: int) -> None:
    """The core's own limit is 16 MiB until then; the filter ends the connection above 64 KiB."""
    async with victim.connect() as connection:
        connection.acknowledge_settings = False
        await connection.greet()
        headers = connection.call(META, extra=(("x", "a" * size_bytes),))
        with suppress(ConnectionError):
            await connection.send(*connection.split(headers), DataFrame(headers.stream_id, message(b"")))
        answer = await connection.answer(headers.stream_id)
        ended = victim.strict and size_bytes > BLOCKS_OF_METADATA * LIMITS.calls.metadata_bytes
        assert answer.status == (None if ended else RESOURCE_EXHAUSTED)
        assert connection.closed.is_set() == ended
    victim.answers.append("closed" if ended else "grpc-status 8")


@pytest.mark.parametrize("content_type", WRONG_CONTENT_TYPES)
async def test_a_call_without_te_trailers_is_refused_with_any_content_type(victim: Victim, content_type: str) -> None:
    """Browsers cannot set `te: trailers`, so they cannot call the core, whatever content type they send."""
    async with victim.connect() as connection:
        await connection.greet()
        frame = connection.call(META, content_type=content_type, te=False)
        await connection.send(frame, DataFrame(frame.stream_id, message(b""), flags=["END_STREAM"]))
        answer = await connection.answer(frame.stream_id)
        assert answer.data == b""
        if victim.strict:
            assert answer.headers == {":status": "415"}
        else:
            assert answer.reset == RST_INTERNAL_ERROR
    victim.answers.append("415" if victim.strict else "RST_STREAM INTERNAL_ERROR")


@on_strict_ports
@pytest.mark.parametrize("ended", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize("content_type", WRONG_CONTENT_TYPES)
async def test_a_wrong_content_type_is_refused(victim: Victim, content_type: str, *, ended: bool) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        frame = connection.call(CREATE, content_type=content_type)
        body = DataFrame(frame.stream_id, message(b"\x0a\x06\x12\x04Soup"), flags=["END_STREAM"] if ended else [])
        await connection.send(frame, body)
        answer = await connection.answer(frame.stream_id)
        assert (answer.headers, answer.data) == ({":status": "415"}, b"")
        assert (await connection.ask(META, message(b""))).status == OK
    victim.answers.append("415")


@on_strict_ports
async def test_calls_with_right_and_wrong_content_types_can_be_mixed(victim: Victim) -> None:
    """Every second call on one connection is refused; responses may come in any order."""
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        calls = {
            frame.stream_id: (frame, right)
            for right in [True, False] * 40
            for frame in [connection.call(GET, content_type="application/grpc" if right else "application/json")]
        }
        for stream, (frame, _) in calls.items():
            await connection.send(frame, DataFrame(stream, message(ID_42), flags=["END_STREAM"]))
        for stream, (_, right) in calls.items():
            answer = await connection.answer(stream)
            assert answer.headers[":status"] == ("200" if right else "415")
            assert answer.status == (OK if right else None)
    victim.answers.append("40 × grpc-status 0, 40 × 415")


@pytest.mark.parametrize("left_out", [":method", ":scheme", ":path", ":authority"])
async def test_a_call_without_a_required_pseudo_header_is_reset(victim: Victim, left_out: str) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        frame = connection.call(GET, without=left_out)
        await connection.send(frame, DataFrame(frame.stream_id, message(ID_42), flags=["END_STREAM"]))
        answer = await connection.answer(frame.stream_id)
        assert (answer.status or answer.reset) not in {OK, None}
        assert answer.data == b""
    victim.answers.append(f"grpc-status {answer.status}, RST_STREAM {answer.reset}")


async def test_calls_without_a_message_free_their_slots(victim: Victim) -> None:
    async with victim.connect() as connection:
        await connection.greet()
        await connection.ping()
        open_calls = [connection.call(GET) for _ in range(100)]
        await connection.send(*open_calls)
        answers = [await connection.answer(call.stream_id) for call in open_calls]
        assert {answer.status for answer in answers} == {DEADLINE_EXCEEDED}
        assert (await connection.ask(GET, message(ID_42))).status == OK
    victim.answers.append("100 × grpc-status 4")
