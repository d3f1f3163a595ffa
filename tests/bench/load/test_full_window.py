"""Requests in flight, computed from timestamps, compared with windows computed by hand."""

from bench.load.closed_loop import FullWindow


def test_filling_and_draining_are_outside_the_window() -> None:
    window = FullWindow(2)
    window.began(0)
    window.ended(0, 5)  # over before the second was sent: outside
    window.began(10)
    window.ended(6, 20)  # 10 of its 14 inside
    window.ended(10, 30)
    window.ended(20, 40)
    window.close(50)
    window.ended(30, 60)  # 20 inside
    window.ended(40, 70)  # 10 inside
    assert window.window_ns == 40
    assert window.in_flight_ns == 10 + 20 + 20 + 20 + 10


def test_time_between_a_response_and_the_next_request_is_not_in_flight() -> None:
    window = FullWindow(1)
    window.began(0)
    for sent_ns in range(0, 1000, 100):
        window.ended(sent_ns, sent_ns + 90)
    window.close(1000)
    assert window.in_flight_ns / window.window_ns == 0.9


def test_the_turnaround_is_counted_within_the_window_only() -> None:
    window = FullWindow(2)
    window.began(0)
    window.followed(3, 5)  # before the second was sent: outside
    window.began(10)
    window.followed(8, 14)  # 4 of its 6 inside
    window.followed(30, 33)
    window.close(50)
    window.followed(51, 60)
    assert window.turnaround_ns == 4 + 3


def test_a_window_that_never_filled_is_empty() -> None:
    window = FullWindow(3)
    window.began(0)
    window.began(1)
    window.close(5)
    window.began(6)
    window.ended(0, 10)
    window.close(20)
    assert (window.window_ns, window.in_flight_ns) == (0, 0)
