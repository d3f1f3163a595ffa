"""The seam between the raw client and a protocol: whose requests are sent, who decodes, over which connections."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic

from bench.clients.connections import Connections
from bench.clients.raw_request import Content, RawAnswer
from consumers.client import ClientSettings, RecipeClient

Exchange = Callable[[Content], Awaitable[RawAnswer]]
"""Sends a content and gives what came back. Raises ConsumerError."""


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """A request as another program is told it."""

    method: str
    path: str
    fields: Sequence[tuple[str, str]]
    """Header fields, without those that the program adds itself."""
    body: bytes


class RawCalls(ABC, Generic[Content, RawAnswer]):
    """One protocol over one transport.

    The protocol's own consumer makes the requests and decodes the answers; only what carries them is exchanged. So the
    client asks for the very same as the consumer, and accepts nothing that the consumer would not.
    """

    multiplexes: ClassVar[bool]
    """Whether requests in flight share a connection."""

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        self.protocol = protocol
        self.settings = settings

    @abstractmethod
    def client(self, exchange: Exchange[Content, RawAnswer]) -> RecipeClient:
        """The protocol's consumer with each of its calls going through `exchange`, not opened yet."""

    @abstractmethod
    def connections(self) -> Connections[Content, RawAnswer]:
        """Connections to the producer, none of them open yet. Raises ProducerUnreachable for unusable certificates."""

    @abstractmethod
    def fingerprint(self, answer: RawAnswer) -> Hashable:
        """What the connections compare with `RawRequest.proved`."""

    @abstractmethod
    def program_request(self, content: Content) -> ProgramRequest:
        """The content for a program that does the framing itself."""
