"""Messages of load processes: answers in which a producer has repeated the value of a header."""

from bench.load.messages import Done, Recorded, SliceDone, Verification, without_values
from bench.results import Cause
from bench.slices import Slice
from consumers.access import REDACTED, Header

SECRET = "s3cret-t0ken"
HEADERS = (Header(name="Authorization", value=f"Bearer {SECRET}"),)


def failed(text: str) -> Cause:
    return Cause(kind="unexpected_answer", text=text, count=1, detail=text)


def test_values_of_headers_are_replaced_in_every_text() -> None:
    found = without_values(Verification(cause=failed(SECRET), text=f"no {SECRET} here"), HEADERS)
    assert found == Verification(cause=failed(REDACTED), text=f"no {REDACTED} here")
    done = SliceDone(slice=Slice(ok=3, p50_ns=1.5), outcomes={"ok": 3, SECRET: 1}, causes=[failed(f"Bearer {SECRET}")])
    replaced = SliceDone(slice=done.slice, outcomes={"ok": 3, REDACTED: 1}, causes=[failed(REDACTED)])
    assert without_values(done, HEADERS) == replaced
    assert without_values(Done(), HEADERS) == Done()
    assert without_values(done, ()) is done


def test_histograms_are_left_as_they_are() -> None:
    recorded = Recorded(latency={"cell": SECRET}, service={}, problems=(f"not closed: {SECRET}",))
    replaced = Recorded(latency={"cell": SECRET}, service={}, problems=(f"not closed: {REDACTED}",))
    assert without_values(recorded, HEADERS) == replaced
