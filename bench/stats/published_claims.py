"""Published claims about JSON over HTTP, GraphQL and gRPC, as data. One more is one more entry of CLAIMS."""

from typing import Any

from msgspec.structs import replace

from bench.load_models import ClosedLoad
from bench.spec import NEW, CellKey
from bench.stats.claims import Claim, Quantity, Quotient
from bench.workloads import Workload

ONE = ClosedLoad(concurrency=1)
SIXTEEN = ClosedLoad(concurrency=16)
GET = Workload(name="get")
LIST = Workload(name="list", page_size=20)
LARGE = Workload(name="list", page_size=1000)
FIELDS = Workload(name="fields")
CREATE = Workload(name="create")
BATCH = Workload(name="batch", page_size=20)
ONE_BY_ONE = Workload(name="batch-one-by-one", page_size=20)
AT_ONCE = Workload(name="batch-at-once", page_size=20)
WAN = "rtt=280ms"
DEFAULT_RUN = "bench run"


def _of(protocol: str, workload: Workload = GET, **given: Any) -> CellKey:
    return CellKey(protocol=protocol, **{"workload": workload, "load": ONE, **given})


def _divided(above: CellKey, below: CellKey) -> Quotient:
    return Quotient((above,), (below,))


def _everywhere(above: str, below: str) -> tuple[Quotient, ...]:
    """In all configurations of a default run with one request in flight."""
    return tuple(
        _divided(_of(above, workload, gzip=gzip, tls=tls), _of(below, workload, gzip=gzip, tls=tls))
        for workload in (GET, LIST)
        for gzip in (False, True)
        for tls in (False, True)
    )


