"""Responses that are written at once."""

import pytest
from aiohttp import HttpVersion10, HttpVersion11

from producers.aiohttp_messages import WholeResponse, field_lines, http_date


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb"])
def test_no_value_can_begin_another_header_field(value: str) -> None:
    assert field_lines({"Link": "a", "Location": "/b"}) == "Link: a\r\nLocation: /b\r\n"
    with pytest.raises(ValueError, match="line break"):
        field_lines({"Link": value})


def test_a_response_has_a_status_line_its_length_a_date_and_its_body() -> None:
    head, _, body = WholeResponse(201, "X: y\r\n", b"body").encoded(HttpVersion11).partition(b"\r\n\r\n")
    start, field, length, date, connection = head.split(b"\r\n")
    assert (start, field, length) == (b"HTTP/1.1 201 Created", b"X: y", b"Content-Length: 4")
    assert date.startswith(b"Date: ")
    assert (connection, body) == (b"Connection: close", b"body")


def test_a_response_without_a_body_has_no_length() -> None:
    assert b"Content-Length" not in WholeResponse(304, "", None).encoded()
    to_head = WholeResponse(200, "", b"body").encoded(HttpVersion10, with_body=False)
    assert to_head.startswith(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n")
    assert to_head.endswith(b"\r\n\r\n")


def test_a_date_is_that_of_the_second() -> None:
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert http_date(784111778) == "Sun, 06 Nov 1994 08:49:38 GMT"
