"""What lies on the SIMs, read as replies: parts joined in any order, ids that stay the same."""

import hashlib
import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.base import Reply
from channels.sms.modem_pdu import deliver_text

_JOIN_PATIENCE_MS = 10 * 60_000  # past it a message is handed on with what there is of it
_MOST_DONE = 1_000
# A time so far from ours is of a service centre that has none, and gives the same to every message.
_NO_CLOCK_MS = 5 * 365 * 86_400_000
_GAP = "[…]"  # stands for a part that hasn't come
_NATIONAL = re.compile(r"1\d{10}|0\d{9,11}")


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as a modem's memory holds it."""

    place: int
    key: str  # of its content, by its child
    sender: str = field(repr=False)
    text: str = field(repr=False)
    at: int | None  # ms, by the network's clock
    part: tuple[int, int, int] | None = None  # reference, total, number

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Stored":
        """From the child's words."""
        part, pdu = given["part"], given["pdu"]
        # Gammu's own reading is at a loss where a text has a tilde, see `modem_pdu`.
        text = deliver_text(bytes.fromhex(pdu)) if pdu else None
        return cls(
            place=given["place"],
            key=given["key"],
            sender=given["from"],
            text=given["text"] if text is None else text,
            at=given["at"],
            part=None if part is None else (part[0], part[1], part[2]),
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """A reply, and the places that are free once it is stored. Without a reply: it was before."""

    reply: Reply | None
    places: tuple[tuple[int, str], ...]


class Joiner:
    """Makes replies of what one modem's memory holds.

    Args:
        modem: Its name, which is in the replies' ids: each modem's memory is its own.
        country: The calling code that national numbers lack.
    """

    def __init__(self, modem: str, country: str) -> None:
        self._modem = modem
        self._country = country
        self._first_seen: dict[tuple[int, str], int] = {}  # of what lies there, by place and key
        self._done: deque[tuple[tuple[str, int, int], frozenset[tuple[int, str]]]] = deque(
            maxlen=_MOST_DONE
        )

    def wholes(self, held: Iterable[Stored], now: int) -> list[Whole]:
        """What can be handed on of all that the memory holds at `now`."""
        found, parts = [], dict[tuple[str, int, int], list[Stored]]()
        held = list(held)
        seen = self._first_seen
        self._first_seen = {(s.place, s.key): seen.get((s.place, s.key), now) for s in held}
        for stored in held:
            if stored.part is None:
                whole = self._reply([stored], None, now)
                found.append(Whole(whole, ((stored.place, stored.key),)))
            else:
                reference, total, _ = stored.part
                parts.setdefault((stored.sender, reference, total), []).append(stored)
        for key, pieces in parts.items():
            joined = (self._join(key, each, now) for each in _apart(pieces))
            found += [whole for whole in joined if whole is not None]
        return found

    def stored(self, whole: Whole, held: Iterable[Stored]) -> None:
        """`whole` is committed: a part of it that comes a second time is nothing new."""
        places = set(whole.places)
        pieces = [s for s in held if s.part and (s.place, s.key) in places]
        if pieces and pieces[0].part:
            reference, total, _ = pieces[0].part
            said = frozenset((s.part[2], s.text) for s in pieces if s.part)
            self._done.append(((pieces[0].sender, reference, total), said))

    def _join(self, key: tuple[str, int, int], pieces: list[Stored], now: int) -> Whole | None:
        places = tuple((stored.place, stored.key) for stored in pieces)
        said = {(stored.part[2], stored.text) for stored in pieces if stored.part}
        if any(known == key and said <= texts for known, texts in self._done):
            return Whole(None, places)
        numbers = {number for number, _ in said}
        total = key[2]
        since = min(self._first_seen[place] for place in places)
        if len(numbers) < total and now - since < _JOIN_PATIENCE_MS:
            return None
        return Whole(self._reply(pieces, key, now), places)

    def _reply(self, pieces: list[Stored], key: tuple[str, int, int] | None, now: int) -> Reply:
        times = [stored.at for stored in pieces if stored.at is not None]
        texts = {stored.part[2] if stored.part else 1: stored.text for stored in pieces}
        total = key[2] if key else 1
        text = _clean("".join(texts.get(n, _GAP) for n in range(1, total + 1)))
        sender = pieces[0].sender
        # The same again after a crash between commit and deletion: nothing in it is of this run.
        # Unless no clock tells it from the next: an answer twice is one, and swallowed it is none.
        first, there = min(times, default=0), (pieces[0].place, pieces[0].key)
        timed = bool(times) and abs(now - first) <= _NO_CLOCK_MS
        at = first if timed else [self._first_seen[there], pieces[0].place]
        about = [self._modem, sender, key and key[1], at, text]
        digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]
        return Reply(
            gateway_id=f"{self._modem}-{digest}",
            sender=self._e164(sender),
            text=text,
            occurred_at=max(times, default=None),
        )

    def _e164(self, sender: str) -> str:
        if _NATIONAL.fullmatch(sender):
            return f"+{self._country}{sender.removeprefix('0')}"
        # Networks write the country's code without a + as well, or as it is dialled.
        abroad = sender.removeprefix("00")
        if _NATIONAL.fullmatch(abroad.removeprefix(self._country)):
            return f"+{abroad}"
        return _clean(sender) or "unknown"


def _apart(pieces: list[Stored]) -> list[list[Stored]]:
    """Messages that have one reference: a part that is there with another text is of another.

    Of several that lack a part it belongs to the one that came last before it.
    """
    messages: list[dict[int, list[Stored]]] = []
    for piece in sorted(pieces, key=lambda stored: (stored.at or 0, stored.place)):
        number = piece.part[2] if piece.part else 1
        for message in reversed(messages):
            alike = message.setdefault(number, [])
            if not alike or alike[0].text == piece.text:
                alike.append(piece)
                break
        else:
            messages.append({number: [piece]})
    return [[piece for alike in message.values() for piece in alike] for message in messages]


def _clean(text: str) -> str:
    """Without what no store takes: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
