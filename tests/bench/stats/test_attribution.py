"""Attribution of a difference with known parts: they are recovered, add up, and their intervals cover them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.load_models import ClosedLoad, Load
from bench.results import Cell, Estimate
from bench.stats.attribution import Compared, byte_parts, compared, latency_parts
from bench.wire.results import Bytes, SetupSizes, Sizes
from bench.workloads import Workload
from consumers.registry import CONSUMERS
from tests.bench.stats.noise import Noise, slice_logs, slices_of, with_columns

FIRST, SECOND = "alpha", "beta"
"""Not the lab's own: the statistics must not depend on protocols."""
ENCODING, TRANSPORT, LIBRARY = -20_000.0, 60_000.0, 90_000.0
BASE = 200_000.0
INTERACTION = 8_000.0
WORLD = {(0, 0): 0.0, (0, 1): ENCODING, (1, 0): TRANSPORT, (1, 1): TRANSPORT + ENCODING + INTERACTION}
"""Without the library, by transport and encoding. Half of the interaction is the encoding's, half the transport's."""


@pytest.fixture(autouse=True)
def _two_protocols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONSUMERS, FIRST, {"x": "", "y": ""})
    monkeypatch.setitem(CONSUMERS, SECOND, {"y": "", "x": ""})


def cell(transport: int, encoding: int, client: str = "library", load: Load | None = None, **given: object) -> Cell:
    protocol, dialect = (FIRST, SECOND)[transport], "xy"[encoding]
    return Cell(
        id=f"{protocol}-{dialect}-{client}",
        protocol=protocol,
        dialect=dialect,
        client=client,
        gzip=False,
        tls=False,
        workload=Workload(name="get"),
        load=load or ClosedLoad(concurrency=1),
        **given,  # type: ignore[arg-type]
    )


def corners(clients: Sequence[str] = ("library", "raw")) -> Iterator[tuple[int, int, str, float]]:
    """Transport, encoding, client, and the true latency."""
    for client in clients:
        for (transport, encoding), latency_ns in WORLD.items():
            library = (30_000.0 + transport * LIBRARY) if client == "library" else 0.0
            yield transport, encoding, client, BASE + latency_ns + library


def still(latency_ns: float, instances: int = 4, rounds: int = 8) -> NDArray[np.float64]:
    """Equal in every instance, with a drift over rounds that all cells share."""
    return np.full((instances, rounds), latency_ns) * np.linspace(1.0, 1.3, rounds)[None, :] / 1.15


def quiet(clients: Sequence[str] = ("library", "raw"), **shape: int) -> list[Cell]:
    return [
        cell(transport, encoding, client, slices=slices_of(still(latency_ns, **shape)))
        for transport, encoding, client, latency_ns in corners(clients)
    ]


def noisy(rng: np.random.Generator, noise: Noise, instances: int, rounds: int) -> list[Cell]:
    machine = noise.round * rng.standard_normal((instances, rounds))
    restart = {name: noise.restart * rng.standard_normal(instances) for name in (FIRST, SECOND)}
    made = []
    for transport, encoding, client, latency_ns in corners():
        luck = restart[(FIRST, SECOND)[transport]] + noise.luck * rng.standard_normal(instances)
        logs = slice_logs(rng, float(np.log(latency_ns)), luck, machine, noise)
        made.append(cell(transport, encoding, client, slices=slices_of(np.exp(logs))))
    return made


def only(cells: Sequence[Cell]) -> Compared:
    (found,) = compared(cells)
    return found


def test_known_parts_are_recovered_and_sum_exactly() -> None:
    found = only(quiet())
    assert (found.baseline, found.other, found.encodings) == (FIRST, SECOND, ("x", "y"))
    parts = latency_parts(found)
    assert parts is not None
    assert parts.transport is not None
    assert parts.library is not None
    assert parts.encoding.value == pytest.approx(ENCODING + INTERACTION / 2)
    assert parts.transport.value == pytest.approx(TRANSPORT + INTERACTION / 2)
    assert parts.library.value == pytest.approx(LIBRARY)
    assert parts.rest.value == pytest.approx(parts.transport.value + parts.library.value)
    assert parts.whole.value == pytest.approx(ENCODING + TRANSPORT + INTERACTION + LIBRARY)
    assert (parts.whole.low, parts.whole.high) == pytest.approx((parts.whole.value, parts.whole.value))


def test_parts_sum_to_the_whole_with_any_noise() -> None:
    parts = latency_parts(only(noisy(np.random.default_rng(5), Noise(), instances=5, rounds=9)))
    assert parts is not None
    assert parts.transport is not None
    assert parts.library is not None
    summed = parts.encoding.value + parts.transport.value + parts.library.value
    assert summed == pytest.approx(parts.whole.value, rel=1e-9)


def test_disturbed_slices_do_not_move_the_parts() -> None:
    cells = noisy(np.random.default_rng(2), Noise(restart=0.0, luck=0.0), instances=6, rounds=200)
    parts = latency_parts(only(cells))
    assert parts is not None
    assert parts.library is not None
    assert parts.library.value == pytest.approx(LIBRARY, rel=0.05)
    assert parts.encoding.value == pytest.approx(ENCODING + INTERACTION / 2, rel=0.2)


