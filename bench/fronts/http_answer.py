"""The body of a recorded HTTP/1.1 response."""

import h11


def body_of(answer: bytes) -> bytes:
    """The whole body, without chunks. Raises ValueError unless the response is complete and a success."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "front")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    connection.receive_data(b"")
    body = b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response) and event.status_code != 200:
                raise ValueError(f"status {event.status_code}")
            if isinstance(event, h11.Data):
                body += bytes(event.data)
            elif not isinstance(event, h11.Response):
                raise ValueError("the response is incomplete")  # noqa: TRY004 - not a type that was passed
    except h11.RemoteProtocolError as error:
        raise ValueError(str(error)) from None
    return body
