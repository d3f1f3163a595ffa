"""How each protocol's bytes are read, by the name of the protocol. A fourth protocol is one more line.

The rows are resolved only when asked for, like those of producers and consumers.
"""

from importlib import import_module
from typing import cast

from bench.wire.conversation import Codec

CODECS: dict[str, str] = {
    "http": "bench.wire.http1_codec:Http1Codec",
    "graphql": "bench.wire.http1_codec:Http1Codec",
    "grpc": "bench.wire.grpc_codec:GrpcCodec",
}


def codec(protocol: str) -> Codec:
    """The codec of `protocol`, a key of CODECS. Raises KeyError for any other."""
    module_name, _, class_name = CODECS[protocol].partition(":")
    return cast(type[Codec], getattr(import_module(module_name), class_name))()