def _with(protocol: str, *workloads: Workload, **switch: Any) -> tuple[Quotient, ...]:
    """A protocol with gzip or TLS, divided by itself without."""
    return tuple(_divided(replace(key, **switch), key) for key in (_of(protocol, each) for each in workloads))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="receive-7x",
        text="gRPC receives a list 7 times as fast as JSON over HTTP",
        source="R. Fernando, EmperorRXF/RESTvsGRPC (.NET), repeated by more than ten other READMEs",
        set_up="One large payload, in .NET, with library, encoding and HTTP version changed at once. A fork with the "
        "same code (geffzhang/RESTvsGRPC) found 5.2 times for the large list, and gRPC slower for the small payload.",
        quotients=(_divided(_of("grpc", LIST), _of("http", LIST)),),
        at_most=1 / 7,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="receive-7x-large",
        text="gRPC receives a page of 1,000 recipes 7 times as fast",
        source="R. Fernando, EmperorRXF/RESTvsGRPC (.NET), repeated by more than ten other READMEs",
        set_up="What decides is how fast each language's libraries parse.",
        quotients=(_divided(_of("grpc", LARGE), _of("http", LARGE)),),
        at_most=1 / 7,
        needs="bench run --workload list --page-size 1000",
    ),
    Claim(
        name="send-10x",
        text="gRPC sends 10 times as fast as JSON over HTTP",
        source="R. Fernando, EmperorRXF/RESTvsGRPC (.NET)",
        set_up="As for receiving, in .NET. The lab's workload create sends one recipe.",
        quotients=(_divided(_of("grpc", CREATE), _of("http", CREATE)),),
        at_most=1 / 10,
        needs="bench run --workload create",
    ),
    Claim(
        name="hello-10x",
        text="gRPC answers a small request 10 times as fast",
        source="ynaka81: 7.525 and 0.751 ms, and alike in two other languages",
        set_up="A new connection for each HTTP request, while gRPC keeps its own; claim 5 repeats that.",
        quotients=(_divided(_of("grpc"), _of("http")),),
        at_most=1 / 10,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="hello-10x-new-connections",
        text="gRPC answers 10 times as fast as HTTP that opens a connection for each request",
        source="ynaka81: 7.525 and 0.751 ms, and alike in two other languages",
        set_up="Over a network, a new connection costs HTTP one more round trip, so the ratio is at most 2 plus what "
        "TLS adds. More than that is the client's own cost of a connection.",
        quotients=(_divided(_of("grpc"), _of("http", connection=NEW)),),
        at_most=1 / 10,
        needs="bench run --connection persistent,new",
    ),
    Claim(
        name="grpc-before-rest",
        text="gRPC is faster than REST",
        source="Niswar et al. 2024, doi 10.24425/ijet.2024.149562; sunilp303/python-api-styles (0.91 and 2.14 ms)",
        set_up="100 to 500 requests with Redis and MySQL in the path; the second on Windows, 20 books.",
        quotients=_everywhere("grpc", "http"),
        at_most=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="rest-before-grpc",
        text="REST is faster than gRPC",
        source="Śliwa and Pańczyk 2021, doi 10.35784/jcsi.2744",
        set_up="Libraries where the HTTP server costs less than HTTP/2 does, and no slow network.",
        quotients=_everywhere("http", "grpc"),
        at_most=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="rest-before-graphql",
        text="REST is faster than GraphQL for a single request",
        source="Niswar et al. 2024; FCDS 2023, doi 10.2478/fcds-2023-0003; a thesis of 2026",
        set_up="The same fields, and one REST request for each GraphQL request.",
        quotients=_everywhere("http", "graphql"),
        at_most=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="grows-with-payload",
        text="gRPC compares better with JSON the larger the payload",
        source="medisco: ratios of p99 of 3.75, 4.3 and 5.5 at 1 kB, 10 kB and 1 MB",
        set_up="A JSON library that is slower per byte than the protobuf library.",
        quotients=(Quotient((_of("grpc", LIST), _of("http")), (_of("http", LIST), _of("grpc"))),),
        at_most=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="grpc-slower-small",
        text="gRPC serves fewer small requests per second than JSON over HTTP",
        source="istio/istio#526: 21,600 and 45,100 requests/s (Go)",
        set_up="Small messages, where HTTP/2 and its frames cost more than parsing JSON.",
        quantity=Quantity.RATE,
        quotients=(_divided(_of("grpc", load=SIXTEEN), _of("http", load=SIXTEEN)),),
        at_most=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="graphql-cpu-3-to-4.4x",
        text="GraphQL costs 3 to 4.4 times the CPU of REST",
        source="a thesis of 2026 (open loop, 30 runs for each configuration)",
        set_up="A single object for each request, and both servers at the same rate.",
        quantity=Quantity.SERVER_CPU,
        quotients=tuple(_divided(_of("graphql", each), _of("http", each)) for each in (GET, LIST)),
        at_least=3,
        at_most=4.4,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="graphql-cpu-less",
        text="GraphQL costs 37 % less CPU than REST",
        source="Lawi et al. 2021, doi 10.3390/computers10110138",
        set_up="Several REST requests for one GraphQL request, or REST responses with fields that nobody asked for.",
        quantity=Quantity.SERVER_CPU,
        quotients=tuple(_divided(_of("graphql", each), _of("http", each)) for each in (GET, LIST)),
        at_most=0.63,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="graphql-compiled",
        text="With a compiled executor, GraphQL serves at least 95.5 % of REST's requests per second",
        source="benawad, pull request 3: 0.955 times (Node.js)",
        set_up="An HTTP server and framework that take so much time that executing the query hardly counts.",
        quantity=Quantity.RATE,
        quotients=(_divided(_of("graphql", load=SIXTEEN, implementation="compiled"), _of("http", load=SIXTEEN)),),
        at_least=0.955,
        needs="bench run --implementation default,compiled",
    ),
    Claim(
        name="graphql-beats-n-requests",
        text="One GraphQL query is faster than 20 REST requests, one after the other",
        source="a thesis of 2026: GraphQL wins once REST needs about 2 round trips",
        set_up="REST without a request for several objects. Every round trip of the network adds to it.",
        quotients=(_divided(_of("graphql", BATCH), _of("http", ONE_BY_ONE)),),
        at_most=1,
        needs="bench run --workload batch,batch-one-by-one,batch-at-once",
    ),
    Claim(
        name="graphql-beats-n-at-once",
        text="One GraphQL query is faster than 20 REST requests at once",
        source="a thesis of 2026: GraphQL wins once REST needs about 2 round trips",
        set_up="REST without a request for several objects, and few connections, on which requests queue.",
        quotients=(_divided(_of("graphql", BATCH), _of("http", AT_ONCE)),),
        at_most=1,
        needs="bench run --workload batch,batch-one-by-one,batch-at-once",
    ),
    Claim(
        name="graphql-99-percent-fewer-bytes",
        text="GraphQL saves 99 % of the bytes by naming fields",
        source="Brito et al. 2019",
        set_up="REST responses a hundred times as large as what is needed.",
        quantity=Quantity.MESSAGE,
        quotients=(_divided(_of("graphql", FIELDS), _of("http")),),
        at_most=0.01,
        needs="bench run --workload get,fields",
    ),
    Claim(
        name="fields-equivalent",
        text="GraphQL with one field takes fewer bytes than REST with ?fields=",
        source="Brito et al. 2019; here against an equivalent API",
        set_up="A REST API that cannot leave fields out.",
        quantity=Quantity.MESSAGE,
        quotients=(_divided(_of("graphql", FIELDS), _of("http", FIELDS)),),
        at_most=1,
        needs="bench run --workload get,fields",
    ),
    Claim(
        name="graphql-bytes-equal",
        text="With equivalent APIs, GraphQL's responses are within 5 % of REST's",
        source="a thesis of 2026: 1.04 times",
        set_up="The same fields in both.",
        quantity=Quantity.MESSAGE,
        quotients=tuple(_divided(_of("graphql", each), _of("http", each)) for each in (GET, LIST)),
        at_least=1 / 1.05,
        at_most=1.05,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="protobuf-3x-smaller",
        text="A protobuf message is 3 to 10 times as small as JSON",
        source="many introductions; found were 1.4 (auth0), 1.7 (saran), 2.6 (kabisa), 2.1 to 4.9 (delta-pack)",
        set_up="Many numbers and short fields with long names. Recipes are mostly text, which is as long in both.",
        quantity=Quantity.MESSAGE,
        quotients=tuple(_divided(_of("http", each), _of("grpc", each)) for each in (GET, LIST)),
        at_least=3,
        at_most=10,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="gzip-json-as-small-list",
        text="gzipped lists are as small in JSON as in protobuf (at most 5 % larger)",
        source="kabisa: 576 and 586 kB; saran: 115.7 and 121.7 kB",
        set_up="Lists, whose field names repeat.",
        quantity=Quantity.COMPRESSED,
        quotients=(_divided(_of("http", LIST, gzip=True), _of("grpc", LIST, gzip=True)),),
        at_most=1.05,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="gzip-protobuf-44-percent-smaller",
        text="A gzipped protobuf document of up to 3 kB is 44 % smaller than gzipped JSON",
        source="delta-pack: 27 of 27 documents",
        set_up="Documents with many numbers, so that names are most of the JSON.",
        quantity=Quantity.COMPRESSED,
        quotients=(_divided(_of("grpc", gzip=True), _of("http", gzip=True)),),
        at_most=0.56,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="gzip-slower-json",
        text="Without a network, gzip makes JSON slower",
        source="auth0: 19 % on localhost",
        set_up="A network on which the bytes saved cost less than compressing; bench advise finds which.",
        quotients=_with("http", GET, LIST, gzip=True),
        at_least=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="gzip-slower-grpc",
        text="Without a network, gzip makes protobuf slower",
        source="auth0: 60 % on localhost",
        set_up="A network on which the bytes saved cost less than compressing; bench advise finds which.",
        quotients=_with("grpc", GET, LIST, gzip=True),
        at_least=1,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="tls-1-percent-cpu",
        text="TLS costs less than 1 % of the CPU",
        source="A. Langley 2010, about a large web service",
        set_up="Requests that cost milliseconds of CPU, so that records and ciphers are a small share.",
        quantity=Quantity.SERVER_CPU,
        quotients=_with("http", GET, LIST, tls=True),
        at_most=1.01,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="tls-2-percent-bytes",
        text="TLS adds less than 2 % to the bytes of a response",
        source="A. Langley 2010",
        set_up="Connections that are kept, and responses over 1.1 kB: TLS 1.3 adds 22 bytes to each record.",
        quantity=Quantity.WIRE,
        quotients=_with("http", GET, LIST, tls=True),
        at_most=1.02,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="tls-5-percent-rate",
        text="TLS costs at most 5.2 % of the requests per second",
        source="serverdevworker: 5.18 %",
        set_up="Requests that cost more CPU than these, or a client that is the limit.",
        quantity=Quantity.RATE,
        quotients=(_divided(_of("http", load=SIXTEEN, tls=True), _of("http", load=SIXTEEN)),),
        at_least=1 - 0.0518,
        needs=DEFAULT_RUN,
    ),
    Claim(
        name="tls-3.4x",
        text="TLS is at least 3.4 times as slow, and up to 50 times",
        source="pyperformance#255 (3.4 times, bulk data in asyncio); measurements by ab without keep-alive",
        set_up="A new connection for each request, so that each pays a handshake.",
        quotients=(_divided(_of("http", tls=True, connection=NEW), _of("http", connection=NEW)),),
        at_least=3.4,
        needs="bench run --connection persistent,new",
    ),
    Claim(
        name="grpc-slow-wan-new",
        text="gRPC is at least 3 times as slow over a WAN: a channel for each call",
        source="kabisa: 3 to 5 times",
        set_up="A channel opened for each call, and an HTTP client that keeps its connection.",
        quotients=(_divided(_of("grpc", network=WAN, connection=NEW), _of("http", network=WAN)),),
        at_least=3,
        needs=f"bench run --network {WAN} --connection persistent,new",
    ),
    Claim(
        name="grpc-slow-wan",
        text="gRPC is at least 3 times as slow over a WAN: a channel that is kept",
        source="kabisa: 3 to 5 times",
        set_up="None known: with a kept channel, both wait for one round trip.",
        quotients=(_divided(_of("grpc", network=WAN), _of("http", network=WAN)),),
        at_least=3,
        needs=f"bench run --network {WAN} --connection persistent,new",
    ),
    Claim(
        name="aio-1.6x",
        text="grpc.aio serves 1.6 times as many requests per second as grpcio with threads",
        source="grpc_bench, pull request 166: 4,305 and 2,621 requests/s",
        set_up="One CPU for a server with many threads.",
        quantity=Quantity.RATE,
        quotients=(_divided(_of("grpc", load=SIXTEEN), _of("grpc", load=SIXTEEN, implementation="grpcio-threads")),),
        at_least=1.6,
        needs="bench run --implementation default,grpcio-threads",
    ),
    Claim(
        name="connect-1.24x",
        text="gRPC is 1.24 times as slow as Connect for small messages, and alike for large ones",
        source="connectrpc/connect-go#588 (Go): 57.8 and 46.8 µs",
        set_up="Messages of a few bytes, in Go.",
        needs="no implementation speaks Connect",
    ),
    Claim(
        name="streams-15x",
        text="Streaming items is 15 times as slow as one list",
        source="kabisa",
        set_up="A frame, and a wake-up of the client, for each item.",
        needs="no workload streams",
    ),
)
"""In the order in which they are shown: latency, throughput, CPU, bytes, gzip, TLS, networks, implementations."""
