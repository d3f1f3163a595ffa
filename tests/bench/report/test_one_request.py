"""What `bench ask` shows of the bytes of one request."""

import pytest

from bench.report.costs import one_request
from tests.support.runs import cell


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_and_says_what_the_sizes_are_where_there_is_room(width: int) -> None:
    sizes = cell("http", gzip=True).bytes
    assert sizes is not None
    text = one_request("http://127.0.0.1:1", sizes, ["it ended"], gzip_requested=True, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert ("everything handed to TCP" in text) == (width >= 80)
    lines = [line.split()[:3] for line in text.splitlines()]
    assert ["message", "0", "1,200"] in lines
    assert ["setup", "500", "1,500"] in lines
    assert "Response encoding: gzip." in text
    assert "Unknown: it ended." in text
