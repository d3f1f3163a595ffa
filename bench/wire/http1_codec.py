"""Reads HTTP/1.1 connections: messages are bodies, coded by Content-Encoding."""

from bench.wire.codec import Codec, Content, Parsed
from bench.wire.http1 import Http1Message, Http1Parser
from bench.wire.inflation import GZIP, IDENTITY, content_coding, inflated_bytes
from bench.wire.recording import Direction

_NOTHING = Content(message_bytes=0, compressed_bytes=0, coding=IDENTITY, complete=False)


class Http1Codec(Codec):
    """HTTP/1.1. Everything between messages is theirs, so nothing but `unparsed` belongs to the connection."""

    def parse(self, sent: bytes, received: bytes) -> Parsed:
        requests = Http1Parser()
        sent_parts = requests.feed(sent) + requests.finish()
        responses = Http1Parser(methods=requests.methods)
        received_parts = responses.feed(received) + responses.finish()
        answers = [_content(message) for message in responses.messages]
        return Parsed(
            {Direction.SENT: sent_parts, Direction.RECEIVED: received_parts},
            {
                number: (_content(request), answers[number] if number < len(answers) else _NOTHING)
                for number, request in enumerate(requests.messages)
            },
        )


def _content(message: Http1Message) -> Content:
    coding = content_coding(message.values(b"content-encoding"))
    transfer_codings = message.values(b"transfer-encoding")
    body = bytes(message.body)
    return Content(
        message_bytes=None if transfer_codings not in ([], [b"chunked"]) else inflated_bytes(body, coding),
        compressed_bytes=len(body),
        coding=coding if body else IDENTITY,
        complete=message.complete,
        headers=tuple(message.fields),
        compressed=(body,) if body and coding == GZIP else (),
    )
