"""Everything that is done with one modem beside sending: its inbox, its reports, how it is."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from alertd.i18n import N_
from channels.base import Fault, Receipt
from channels.sms.modem_codes import Verdict, is_sims, judge
from channels.sms.modem_inbound import Joiner, Stored, Whole
from channels.sms.modem_inbox import Inbox
from channels.sms.modem_line import Line, LineError
from channels.sms.modem_reports import Reports

_PATIENCE_S = 45.0  # gammu tries a command three times before it gives up
_CHECK_S = 60.0
_REST_S = 10.0  # one that its network kept from sending isn't asked at once again
_CREDIT_S = 24 * 3600.0
_MOST_TIMED = 20
_FREED_AT_ONCE = 4  # a modem may take a second for each, and whoever is to be told waits
_LONGEST_VALIDITY_MIN = 7 * 24 * 60
_SHORTEST_VALIDITY_MIN = 5  # what the wire can say
_PROBLEMS = {
    "child-died": N_("its process ended"),
    "err-devicenopermission": N_("no permission for its device"),
    "err-devicenotexist": N_("its device isn't there"),
    "err-deviceopenerror": N_("its device can't be opened: something else may have it"),
    "err-timeout": N_("it doesn't answer"),
    "no-answer": N_("it doesn't answer"),
    "pin-wrong": N_("its PIN was refused"),
    "sim-wants-pin": N_("its SIM wants a PIN"),
    "sim-wants-puk": N_("its SIM wants its PUK"),
}
_REGISTERED = {"HomeNetwork", "RoamingNetwork"}


@dataclass(slots=True)
class Vitals:
    """What a modem said of itself last; None where it couldn't."""

    signal: int | None = None  # %
    network: str | None = None
    memory: tuple[int, int] | None = None  # used, of
    credit: str | None = None
    unreadable: int = 0  # messages in its memory


