"""Flags that have no effect beside others are refused: a case for each flag of the table, and what stays allowed."""

from pathlib import Path

import pytest

from bench.cli.without_effect import WITHOUT_EFFECT
from tests.support.programs import assert_one_line_error, run_here

FILE = "pyproject.toml"
TLS_TARGET = "--target http=https://localhost:1"
ACCESS = [
    ("--ca", f"--ca {FILE} --target http=localhost:1"),
    ("--ca", f"--ca {FILE}"),
    ("--ca", f"--ca {FILE} --insecure {TLS_TARGET}"),
    ("--cert", f"--cert {FILE} --target grpc=grpc://localhost:1"),
    ("--key", f"--key {FILE} {TLS_TARGET}"),
    ("--insecure", "--insecure"),
    ("--tls-min", "--tls-min 1.3 --target http=localhost:1"),
]
REFUSED = [
    *((command, *case) for command in ("run", "slo", "sizes") for case in ACCESS),
    ("run", "--replicas", "--replicas 2"),
    ("slo", "--replicas", "--replicas 2 --front none"),
    ("run", "--balance", "--balance least --front haproxy"),
    ("slo", "--balance", "--balance request --front haproxy --replicas 1"),
    ("sizes", "--gzip-at", "--gzip-at front --gzip on"),
    ("run", "--gzip-at", "--gzip-at front --gzip off --front haproxy"),
    ("slo", "--gzip-at", "--gzip-at front --front haproxy"),
    ("sizes", "--tls-at", "--tls-at both --tls off --front haproxy"),
    ("rollout", "--replicas", "--replicas 2 --front none"),
    ("rollout", "--check-interval", "--check-interval 1 --front none"),
    ("rollout", "--retries", "--retries 1 --front none"),
    ("rollout", "--tls-at", "--tls-at both"),
    ("rollout", "--tls-at", "--tls-at producer --tls on --front none"),
    ("front_health", "--tls-at", "--tls-at both --tls off"),
    ("front_keep_alive", "--front-keep-alive", "--front-keep-alive 5 --front none"),
    ("front_keep_alive", "--retries", "--retries 1 --front none"),
    ("front_keep_alive", "--closed-by", "--closed-by front --front none"),
    ("front_keep_alive", "--retries", "--retries 1 --closed-by front"),
    ("front_keep_alive", "--producer-keep-alive", "--producer-keep-alive 5 --closed-by front --front nginx"),
    ("front_keep_alive", "--consumer-keep-alive", "--consumer-keep-alive 5"),
    ("front_streams", "--streams-at", "--streams-at producer --front none"),
    ("front_show", "--replicas", "haproxy --replicas 3 --upstream a:1"),
    ("front_show", "--gzip-level", "haproxy --gzip-level 3"),
    ("front_show", "--rise", "haproxy --check-interval 0 --rise 3"),
    ("front_show", "--fall", "haproxy --check-interval 0 --fall 3"),
    ("run", "--tls-at", "--tls-at pass --front none"),
    ("slo", "--tls-at", "--tls-at pass --front haproxy"),
    ("run", "--concurrency", "--rate 5 --concurrency 4"),
    ("run", "--arrivals", "--arrivals constant"),
    ("run", "--slice-ms", "--slice-ms 1000 --rate 5"),
    ("run", "--load-workers", "--load-workers 3"),
    *(
        (command, flag, f"{flag} {value} --request-file own.toml")
        for command, flags in {
            "run": {"--ids": "1", "--expect": "recipes"},
            "sizes": {"--seed": "1"},
        }.items()
        for flag, value in {
            "--workload": "get",
            "--page-size": "5",
            "--recipes": "mine.json",
            "--renumber": "",
            "--dialect": "json",
            **flags,
        }.items()
    ),
    ("slo", "--workload", "--workload get --request-file own.toml"),
    ("slo", "--recipes", "--recipes mine.json --request-file own.toml"),
    ("slo", "--renumber", "--renumber --request-file own.toml"),
    ("run", "--threshold", "--threshold 2%"),
    ("run", "--until", "--until 3% --rounds 5"),
    ("run", "--until", "--until 3% --quick"),
    ("run", "--seconds", "--seconds 60 --rounds 5"),
    ("run", "--page-size", "--page-size 5 --workload get,create"),
    ("run", "--ids", "--ids 42 --workload list"),
    ("run", "--instances", "--instances 2 --target http=localhost:1"),
    ("run", "--recipes", "--recipes generated:9 --target http=localhost:1 --ids 1 --expect none"),
    ("run", "--gzip-level", "--gzip-level 9 --target http=localhost:1"),
    ("run", "--gzip-level", "--gzip-level 6 --gzip off"),
    ("run", "--tables", "--json --tables all"),
    ("run", "--explain", "--json --explain"),
    ("slo", "--page-size", "--page-size 5"),
    ("sizes", "--page-size", "--page-size 5 --workload get"),
    ("sizes", "--seed", "--seed 2 --workload list,create"),
    ("sizes", "--gzip-level", "--gzip-level 9 --gzip off"),
    ("sizes", "--gzip-level", "--gzip-level 9 --target http=localhost:1"),
    ("sizes", "--tables", "--json --tables all"),
    ("sizes", "--explain", "--json --explain"),
    ("instructions", "--threshold", "--threshold 2%"),
    ("instructions", "--page-size", "--page-size 5 --workload fields"),
    ("instructions", "--seed", "--seed 2 --workload list"),
    ("instructions", "--gzip-level", "--gzip-level 9 --gzip off"),
    ("instructions", "--gzip-at", "--gzip-at front"),
    ("instructions", "--tls-at", "--tls-at both --tls off --front nginx"),
    ("advise", "--recipes", "--payload 1kB --rtt 1ms --run r.json --recipes generated"),
    ("advise", "--renumber", "--payload 1kB --rtt 1ms --run r.json --renumber"),
    ("advise", "--measure", "--payload 1kB --rtt 1ms --run r.json --measure"),
    ("compare", "--force", "r.json --force"),
    ("history", "--threshold", "r.json --threshold 5%"),
    ("report", "--tables", "r.json --json --tables all"),
    ("report", "--explain", "r.json --format markdown --explain"),
    ("report", "--json", "r.json --format csv --json"),
    ("report", "--out", "r.json --format csv --out r.csv"),
    ("report", "--out", "r.json --explain --out r.html"),
]


