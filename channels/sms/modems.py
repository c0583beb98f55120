"""SMS by a pool of GSM modems, each with a SIM, through gammu's AT driver.

Every modem is a child process (`modem_child`); they share one queue (`modem_pool`). Options are in
`modem_settings`, what numbers mean in `modem_codes`. A modem's `OK` is accepted; that a phone has
it, its status report says. Reports and replies carry nothing of ours: reports are matched in memory
(`modem_reports`), and reports on what was sent before a restart match nothing. What came in is
deleted from the SIM only once it is committed (`modem_inbound`).

A SIM takes 10 to 15 parts a minute: set `in_flight` to twice the number of modems, `timeout_s` to
60 and `parts_per_min`, by which the forecast reckons, to 12 for each.
"""

import importlib.util
import re
from collections.abc import AsyncIterator, Sequence

from alertd.errors import NotConfiguredError
from alertd.i18n import N_
from channels.base import (
    Accepted,
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.sms.modem_desk import Desk
from channels.sms.modem_inbound import Joiner
from channels.sms.modem_inbox import Inbox
from channels.sms.modem_line import CHILD, Line
from channels.sms.modem_pool import Pool
from channels.sms.modem_reports import Reports
from channels.sms.modem_settings import ModemSettings, PoolSettings, read_settings

_READY = N_("{good} of {all} modems are ready.")
# Clauses of `reasons`; the catalog turns each into the reader's language.
_SIGNAL = N_("{name}: signal {percent} %")
_CREDIT = N_("{name}: credit {credit}")
_UNREADABLE = N_("{name}: {n} messages on its SIM can't be read: look at them with a phone")
_PACE = N_("{parts} parts a minute")
_ODD = N_("{n} reports fit nothing sent: is the clock right?")
_READY_BUT = N_("{good} of {all} modems are ready; {reasons}.")
PLANNED_PARTS_PER_MINUTE = 12.0  # a modem, before there is anything measured
_NUMBER = re.compile(r"\+?\d{3,20}")
_LONGEST_PARTS = 255  # a part's number is one octet
_LOW_SIGNAL = 10  # %


class ModemsRoute:
    """A pool of modems."""

    kind = ChannelKind.SMS

    def __init__(
        self, config: RouteConfig, context: RouteContext, child: Sequence[str] = CHILD
    ) -> None:
        self.config = config
        settings = read_settings(config)
        if importlib.util.find_spec("gammu") is None:
            raise NotConfiguredError(
                f"Route '{config.name}': GSM modems need python-gammu, which isn't installed.",
                field=f"routes.{config.name}.type",
                hint="Install it with `pip install python-gammu` (the extra `gsm`; it is GPL).",
            )
        self._now = context.now
        self._reports = Reports(context.now())
        self._inbox = Inbox(config.name, context.sink)
        self._desks = [self._desk(settings, modem, child) for modem in settings.modems]
        self._pool = Pool(self._desks, context.now, config.limits.timeout_s)
        self._under_way = UnderWay()
        self._open = False

    def _desk(self, settings: PoolSettings, modem: ModemSettings, child: Sequence[str]) -> Desk:
        return Desk(
            lambda heard, changed: Line(modem, heard, changed, child),
            self._inbox,
            self._reports,
            Joiner(modem.name, settings.country),
            poll_s=settings.poll_s,
            part_timeout_s=settings.part_timeout_s,
            now=self._now,
        )

    async def start(self) -> None:
        """Start the modems; messages wait for the first that is ready."""
        self._open = True
        self._inbox.start()
        self._pool.start()

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN, and the children."""
        self._open = False
        await self._under_way.end()
        await self._pool.close()
        await self._inbox.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    def hooks(self) -> Sequence[Hook]:
        """None: phones answer through the modems."""
        return ()

    @property
    def parts_per_minute(self) -> float:
        """What the modems that are there can send: as measured lately, else as planned."""
        able = [desk for desk in self._desks if desk.able]
        measured = [60.0 / desk.part_s if desk.part_s else None for desk in able]
        return sum(rate or PLANNED_PARTS_PER_MINUTE for rate in measured)

    async def health(self) -> Health:
        """What the modems said of themselves last; nothing is asked now."""
        if not self._open:
            return Health(ok=False, detail=N_("The route is closed."))
        troubles = {desk.name: desk.trouble() for desk in self._desks}
        good = sum(not trouble for trouble in troubles.values())
        said = [f"{name}: {why}" for name, why in troubles.items() if why]
        for desk in self._desks:
            vitals = desk.vitals
            if vitals.signal is not None and vitals.signal < _LOW_SIGNAL:
                said.append(_SIGNAL.format(name=desk.name, percent=vitals.signal))
            if vitals.unreadable:
                said.append(_UNREADABLE.format(name=desk.name, n=vitals.unreadable))
            if vitals.credit is not None:
                said.append(_CREDIT.format(name=desk.name, credit=vitals.credit))
        if any(desk.part_s for desk in self._desks):
            said.append(_PACE.format(parts=f"{self.parts_per_minute:.0f}"))
        if self._reports.unmatched:
            said.append(_ODD.format(n=self._reports.unmatched))
        text = (_READY_BUT if said else _READY).format(
            good=good, all=len(troubles), reasons="; ".join(said)
        )
        return Health(ok=good > 0, detail=text)

    async def _send(self, message: Outgoing) -> Accepted:
        if not self._open:
            raise SendError(Fault.RETRY, "route-closed")
        if not _NUMBER.fullmatch(message.address):
            raise SendError(Fault.DEAD, "bad-number")
        if not message.text or "\0" in message.text:
            raise SendError(Fault.REFUSED, "bad-text")
        return await self._pool.send(message, lambda result: self._ended_late(message, result))

    def _ended_late(self, message: Outgoing, result: Accepted | SendError) -> None:
        """Nobody waits for it any more: what is known now resolves what was called unknown."""
        if isinstance(result, SendError) and result.fault is Fault.UNKNOWN:
            return
        status, fault, code = ReceiptStatus.ACCEPTED, None, "late"
        if isinstance(result, SendError):
            status, fault, code = ReceiptStatus.FAILED, result.fault, result.code
        if fault in {Fault.AWAY, Fault.THROTTLED}:
            fault = Fault.RETRY  # what holds for the route now isn't what held for it then
        self._inbox.put(
            Receipt(
                delivery=message.delivery,
                attempt=message.attempt,
                status=status,
                fault=fault,
                code=code,
            )
        )
