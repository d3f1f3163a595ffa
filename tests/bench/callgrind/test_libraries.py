"""Shared objects have the same short name on every machine, and belong to the part whose work they do."""

import pytest

from bench.callgrind.libraries import (
    INTERPRETER,
    LOOP,
    MESSAGES,
    OTHER,
    PARTS,
    PROTOCOL,
    TLS,
    ZLIB,
    by_part,
    library,
    part,
)

SITE = "/home/me/.venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("path", "name", "does"),
    [
        ("/opt/python/lib/libpython3.11.so.1.0", "libpython3.11.so.1.0", INTERPRETER),
        ("/usr/bin/python3.11", "python3.11", INTERPRETER),
        ("/usr/lib/python3.11/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so", "stdlib/_json", MESSAGES),
        ("/usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", "stdlib/_ssl", TLS),
        ("/usr/lib/python3.11/lib-dynload/zlib.cpython-311-x86_64-linux-gnu.so", "stdlib/zlib", ZLIB),
        ("/usr/lib/python3.11/lib-dynload/_struct.cpython-311-x86_64-linux-gnu.so", "stdlib/_struct", INTERPRETER),
        (f"{SITE}/uvloop/loop.cpython-311-x86_64-linux-gnu.so", "uvloop/loop", LOOP),
        (f"{SITE}/msgspec/_core.cpython-311-x86_64-linux-gnu.so", "msgspec/_core", MESSAGES),
        (f"{SITE}/google/_upb/_message.abi3.so", "google/_upb/_message", MESSAGES),
        (f"{SITE}/aiohttp/_http_parser.cpython-311-x86_64-linux-gnu.so", "aiohttp/_http_parser", PROTOCOL),
        (f"{SITE}/grpc/_cython/cygrpc.cpython-311-aarch64-linux-gnu.so", "grpc/_cython/cygrpc", PROTOCOL),
        ("/usr/sbin/haproxy", "haproxy", PROTOCOL),
        ("/usr/sbin/nginx", "nginx", PROTOCOL),
        (f"{SITE}/envoy/_bin/envoy", "envoy/_bin/envoy", PROTOCOL),
        ("/lib/x86_64-linux-gnu/libcrypto.so.3", "libcrypto.so.3", TLS),
        ("/lib/x86_64-linux-gnu/libz.so.1.2.13", "libz.so.1.2.13", ZLIB),
        ("/lib/x86_64-linux-gnu/libc.so.6", "libc.so.6", OTHER),
        (f"{SITE}/something/new.abi3.so", "something/new", OTHER),
        ("???", "", OTHER),
    ],
)
def test_names_and_parts(path: str, name: str, does: str) -> None:
    assert library(path) == name
    assert part(name) == does


def test_parts_sum_to_the_whole() -> None:
    found = by_part({"libpython3.11.so.1.0": 5.0, "stdlib/_struct": 1.0, "": 2.0})
    assert list(found) == list(PARTS)
    assert found[INTERPRETER] == 6.0
    assert sum(found.values()) == 8.0
