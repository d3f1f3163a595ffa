"""Parsing networks given by name or description: canonical names, and errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.network import profile as profiles
from bench.network.profile import PROFILES, BadProfile, Profile, canonical, names, parse


def test_a_network_is_parsed_from_its_description() -> None:
    assert parse("rtt=40ms,down=20mbit,up=5mbit,jitter=5ms") == Profile(
        rtt_ns=40_000_000, down_bits_per_second=20_000_000, up_bits_per_second=5_000_000, jitter_ns=5_000_000
    )


def test_a_rate_that_is_left_out_is_unlimited() -> None:
    assert parse("rtt=0.5ms") == Profile(rtt_ns=500_000)


def test_a_name_selects_a_profile() -> None:
    assert parse("wifi") is PROFILES["wifi"]


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("loopback", "loopback"),
        ("4g", "4g"),
        ("up=5000kbit, rtt=0.04s,down=20mbit", "rtt=40ms,down=20mbit,up=5mbit"),
        ("rtt=1500us,jitter=0ms", "rtt=1.5ms"),
        ("rtt=0ms,down=2.5gbit", "rtt=0ms,down=2.5gbit"),
    ],
)
def test_every_spelling_of_a_network_has_one_canonical_name(written: str, called: str) -> None:
    assert canonical(written) == called


@given(
    rtt_ns=st.integers(0, profiles.ROUND_TRIP_NS_AT_MOST),
    rates=st.tuples(*[st.none() | st.integers(profiles.RATE_BPS_AT_LEAST, profiles.RATE_BPS_AT_MOST)] * 2),
    share=st.fractions(0, 1),
)
def test_a_printed_network_is_parsed_again(rtt_ns: int, rates: tuple[int | None, int | None], share: float) -> None:
    rtt_ns -= rtt_ns % 1000
    jitter_ns = int(rtt_ns * share) // 1000 * 1000
    written = Profile(rtt_ns=rtt_ns, down_bits_per_second=rates[0], up_bits_per_second=rates[1], jitter_ns=jitter_ns)
    assert parse(str(written)) == written


def test_a_comma_list_can_mix_names_and_descriptions() -> None:
    assert names(
        ["lan,rtt=40ms,down=20mbit,wifi", "rtt=80ms,up=1mbit", "lan", "loopback,rtt=0.04s,down=20000kbit"]
    ) == [
        "lan",
        "rtt=40ms,down=20mbit",
        "wifi",
        "rtt=80ms,up=1mbit",
        "loopback",
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5g", "'5g' is not one of loopback, lan, wifi, 4g, intercontinental"),
        ("rtt=40", "'rtt=40' is not a time from 0ms to 10s, in us, ms or s"),
        ("rtt=-1ms", "'rtt=-1ms' is not a time"),
        ("rtt=11s", "'rtt=11s' is not a time"),
        ("rtt=", "'rtt=' is not a time"),
        ("rtt=1ms,down=20", "'down=20' is not a rate from 1kbit to 100gbit"),
        ("rtt=1ms,up=0.5kbit", "'up=0.5kbit' is not a rate"),
        ("rtt=1ms,loss=1%", "'loss=1%' is not one of rtt=, down=, up=, jitter="),
        ("rtt=1ms,rtt=2ms", "rtt= is given twice"),
        ("down=1mbit", "'down=1mbit' has no rtt="),
        ("rtt=1ms,jitter=2ms", "jitter=2ms is more than rtt=1ms"),
        ("rtt=1ms\n2", "'rtt=1ms\\n2' is not a time"),
    ],
)
def test_errors_name_the_invalid_part_in_one_line(written: str, said: str) -> None:
    with pytest.raises(BadProfile) as raised:
        parse(written)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
