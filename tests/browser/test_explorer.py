"""The first screen: its controls and sliders do what they say, and predict what `bench advise` predicts."""

import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from bench import run_file
from bench.model.choices import Choices, Conditions
from bench.model.parts import Parts, parts_of
from bench.model.predict import exactly
from bench.network.profile import parse
from bench.report import names, units
from bench.results import Run
from bench.workloads import Workload
from tests.browser.conftest import Open, Opened
from tests.support import programs
from tests.support.model_runs import Asked, known_run
from tests.support.runs import SIXTEEN, cell, latency_ratio, rate_ratio, run, small

ROUND_TRIPS = {0: "0us", 1: "100us", 4: "1ms", 9: "40ms", 12: "300ms"}
"""Steps of the slider, and what they stand for."""
RATES = {0: "", 2: "5gbit", 8: "50mbit", 13: "1mbit"}
MS = units.DURATIONS_NS[2]


@cache
def predictable() -> Run:
    return known_run(Asked(pages=(20,), connections=("persistent",)))


@cache
def parts() -> Parts:
    return parts_of(predictable())


def named(found: Opened) -> dict[str, list[str]]:
    """The rows of the table by the name of their configuration."""
    return {row[0]: row[1:] for row in found.table()}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("workload", parts().payload_bytes, ids=lambda each: each.label)
def test_sliders_predict_what_advise_predicts(open_report: Open, workload: Workload, *, tls: bool) -> None:
    found = open_report(predictable(), f"#workload={workload.label}&tls={'on' if tls else 'off'}&baseline=2")
    choices, at = Choices(parts()), exactly(parts(), workload)
    for (rtt_step, rtt), (rate_step, rate) in product(ROUND_TRIPS.items(), RATES.items()):
        if rtt_step == rate_step == 0:
            continue
        found.slide("rtt", rtt_step)
        found.slide("down", rate_step)
        link = parse(f"rtt={rtt}" + (f",down={rate},up={rate}" if rate else ""))
        conditions = Conditions(at=at, link=link, tls=tls)
        rows = named(found)
        ranked = choices.ranked(conditions)
        assert len(rows) == len(ranked) == 6
        for each in ranked:
            variant = "+".join(word for word, on in (("gzip", each.option.gzip), ("TLS", tls)) if on) or "plain"
            value, ratio, _ = rows[f"{names.series(each.option.series)} {variant}"]
            assert value.startswith(f"≈ {units.number(each.prediction.latency_ns.value, MS)} ")
            other = each.option.of_series(choices.parts.options(tls=tls)[-1].series)
            expected = choices.ratio(each.option, other, conditions)
            assert expected is not None
            if each.option == other:
                assert ratio == "baseline"
            else:
                interval = units.ratio_interval(expected).strip(" ()")
                assert ratio.startswith(f"{units.ratio_value(expected)}× {interval} ")
                assert ratio.endswith(expected.verdict)