@pytest.mark.no_cover
def test_95_percent_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(11)
    truths = {
        "whole": ENCODING + TRANSPORT + INTERACTION + LIBRARY,
        "encoding": ENCODING + INTERACTION / 2,
        "transport": TRANSPORT + INTERACTION / 2,
        "library": LIBRARY,
    }
    runs = 250
    covered = dict.fromkeys(truths, 0)
    for _ in range(runs):
        # Disturbed slices move all medians by a factor, which the intervals are not meant to cover.
        parts = latency_parts(only(noisy(rng, Noise(spoiled=0.0), instances=7, rounds=7)))
        for name, truth in truths.items():
            estimate: Estimate = getattr(parts, name)
            assert estimate.low is not None
            assert estimate.high is not None
            covered[name] += estimate.low <= truth <= estimate.high
    # 95 % of 250; a lower count has a probability below 1 in 10,000.
    assert all(count >= 0.89 * runs for count in covered.values()), covered


def test_without_the_raw_client_transport_and_library_are_one_part() -> None:
    parts = latency_parts(only(quiet(("library",))))
    assert parts is not None
    assert (parts.transport, parts.library) == (None, None)
    assert parts.rest.value == pytest.approx(TRANSPORT + INTERACTION / 2 + LIBRARY)


def test_cells_that_take_part_in_some_rounds_only_are_compared_within_those() -> None:
    # The raw client has the slowest rounds only: paired within those, the drift cancels.
    cells = [
        with_columns(
            each,
            p50_ns=[
                value if number >= 5 or each.client == "library" else None
                for value, number in zip(each.slices.p50_ns, each.slices.round, strict=True)
            ],
        )
        for each in quiet()
    ]
    parts = latency_parts(only(cells))
    assert parts is not None
    assert parts.library is not None
    assert parts.library.value == pytest.approx(LIBRARY, rel=1e-6)


def test_one_instance_has_no_interval() -> None:
    parts = latency_parts(only(quiet(instances=1)))
    assert parts is not None
    assert (parts.whole.low, parts.whole.high, parts.encoding.low) == (None, None, None)


def test_instances_without_every_cell_or_cut_short_are_left_out() -> None:
    def kept(first: bool, instance: int, number: int) -> bool:
        return not (instance == 2 and first) and not (instance == 1 and number > 0)

    cells = [
        with_columns(
            each,
            p50_ns=[
                value if kept(position == 0, instance, number) else None
                for value, instance, number in zip(
                    each.slices.p50_ns, each.slices.instance, each.slices.round, strict=True
                )
            ],
        )
        for position, each in enumerate(quiet(instances=3))
    ]
    parts = latency_parts(only(cells))
    assert parts is not None
    assert parts.whole.low is None, "one instance is left"
    cells[0] = with_columns(cells[0], p50_ns=[None] * len(cells[0].slices.p50_ns))
    assert latency_parts(only(cells)) is None


@pytest.mark.parametrize("missing", range(4))
def test_four_cells_are_needed(missing: int) -> None:
    cells = quiet(("library",))
    del cells[missing]
    assert compared(cells) == []
    assert compared([]) == []


def test_only_measured_latency_cells_of_one_setting_are_compared() -> None:
    cells = quiet(("library",))
    for changed in (
        replace(cells[3], status="failed"),
        replace(cells[3], gzip=True),
        replace(cells[3], load=ClosedLoad(concurrency=16)),
    ):
        assert compared([*cells[:3], changed]) == []


def test_protocols_that_do_not_share_their_encodings_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = quiet(("library",))
    monkeypatch.setitem(CONSUMERS, SECOND, {"y": ""})
    assert compared(cells) == []
    monkeypatch.setitem(CONSUMERS, SECOND, {"x": "", "y": ""})
    assert compared(cells) == [], "both have the same of their own"


def with_bytes(message: dict[tuple[int, int], float], framing: dict[tuple[int, int], float]) -> list[Cell]:
    cells = []
    for transport, encoding, _, _ in corners(("library",)):
        corner = transport, encoding
        request = Sizes(compressed_bytes=10.0 * transport, wire_bytes=10.0 * transport + 100 - 60 * transport)
        response = Sizes(compressed_bytes=message[corner], wire_bytes=message[corner] + framing[corner])
        cells.append(cell(transport, encoding, bytes=Bytes(request=request, response=response, setup=SetupSizes())))
    return cells


def test_bytes_are_attributed_to_message_and_framing() -> None:
    cells = with_bytes(
        message={(0, 0): 1400.0, (0, 1): 1100.0, (1, 0): 1400.0, (1, 1): 1100.0},
        framing={(0, 0): 225.0, (0, 1): 231.0, (1, 0): 64.0, (1, 1): 64.0},
    )
    answer = byte_parts(only(cells), "response")
    assert answer is not None
    assert (answer.encoding_content, answer.encoding_framing) == (-300.0, 3.0)
    assert (answer.transport_content, answer.transport_framing) == (0.0, -164.0)
    assert answer.whole == (1100.0 + 64.0) - (1400.0 + 225.0)
    request = byte_parts(only(cells), "request")
    assert request is not None
    assert (request.transport_content, request.transport_framing, request.encoding_content) == (10.0, -60.0, 0.0)
    assert latency_parts(only(cells)) is None


def test_unknown_bytes_are_not_attributed() -> None:
    assert byte_parts(only(quiet()), "response") is None
