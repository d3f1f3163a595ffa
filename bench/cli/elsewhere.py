"""Flags that other commands have: what to do where a command is given one of them."""

from collections.abc import Mapping

ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "slo": {
        "--scheduler": "is a flag of run, as a search sends from this machine alone; give run the rates instead: "
        "run --scheduler ADDRESS --target PROTOCOL=URL --rate 500,1000,2000"
    },
    "sizes": {
        "--scheduler": "is a flag of run; bytes are counted on this machine, and are the same from any other: leave it "
        "out"
    },
    "instructions": {
        "--scheduler": "is a flag of run; instructions are counted on this machine, one request at a time: leave it "
        "out",
        **dict.fromkeys(
            ("--replicas", "--balance", "--workers"),
            "is a flag of run; instructions of one front and one producer process are counted: leave it out",
        ),
    },
}
"""What goes on after the flag, by command."""
