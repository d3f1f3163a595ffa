"""What the raw client needs to know of a protocol: who makes its requests, who decodes, over which connections."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic

from bench.clients.connections import Connections, Content, RawAnswer
from consumers.client import ClientSettings, RecipeClient

Exchange = Callable[[Content], Awaitable[RawAnswer]]
"""Sends a request and returns the response. Raises ConsumerError."""


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """A request as it is passed to another program."""

    method: str
    path: str
    fields: Sequence[tuple[str, str]]
    """Header fields, except those that the program adds itself."""
    body: bytes


class RawCalls(ABC, Generic[Content, RawAnswer]):
    """One protocol over one transport.

    The protocol's own consumer makes the requests and decodes the responses. Only the transport below it is replaced.
    So the raw client requests exactly the same as the consumer, and accepts nothing that the consumer would reject.
    """

    def __init__(self, protocol: str, settings: ClientSettings) -> None:
        self.protocol = protocol
        self.settings = settings

    @abstractmethod
    def client(self, exchange: Exchange[Content, RawAnswer]) -> RecipeClient:
        """The protocol's consumer, not opened yet, with each of its calls sent through `exchange`."""

    @abstractmethod
    def connections(self) -> Connections[Content, RawAnswer]:
        """Connections to the producer, none open yet. Raises ProducerUnreachable for unusable certificates."""

    @abstractmethod
    def fingerprint(self, answer: RawAnswer) -> Hashable:
        """The value that the connections look up in `RawRequest.verified`."""

    @abstractmethod
    def program_request(self, content: Content) -> ProgramRequest:
        """The request for a program that does the framing itself."""
