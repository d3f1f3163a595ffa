"""Names for shared objects, and what part of a request's work each does. Pure."""

import re
from collections.abc import Mapping

INTERPRETER = "interpreter"
MESSAGES = "JSON or protobuf"
PROTOCOL = "HTTP, gRPC, proxy"
TLS = "TLS"
ZLIB = "zlib"
LOOP = "event loop"
OTHER = "C library, other"

PARTS = (INTERPRETER, MESSAGES, PROTOCOL, TLS, ZLIB, LOOP, OTHER)
"""What instructions are summed up by, in the order of tables and charts."""

_RULES: tuple[tuple[str, str], ...] = (
    (r"_ssl$|libssl\b|libcrypto\b", TLS),
    (r"^stdlib/zlib$|^libz\b|libz-ng|libdeflate|zlib_ng|isal", ZLIB),
    (r"^stdlib/_asyncio$|^stdlib/select$|^uvloop/", LOOP),
    (r"^msgspec/|^orjson/|^stdlib/_json$|^google/_upb/|protobuf", MESSAGES),
    (r"^(aiohttp|multidict|yarl|frozenlist|propcache|httptools|granian|grpc|grpclib|hpack)/", PROTOCOL),
    (r"^(haproxy|nginx|envoy)$|^envoy/", PROTOCOL),
    (r"^libpython|^python3?(\.\d+)?$|^stdlib/|__mypyc$", INTERPRETER),
)
"""The first expression that is found in a library's name decides."""

_PACKAGE = re.compile(r"/(?:site|dist)-packages/(.+)$")
_STDLIB = re.compile(r"/lib-dynload/([^/]+)$")
_ABI = re.compile(r"\.(?:cpython-[\w-]+|abi3|pypy[\w-]+)?(?:\.)?so$")


def library(path: str) -> str:
    """A short name of a shared object, the same on every machine: `aiohttp/_http_parser`, `libz.so.1`, `python3.11`.

    Empty for code in no object, such as the kernel's vDSO.
    """
    if (package := _PACKAGE.search(path)) is not None:
        return _ABI.sub("", package[1])
    if (module := _STDLIB.search(path)) is not None:
        return f"stdlib/{_ABI.sub('', module[1])}"
    return "" if path in ("", "???") else path.rsplit("/", 1)[-1]


def part(name: str) -> str:
    """Which of PARTS a library does."""
    return next((part for expression, part in _RULES if re.search(expression, name)), OTHER)


def by_part(by_library: Mapping[str, float]) -> dict[str, float]:
    """Instructions by part, all of PARTS in order."""
    sums = dict.fromkeys(PARTS, 0.0)
    for name, instructions in by_library.items():
        sums[part(name)] += instructions
    return sums
