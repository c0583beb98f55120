"""Long replies: parts that come in any order, by themselves, and perhaps twice.

A part is answered to the gateway only when it is on disk. So the first ones are kept unanswered
until the last has come; but many gateways bring the next only after the answer, so that is for a
few seconds at most. Then what there is becomes a reply with a mark for what is missing, and when
the rest comes, the whole becomes another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from channels.sms.smpp_inbox import Answer
from channels.sms.smpp_pdus import Delivered
from channels.sms.smpp_text import Place, decode

PATIENCE_S = 4.0  # gateways wait ten seconds and more for an answer
_FORGOTTEN_AFTER_S = 3600.0
_MOST = 1_000
_GAP = "…"


@dataclass(frozen=True, slots=True)
class Joined:
    """A text that can be handed on, and who waits for that."""

    message: Delivered  # its first part that came
    text: str = field(repr=False)
    name: str
    answers: tuple[Answer, ...]


@dataclass(slots=True)
class _Message:
    looks: bytes
    first: Delivered
    total: int
    last_at: float
    since: float | None = None  # when the first of those that wait came
    data: dict[int, bytes] = field(default_factory=dict, repr=False)
    answers: list[Answer] = field(default_factory=list)


class Joining:
    """Messages of which a part has come.

    Args:
        name: Makes a message's name from what it looks like; the same each time.
    """

    def __init__(self, name: Callable[[bytes], str]) -> None:
        self._name = name
        self._messages: dict[bytes, _Message] = {}

    def take(
        self,
        looks: bytes,
        place: Place,
        part: Delivered,
        data: bytes,
        answer: Answer,
        now: float,
    ) -> list[Joined]:
        """A part has come; what can be handed on now.

        Args:
            looks: What all parts of one message have in common, and of few others.
            place: Which part.
            part: As it came.
            data: Of it, without a header.
            answer: What is to be called once that which is returned with it is on disk.
            now: Seconds, by a clock that only goes forward.
        """
        found: list[Joined] = []
        message = self._messages.get(looks)
        if message is not None and not _may_hold(message, place, data):
            # Its reference is being used again.
            found += self._give_up(message)
            message = None
        if message is None:
            message = _Message(looks, part, place.total, now)
            self._messages[looks] = message
        message.data[place.number] = data
        message.answers.append(answer)
        message.last_at = now
        message.since = now if message.since is None else message.since
        if len(message.data) == message.total:
            found.append(self._hand_on(message))
        if len(self._messages) > _MOST:
            found += self._give_up(next(iter(self._messages.values())))
        return found

    def overdue(self, now: float) -> list[Joined]:
        """Those whose parts have waited for the rest long enough."""
        found = []
        for message in list(self._messages.values()):
            if message.since is not None and now - message.since >= PATIENCE_S:
                found.append(self._hand_on(message))
            elif now - message.last_at >= _FORGOTTEN_AFTER_S:
                del self._messages[message.looks]
        return found

    def _give_up(self, message: _Message) -> list[Joined]:
        del self._messages[message.looks]
        return [self._hand_on(message)] if message.answers else []

    def _hand_on(self, message: _Message) -> Joined:
        answers, message.answers = tuple(message.answers), []
        message.since = None
        have = b"".join(b"%d:%b" % (n, message.data[n]) for n in sorted(message.data))
        name = self._name(message.looks + have)
        return Joined(message.first, _text(message), name, answers)


def _may_hold(message: _Message, place: Place, data: bytes) -> bool:
    """Whether this part belongs to what has come so far."""
    return message.total == place.total and message.data.get(place.number, data) == data


def _text(message: _Message) -> str:
    """Parts beside each other are read as one: a sender may cut a character in two."""
    runs: list[bytes] = []
    missing = True
    for number in range(1, message.total + 1):
        data = message.data.get(number)
        if data is None:
            missing = True
        elif missing:
            runs.append(data)
            missing = False
        else:
            runs[-1] += data
    texts = [decode(run, message.first.data_coding) for run in runs]
    if len(message.data) == message.total:
        return texts[0]
    return f"{_GAP.join(texts)}{_GAP}({len(message.data)}/{message.total})"