@pytest.mark.parametrize(("command", "flag", "arguments"), REFUSED, ids=lambda value: value)
def test_a_flag_without_effect_is_refused(command: str, flag: str, arguments: str) -> None:
    words = [word.replace("_", "-") for word in command.split("_", 1)]
    done = run_here("bench", *words, *arguments.split())
    assert_one_line_error(done, 2, f"{flag} has no effect")


def test_every_flag_of_the_table_has_a_case() -> None:
    declared = {(name, flag) for name, rows in WITHOUT_EFFECT.items() for row in rows for flag in row.flags}
    assert declared == {(command, flag) for command, flag, _ in REFUSED}


@pytest.mark.parametrize(
    "arguments",
    [
        "--rate 5 --arrivals constant --slice-ms 1001",
        "--page-size 5 --workload get,batch --ids 42",
        "--gzip on --gzip-level 9",
        "--ab HEAD --threshold 3% --seed 5",
        "--target http=localhost:1 --target grpc=grpcs://localhost:2 --insecure --tls-min 1.3",
        "--target http=localhost:1 --recipes generated:9 --expect none",
        "--out r.json --note why --json",
    ],
)
def test_flags_with_an_effect_are_taken(arguments: str, tmp_path: Path) -> None:
    words = [str(tmp_path / word) if word == "r.json" else word for word in arguments.split()]
    done = run_here("bench", "run", "--dry-run", *words)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("objectives", "named"),
    [
        ("errors<200%", "'errors<200%': there are never more than 100% errors"),
        ("p99<3s", "p99<3s is met by every response within the timeout of 2 s"),
        ("p99<20ms p50<30ms", "p50<30ms has no effect beside p99<20ms"),
        ("errors<1% errors<2%", "errors<2% has no effect beside errors<1%"),
        ("p99<20ms p99<20ms", "p99<20ms has no effect beside p99<20ms"),
    ],
)
def test_an_objective_without_effect_is_refused(objectives: str, named: str) -> None:
    flags = [word for objective in objectives.split() for word in ("--slo", objective)]
    assert_one_line_error(run_here("bench", "slo", *flags), 2, f"--slo: {named}")


@pytest.mark.parametrize("command", ["run", "slo", "compare"])
def test_an_error_names_the_help_of_its_own_command(command: str) -> None:
    done = run_here("bench", command, "--nonsense")
    assert_one_line_error(done, 2, f"(see `python -m bench {command} --help`)")
