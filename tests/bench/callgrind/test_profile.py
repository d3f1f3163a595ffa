"""What callgrind writes: costs by shared object, with names that stand only once, and system calls."""

import pytest

from bench.callgrind.profile import NotAProfile, parse

DUMP = """# callgrind format
version: 1
positions: line
events: Ir sysCount sysTime
summary: 175 3 12

ob=(1) /usr/lib/libpython3.11.so.1.0
fl=(1) ???
fn=(1) run
0 100
cob=(2) /usr/lib/libc.so.6
cfi=(1)
cfn=(2) write
calls=5 0
0 60 3 12
0 10

ob=(2)
fl=(1)
fn=(2)
0 60 3 12

ob=(1)
fl=(1)
fn=(3) other
+3 5

totals: 175 3 12
"""


def test_own_costs_are_summed_by_object_and_calls_are_not_counted_twice() -> None:
    found = parse(DUMP)
    assert found.by_object == {"/usr/lib/libpython3.11.so.1.0": 115, "/usr/lib/libc.so.6": 60}
    assert (found.instructions, found.system_calls) == (175, 3)


def test_a_profile_may_lack_system_calls() -> None:
    found = parse("events: Ir\nob=/bin/true\nfn=main\n0 7\n")
    assert (found.instructions, found.system_calls, found.by_object) == (7, 0, {"/bin/true": 7})


def test_an_empty_window_has_no_costs() -> None:
    assert parse("events: Ir sysCount sysTime\ntotals: 0\n").instructions == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no events named Ir"),
        ("events: Dr\n", "no events named Ir"),
        ("events: Ir\nob=(3)\n", "object 3 has no name"),
        ("events: Ir\n0 12x\n", "'0 12x' is no line of costs"),
    ],
)
def test_what_is_no_profile_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(NotAProfile, match=reason):
        parse(text)
