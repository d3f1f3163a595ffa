"""Keeps the log of an open loop's requests while they are sent."""

from bench.load.causes import CAUSES_AT_MOST, OTHER_CAUSES, UNCUT_AT_MOST, bounded, words_of
from bench.load.recorder import kind_of
from bench.request_log import SUCCESSFUL, RequestLog
from bench.results import Cause

_OPEN = -2
"""Stands for a cause while a request has not ended."""


class OpenLog:
    """A log that grows. Times are on the monotonic clock until it is closed."""

    def __init__(self) -> None:
        self._due_ns: list[int] = []
        self._sent_ns: list[int] = []
        self._ended_ns: list[int] = []
        self._causes: list[int] = []
        self._numbers: dict[tuple[str, str], int] = {}
        """Of different causes, by kind and text."""
        self._details: list[str] = []

    def begin(self, due_ns: int) -> int:
        """A request falls due. Returns its number."""
        self._due_ns.append(due_ns)
        self._sent_ns.append(due_ns)
        self._ended_ns.append(due_ns)
        self._causes.append(_OPEN)
        return len(self._due_ns) - 1

    def end(self, number: int, sent_ns: int, ended_ns: int, failure: Exception | None) -> None:
        """A request has ended."""
        cause = SUCCESSFUL if failure is None else self._number_of(kind_of(failure), *words_of(failure))
        self._sent_ns[number], self._ended_ns[number], self._causes[number] = sent_ns, ended_ns, cause

    def fail(self, number: int, now_ns: int, kind: str, text: str) -> None:
        """A request was not sent, though it was due."""
        self._ended_ns[number], self._causes[number] = now_ns, self._number_of(kind, text, "")

    def closed(
        self, began_ns: int, window_ns: int, now_ns: int, unanswered: tuple[str, str], stall_ns: int
    ) -> RequestLog:
        """The whole log. Requests that have not ended are counted under the kind and text of `unanswered`."""
        for number, cause in enumerate(self._causes):
            if cause == _OPEN:
                self.fail(number, now_ns, *unanswered)
        counts = [0] * len(self._details)
        for cause in self._causes:
            if cause != SUCCESSFUL:
                counts[cause] += 1
        return RequestLog(
            began_ns=began_ns,
            window_ns=window_ns,
            due_ns=[each - began_ns for each in self._due_ns],
            sent_ns=[each - began_ns for each in self._sent_ns],
            ended_ns=[each - began_ns for each in self._ended_ns],
            causes=self._causes,
            different_causes=[
                Cause(kind=kind, text=text, count=counts[number], detail=self._details[number])
                for (kind, text), number in self._numbers.items()
            ],
            loop_stall_ns=stall_ns,
        )

    def _number_of(self, kind: str, text: str, detail: str) -> int:
        text = bounded(text, UNCUT_AT_MOST)
        if (kind, text) not in self._numbers and len(self._numbers) >= CAUSES_AT_MOST:
            text = OTHER_CAUSES
        if (kind, text) not in self._numbers:
            self._numbers[kind, text] = len(self._numbers)
            self._details.append(bounded(detail, UNCUT_AT_MOST))
        return self._numbers[kind, text]