def test_the_command_on_the_page_gives_the_same_figures(open_report: Open, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(run_file.encode(predictable()))
    found = open_report(predictable(), "#workload=list20&tls=on&rtt=20ms&down=10mbit")
    command = found.texts("#advise")[0].replace("RUN.json", str(path)).removeprefix("python -m ").split()
    done = programs.run_here(*command)
    assert done.stderr == ""
    table = done.stdout.partition("Predicted latency")[2]
    for name, (value, *_) in named(found).items():
        option = re.sub(r" (?:gzip\+)?TLS$", "", name) + (" with gzip" if "gzip" in name else "")
        line = re.search(rf"^{re.escape(option)} +([\d.,]+) ", table, re.MULTILINE)
        assert line is not None
        assert line.group(1) == value.split()[1]


def test_a_prediction_says_that_it_is_one_and_how_wrong_it_may_be(open_report: Open) -> None:
    found = open_report(predictable())
    assert found.texts("#prediction") == [""]
    found.slide("rtt", 9)
    (sentence,) = found.texts("#prediction")
    assert sentence.startswith("Predicted for 40 ms RTT: ")
    assert sentence.endswith("Error of the model: ±3 %.")
    assert "without a clear difference from" in sentence
    assert "is fastest" not in sentence
    assert found.page.locator("input[name=rtt]").get_attribute("aria-valuetext") == "40 ms"
    assert "predicted" in found.texts("#view-caption")[0]
    assert found.page.locator("#chart [stroke-dasharray='3 3']").count() >= 1


def test_only_what_verdicts_show_is_called_the_fastest(open_report: Open) -> None:
    (sentence,) = open_report(predictable(), "#rtt=100us").texts("#prediction")
    assert "HTTP/JSON is fastest, 0.205 ms; GraphQL gzip+TLS takes longest" in sentence


def test_the_first_values_are_those_of_the_page_without_scripts(open_report: Open) -> None:
    given = small()
    scripted = open_report(given)
    still = open_report(given, java_script_enabled=False)
    assert scripted.table() == still.table()
    assert scripted.texts("#view-head th") == still.texts("#view-head th")
    assert scripted.texts("#view-caption") == still.texts("#view-caption")
    assert still.page.locator("table.start .bar").first.is_visible()
    assert not still.page.locator("#controls").is_visible()


def test_the_chart_has_a_row_for_each_row_of_the_table(open_report: Open) -> None:
    found = open_report(small())
    drawn = found.texts("#chart svg text")
    assert {"HTTP/JSON", "GraphQL", "gRPC", "150", "450", "300", "median latency, µs (lower is better)"} <= set(drawn)
    found.page.locator("input[value=relative]").check()
    drawn = found.texts("#chart svg text")
    assert {"baseline", "3.00×", "2.00×"} <= set(drawn)
    assert any("median latency × HTTP/JSON" in text for text in drawn)


def test_controls_choose_what_is_shown(open_report: Open) -> None:
    found = open_report(predictable())
    assert len(found.table()) == 12
    found.choose(gzip="on", tls="off")
    assert [row[0] for row in found.table()] == ["HTTP/JSON gzip", "GraphQL gzip", "gRPC gzip"]
    found.choose(workload="list20", measure="bytes")
    assert found.texts("#view-head th")[1] == "bytes on the wire, B"
    http = next(each for each in predictable().cells if each.id == "http-list20-gzip-c1-persistent")
    assert http.bytes is not None
    wire = (http.bytes.request.wire_bytes or 0) + (http.bytes.response.wire_bytes or 0)
    assert found.table()[0][1] == f"{wire:,.0f}"
    found.page.click("#reset")
    assert len(found.table()) == 12


def test_throughput_that_the_client_limited_is_a_bound_and_higher_is_better(open_report: Open) -> None:
    found = open_report(small())
    found.choose(measure="rate-c16")
    assert found.texts("#view-head th")[1] == "requests/s"
    assert named(found)["gRPC plain"][1] == "0.950× 0.800–1.100 ? too noisy"
    assert any("higher is better" in text for text in found.texts("#chart svg text"))


def test_any_protocol_can_be_the_baseline(open_report: Open) -> None:
    given = run(
        [
            cell("http"),
            cell("graphql", ratio=latency_ratio("http-get-c1", 3.0, "slower")),
            cell("http", load=SIXTEEN),
            cell("graphql", load=SIXTEEN, ratio=rate_ratio("http-get-c16", 0.25, "slower")),
        ]
    )
    found = open_report(given)
    found.choose(baseline="1")
    assert named(found)["HTTP/JSON plain"][1] == "0.333× 0.303–0.370 ▼ faster"
    assert named(found)["GraphQL plain"][1] == "baseline"


def test_a_protocol_can_be_compared_with_itself(open_report: Open) -> None:
    found = open_report(predictable(), "#baseline=own&tls=off")
    ratios = {name: row[1] for name, row in named(found).items()}
    assert ratios["GraphQL plain"] == "baseline"
    assert re.fullmatch(r"1\.\d+× [\d.]+–[\d.]+ ▲ slower", ratios["GraphQL gzip"])


def test_headings_sort_the_table_and_the_chart(open_report: Open) -> None:
    found = open_report(small())
    found.page.click("[data-sort=value]")
    assert [row[0] for row in found.table()] == ["HTTP/JSON plain", "gRPC plain", "GraphQL plain"]
    assert found.page.locator("th[aria-sort=ascending]").count() == 1
    found.page.click("[data-sort=order]")
    assert [row[0] for row in found.table()] == ["HTTP/JSON plain", "GraphQL plain", "gRPC plain"]


def test_a_link_shows_what_its_sender_saw(open_report: Open) -> None:
    sender = open_report(predictable())
    sender.choose(workload="list20", gzip="on", baseline="own")
    sender.slide("rtt", 9)
    sender.slide("down", 9)
    sender.page.locator("input[value=relative]").check()
    sender.page.click("[data-sort=ratio]")
    fragment = sender.page.evaluate("location.hash")
    assert "rtt=40ms" in fragment
    assert "down=20mbit" in fragment
    receiver = open_report(predictable(), fragment)
    assert receiver.table() == sender.table()
    assert receiver.texts("#chart svg text") == sender.texts("#chart svg text")


def test_a_link_with_nonsense_shows_the_start(open_report: Open) -> None:
    nonsense = "#workload=%3Cscript%3E&gzip=maybe&measure=x&rtt=7ms&down=NaN&sort=__proto__&show="
    assert open_report(small(), nonsense).table() == open_report(small()).table()


def test_what_is_shown_can_be_copied(open_report: Open) -> None:
    found = open_report(small())
    found.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    found.page.click("#copy-markdown")
    text = found.page.evaluate("window.copied")
    assert "| GraphQL | 450 (405–495) | 3.00× (2.70–3.30) slower | 2,000 |" in text.splitlines()
    found.page.click("#copy-csv")
    lines = found.page.evaluate("window.copied").splitlines()
    assert lines[0].startswith("protocol,variant,measure,unit,predicted,value,low,high,baseline,ratio,")
    assert "GraphQL,plain," in lines[2]
    assert ",450,405,495,HTTP/JSON,3,2.7,3.3" in lines[2]
    assert found.texts("#copied") == ["Copied."]


def test_hovering_and_arrow_keys_say_value_interval_and_samples(open_report: Open) -> None:
    found = open_report(small())
    expected = "GraphQL · 450 µs (405–495) · 3.00× HTTP/JSON (2.70–3.30) slower · n = 2,000"
    dot = found.page.locator("#chart svg g path").nth(1)
    dot.hover(force=True)
    found.page.wait_for_function("document.getElementById('readout').textContent")
    assert found.texts("#readout") == [expected]
    chart = found.page.locator("#chart")
    chart.focus()
    for _ in range(4):
        chart.press("ArrowDown")
    assert found.texts("#readout")[0].startswith("HTTP/JSON · 150 µs")
    chart.press("ArrowUp")
    assert found.texts("#readout")[0].startswith("gRPC · 300 µs")
    assert found.texts("#view-body .selected th") == ["gRPC plain"]
