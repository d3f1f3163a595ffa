"""The published table of hostile cases."""

from pathlib import Path

import msgspec
import pytest

from commands import command_line
from tests.hostile.table import MIB, VARIABLE, Case, app, case_name, markdown, record


def case(name: str = "flood of pings", port: str = "plain", answer: str = "closed", protocol: str = "grpc") -> Case:
    return Case(protocol, port, name, (answer,), 0.5, 50 * MIB, 2 * MIB, 51 * MIB)


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("test_rapid_reset[plain]", "rapid reset"),
        ("test_an_invalid_call_gets_its_status[tls-no-message]", "an invalid call gets its status: no-message"),
        ("test_a_body[http-plain-a gzip bomb]", "a body: a gzip bomb"),
        ("test_a_body[no gzip-graphql-tls]", "a body: no gzip"),
        (
            "test_connections_over_tls_must_negotiate_http_2[http-1-tls]",
            "connections over tls must negotiate http 2: http-1",
        ),
        ("test_rapid_reset[strict-plain]", "rapid reset"),
        ("test_an_invalid_call_gets_its_status[strict-tls-no-message]", "an invalid call gets its status: no-message"),
        ("test_nothing", "nothing"),
    ],
)
def test_a_case_is_named_after_its_test(node: str, name: str) -> None:
    assert case_name(node) == name


def test_both_ports_of_a_case_share_a_line() -> None:
    table = markdown([case(), case(port="tls", answer="GOAWAY | 11"), case(protocol="http"), case("zeros")])
    assert table.count("## ") == 2
    line = "| flood of pings | plain / tls | closed / GOAWAY \\| 11 | 0.50 / 0.50 | 50 / 50 | +2.0 / +2.0 | 51 / 51 |"
    assert line in table.splitlines()
    assert table.index("zeros") < table.index("## http"), "each protocol has its cases together"


def test_cases_are_recorded_in_the_file_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    record(case())
    kept = tmp_path / "cases.jsonl"
    monkeypatch.setenv(VARIABLE, str(kept))
    for each in (case(), case("zeros")):
        record(each)
    assert [msgspec.json.decode(line, type=Case) for line in kept.read_bytes().splitlines()] == [case(), case("zeros")]
    assert command_line.run(app, "table", [str(kept)]) == 0
    assert "| zeros |" in capsys.readouterr().out
