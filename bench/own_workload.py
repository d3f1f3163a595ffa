"""The workload of a request file: requests of the user's own, whose answers have to be the same from call to call.

What is correct is not known beforehand. The first answer to a question is kept, and later ones are compared with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bench.workloads import Question, WrongAnswer
from consumers.client import RecipeClient
from consumers.errors import BadOwnRequest
from consumers.own_requests import OwnAnswer, OwnCall, OwnRequests, difference, without
from consumers.registry import own_request_class

ASKED_TWICE = 3
"""So many questions have an answer before any is verified, so that what changes is found before anything is timed."""

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(slots=True)
class OwnQuestion(Question[OwnAnswer]):
    """One request of the file."""

    call: OwnCall
    expected: bytes | None = None
    """The first answer without what may differ: as JSON, or as it was. None: there was none yet."""
    sizes_bytes: set[int] = field(default_factory=set)
    """Of answers that were found to be the same."""

    async def send(self, client: RecipeClient) -> OwnAnswer:
        return await client.ask(self.call)

    def plausible(self, answer: OwnAnswer) -> bool:
        """Whether it is as long as one that was compared. One of another length is compared. Raises WrongAnswer."""
        if answer.size_bytes not in self.sizes_bytes:
            self.verify(answer)
        return True

    def verify(self, answer: OwnAnswer) -> None:
        content = without(self.call.plain(answer), self.call.ignore)
        found = content if isinstance(content, bytes) else _encoder.encode(content)
        if self.expected is None:
            self.expected = found
        elif found != self.expected:
            raise WrongAnswer(
                f"{self.call.title}: the answer is not the same from call to call "
                f"({difference(_decoded(self.expected), _decoded(found))}); "
                "name what may differ in ignore of the request file"
            )
        self.sizes_bytes.add(answer.size_bytes)


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (ValueError, RecursionError):
        return content


async def own_questions(client: RecipeClient, protocol: str, own: OwnRequests) -> Sequence[OwnQuestion]:
    """A question for each request of the file. Raises WrongAnswer and what the client raises."""
    kind = own_request_class(protocol)
    try:
        request = msgspec.convert(own.request, kind)
        calls = await client.own_calls([request.filled(values) for values in own.values])
    except BadOwnRequest as error:
        raise BadOwnRequest(f"{protocol}: {error}") from None
    questions = [OwnQuestion(call) for call in calls]
    for question in questions[:ASKED_TWICE]:
        question.verify(await question.send(client))
    return questions
