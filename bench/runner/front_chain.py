"""A chain of processes for experiments with fronts: a producer, perhaps a network, a front, and a load process."""

from dataclasses import dataclass, field

from bench.front_programs import why_not_installed
from bench.fronts.plan import FrontLimits, FrontPlan, FrontTimes, HealthCheck
from bench.fronts.registry import FRONTS, NONE
from bench.load import messages
from bench.load.bursts import Bursts
from bench.load_models import Load
from bench.network.profile import LOOPBACK
from bench.plan import Addresses
from bench.request_log import RequestLog
from bench.runner.front import RunningFront
from bench.runner.job import Job
from bench.runner.processes import LoadProcess, ProcessFailed
from bench.runner.rig import before
from bench.runner.session import RunningProducer, Session
from bench.spec import CellKey
from bench.workloads import Workload
from consumers.target import Target, parse_target

ORDER_MARGIN_S = 60.0
"""How much longer than planned the answer to an order may take on a busy machine."""
GET = Workload(name="get")
UNKNOWN_FROM = 1000
"""So many times the highest id that is requested is that of no recipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlan:
    """What is started, and how it is set."""

    protocol: str
    front: str
    """A name in FRONTS, or NONE."""
    producer_flags: tuple[str, ...] = ()
    network: str = LOOPBACK
    """Between the front and the producer; without a front, between consumers and the producer."""
    client_network: str = LOOPBACK
    """Between consumers and the front."""
    consumer_keep_alive_s: float | None = None
    """How long consumers keep an idle connection; None: for their own time."""
    limits: FrontLimits = field(default_factory=FrontLimits)
    times: FrontTimes = field(default_factory=FrontTimes)
    retries: int = 0
    """How often the front sends a request again."""
    counts_calls: bool = False
    """Whether the front counts calls even where that takes a log."""
    counting: bool = False
    """Whether the producer counts calls and connections."""
    health: HealthCheck | None = None
    """None: a replica that fails is not taken out, so that what consumers see of it is seen each time."""
    timeout_s: float = 10.0
    """Of a consumer's request."""
    unknown_ids: int = 0
    """How many ids of recipes that do not exist are requested beside as many others."""

    def key(self, load: Load | None) -> CellKey:
        """The cell of a load."""
        return CellKey(protocol=self.protocol, front=self.front, workload=GET, load=load)

    def why_not(self) -> str | None:
        """What of it the front cannot do, or what has to be installed for it, in words."""
        if self.front == NONE:
            return None
        front = FRONTS[self.front].front()
        return front.why_not(self.front_plan()) or why_not_installed(front)

    def front_plan(self, *upstreams: str) -> FrontPlan:
        """What the front's configuration is rendered from."""
        return FrontPlan(
            protocol=self.protocol,
            upstreams=upstreams,
            limits=self.limits,
            times=self.times,
            health=self.health,
            retries=self.retries,
            counts_calls=self.counts_calls,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The running processes."""

    plan: ChainPlan
    producer: RunningProducer
    front: RunningFront | None
    load: LoadProcess

    @property
    def version(self) -> str:
        """Of the front; empty without one."""
        return "" if self.front is None else self.front.version

    async def verify(self, load: Load) -> CellKey:
        """Verify a response under this load, so that it can be sent. Raises ProcessFailed where it is not correct."""
        key = self.plan.key(load)
        found = await self.load.order(messages.Verify(key=key, questions_at_most=1), ORDER_MARGIN_S)
        assert isinstance(found, messages.Verification)
        if found.cause is not None:
            raise ProcessFailed(f"{self.load.child.name}: {found.text}")
        return key

    async def send(self, load: Load, *, seconds: float, seed: str) -> messages.SliceDone:
        """Send requests that were verified for so long. Raises ProcessFailed."""
        order = messages.RunSlice(
            cell=self.plan.key(load).label,
            seed=seed,
            duration_ns=round(seconds * 1e9),
            requests_at_least=1,
            verified=False,
        )
        done = await self.load.order(order, seconds + self.plan.timeout_s + ORDER_MARGIN_S)
        assert isinstance(done, messages.SliceDone)
        return done

    async def log(self, load: Load, *, seconds: float, seed: str, bursts: Bursts | None = None) -> RequestLog:
        """Send requests that were verified for so long, and log each. Raises ProcessFailed."""
        order = messages.LogRequests(
            cell=self.plan.key(load).label, seed=seed, at_most_ns=round(seconds * 1e9), bursts=bursts
        )
        logged = await self.load.order(order, seconds + self.plan.timeout_s + ORDER_MARGIN_S)
        assert isinstance(logged, messages.RequestsLogged)
        return logged.log


async def start_chain(session: Session, job: Job, plan: ChainPlan) -> Chain:
    """Start all of it. Raises ProcessFailed, also where the front cannot do what the plan says."""
    producer = await session.start_producer(
        plan.protocol, recipes=job.plan.recipes, flags=plan.producer_flags, counting=int(plan.counting)
    )
    addresses = producer.addresses
    if plan.network != LOOPBACK:
        addresses = Addresses(await _relayed(session, plan.network, producer.plain))
    front, target, via = None, addresses.plain, None
    if plan.front != NONE:
        assert target is not None, "every producer serves without TLS"
        front = await session.start_front(FRONTS[plan.front].front(), plan.front_plan(target.authority))
        target = before(front, addresses)
        if plan.client_network != LOOPBACK:
            via = await _relayed(session, plan.client_network, target.url)
    route = messages.Route(
        target=target,
        via=via,
        producer_pids=(producer.pid,),
        front_pids=() if front is None else (front.pid,),
    )
    unknown = [max(job.ids) * UNKNOWN_FROM + number for number in range(plan.unknown_ids)]
    ids = [*job.ids[: len(unknown)], *unknown] if unknown else list(job.ids)
    load = await session.start_load(
        messages.Setup(
            protocol=plan.protocol,
            direct=producer.addresses,
            routes={plan.key(None).path.label: route},
            recipes=job.plan.recipes,
            ids=ids,
            known=not unknown,
            timeout_s=plan.timeout_s,
            keep_alive_s=plan.consumer_keep_alive_s,
        )
    )
    session.pin()
    return Chain(plan=plan, producer=producer, front=front, load=load)


async def _relayed(session: Session, network: str, address: str) -> Target:
    """Where to connect to reach an address over a network."""
    relay = await session.start_relay(network, [address], seed=1)
    return parse_target(relay.addresses[0])