class Desk:
    """One modem, its line and its chores.

    Args:
        line: Its child.
        inbox: Where what came back goes.
        reports: The pool's memory of parts.
        joiner: Makes replies of what its SIM holds.
        poll_s: How often its inbox is read at the least.
        part_timeout_s: How long a part may take.
        now: ms since the epoch.
    """

    def __init__(
        self,
        make_line: Callable[[Callable[[dict[str, Any]], None], Callable[[], None]], Line],
        inbox: Inbox,
        reports: Reports,
        joiner: Joiner,
        *,
        poll_s: float,
        part_timeout_s: float,
        now: Callable[[], int],
    ) -> None:
        self.line = make_line(self._heard, self._line_changed)
        self.name = self.line.settings.name
        self.reports = reports
        self.vitals = Vitals()
        self.wake = asyncio.Event()
        self._inbox = inbox
        self._joiner = joiner
        self._poll_s = poll_s
        self._part_timeout_s = part_timeout_s
        self._now = now
        self._changed: Callable[[], None] = lambda: None
        self._rests_until = 0.0
        self._due = {"inbox": 0.0, "check": 0.0, "credit": 0.0}
        self._in_hand: set[tuple[int, str]] = set()
        self._deletable: list[tuple[int, str]] = []
        self._took_s: deque[float] = deque(maxlen=_MOST_TIMED)

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` when it comes or goes."""
        self._changed = changed

    @property
    def able(self) -> bool:
        """Whether a message may wait for it."""
        return self.line.hopeful and time.monotonic() >= self._rests_until

    @property
    def part_s(self) -> float | None:
        """What a part took lately, or None where there were none."""
        return median(self._took_s) if self._took_s else None

    def trouble(self) -> str:
        """What is wrong with it, in English words; empty where nothing is."""
        if not self.line.ready:
            return _PROBLEMS.get(self.line.problem, self.line.problem.replace("-", " "))
        network, memory = self.vitals.network, self.vitals.memory
        if network is not None and network not in _REGISTERED:
            return N_("not registered")
        if memory and memory[1] and memory[0] >= memory[1]:
            return N_("message memory full")
        return "" if self.able else N_("resting")

    async def send(self, order: dict[str, Any], expires_at: int) -> int:
        """Send one part.

        Args:
            order: The child's `to`, `text`, `ucs2` and `part`.
            expires_at: ms; the network keeps it no longer than that.

        Returns:
            The modem's reference, or -1 where it gave none.

        Raises:
            LineError: It didn't, or nobody knows.
        """
        left_min = (expires_at - self._now()) // 60_000
        validity = min(max(left_min, _SHORTEST_VALIDITY_MIN), _LONGEST_VALIDITY_MIN)
        began = time.monotonic()
        answer = await self.line.ask("send", self._part_timeout_s, validity_min=validity, **order)
        self._took_s.append(time.monotonic() - began)
        reference = answer["reference"]
        return reference if isinstance(reference, int) else -1

    def verdict(self, error: LineError) -> Verdict:
        """What a part that wasn't sent means.

        A modem that hangs is started again, one that its network keeps from sending rests.
        """
        if not error.answered:
            fault = Fault.UNKNOWN if error.begun else Fault.AWAY
            return Verdict(fault, error.code, modems_own=not error.begun)
        verdict = judge(error.number, error.code, submitted=error.begun)
        if error.number is None and error.code == "ERR_TIMEOUT":
            self.line.restart("no-answer")
        elif is_sims(error.number):
            self.line.restart(verdict.code)  # a new start gives the PIN
        elif verdict.modems_own:
            self._rest()
        return verdict

    def next_chore_s(self) -> float:
        """How long nothing is due."""
        due = [self._due["inbox"], self._due["check"]]
        if self._rests_until > time.monotonic():
            due.append(self._rests_until)
        return max(0.01, min(due) - time.monotonic()) if self.line.ready else self._poll_s

    async def chores(self, *, busy: bool) -> None:
        """Do what is due; nothing that fails here keeps the modem from sending."""
        try:
            if self._deletable:
                await self._delete()
            if self._is_due("inbox", self._poll_s):
                await self._read_inbox()
            if self._is_due("check", _CHECK_S):
                await self._check()
            if not busy and self.line.settings.ussd and self._is_due("credit", _CREDIT_S):
                answer = await self.line.ask("credit", _PATIENCE_S)
                self.vitals.credit = answer["amount"]
        except LineError as error:
            if error.code == "ERR_TIMEOUT":
                self.line.restart("no-answer")

    def _rest(self) -> None:
        self._rests_until = time.monotonic() + _REST_S
        self._due["check"] = 0.0

    def _is_due(self, chore: str, every_s: float) -> bool:
        if self._due[chore] > time.monotonic():
            return False
        self._due[chore] = time.monotonic() + every_s
        return True

    async def _delete(self) -> None:
        """Free some places; the others' turn comes after the next message's."""
        places, self._deletable = self._deletable[:_FREED_AT_ONCE], self._deletable[_FREED_AT_ONCE:]
        if self._deletable:
            self.wake.set()
        try:
            await self.line.ask("delete", _PATIENCE_S, places=places)
        finally:
            # Until then an answer that was on its way may still name them. What couldn't be
            # deleted is read again, has the same id, and is deleted then.
            self._in_hand.difference_update(places)

    async def _check(self) -> None:
        said = await self.line.ask("check", _PATIENCE_S)
        if said["signal"] is None and said.get("signal_code") == "ERR_TIMEOUT":
            raise LineError("ERR_TIMEOUT", begun=True, answered=True)
        memory = said["memory"]
        self.vitals = Vitals(
            signal=said["signal"],
            network=said["network"],
            memory=None if memory is None else (memory[0], memory[1]),
            credit=self.vitals.credit,
            unreadable=self.vitals.unreadable,
        )

    async def _read_inbox(self) -> None:
        said = await self.line.ask("inbox", _PATIENCE_S)
        messages, self.vitals.unreadable = said["messages"], said["unreadable"]
        for message in messages:
            if message["report"]:
                self._take_stored_report(message)
        held = [Stored.read(message) for message in messages if not message["report"]]
        for whole in self._joiner.wholes(held, self._now()):
            self._take(whole, held)

    def _take(self, whole: Whole, held: Sequence[Stored]) -> None:
        if self._in_hand.intersection(whole.places):
            return
        self._in_hand.update(whole.places)
        if whole.reply is None:
            self._free(whole.places)
            return

        def ended(stored: bool) -> None:
            if stored:
                self._joiner.stored(whole, held)
                self._free(whole.places)
            else:
                self._in_hand.difference_update(whole.places)

        self._inbox.put(whole.reply, ended)

    def _take_stored_report(self, message: dict[str, Any]) -> None:
        place = (message["place"], message["key"])
        if place in self._in_hand:
            return
        self._in_hand.add(place)
        receipt = self._read_report(message)
        if receipt is None:
            self._free([place])
            return

        def ended(stored: bool) -> None:
            if stored:
                self._free([place])
            else:
                self._in_hand.discard(place)

        self._inbox.put(receipt, ended)

    def _free(self, places: Sequence[tuple[int, str]]) -> None:
        self._deletable += places
        self.wake.set()

    def _read_report(self, message: dict[str, Any]) -> Receipt | None:
        return self.reports.heard(
            self.name,
            message["from"],
            message["reference"],
            message["at"],
            message["status"],
            message["done_at"],
        )

    def _heard(self, event: dict[str, Any]) -> None:
        if event["event"] == "report":
            receipt = self._read_report(event)
            if receipt is not None:
                self._inbox.put(receipt)
        else:
            self._due["inbox"] = 0.0
            self.wake.set()

    def _line_changed(self) -> None:
        self._due.update(inbox=0.0, check=0.0)
        self._changed()
