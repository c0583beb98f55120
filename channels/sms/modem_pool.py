"""The modems of a route: one queue before them, each takes what is next when it is free."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from alertd.messages.length import Encoding, sms_parts
from channels.base import Accepted, Fault, Outgoing, SendError
from channels.sms.modem_desk import Desk
from channels.sms.modem_line import LineError
from channels.sms.modem_reports import Part, Try

_log = structlog.get_logger(__name__)

_A_PART_S = 4.0  # what a part is reckoned to take, before anything else is known


@dataclass(slots=True, eq=False)
class Job:
    """One message on its way through the pool.

    Args:
        message: What to send.
        parts: Its text, cut.
        ucs2: In which alphabet.
        ended: How it ended; cancelled where nobody waits any more.
        late: Called with how it ended when nobody waited for it.
        tried: The modems that couldn't even begin, or refused it and may be to blame themselves.
        code: Why the last of them couldn't.
        fault: What it means that none is left: one that refused it has spoken, the others wait.
    """

    message: Outgoing
    parts: list[str]
    ucs2: bool
    ended: asyncio.Future[Accepted]
    late: Callable[[Accepted | SendError], None]
    tried: set[str] = field(default_factory=set)
    code: str = "no-modem"
    fault: Fault = Fault.AWAY
    timer: asyncio.TimerHandle | None = None
    overdue: bool = False  # too little time is left for a modem to begin it

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for it and it hasn't ended."""
        return not self.ended.done()

    def unsent(self, busy: str) -> SendError:
        """No modem has time for it any more; but where one refused it, that is what counts."""
        if self.fault is Fault.AWAY:
            return SendError(Fault.THROTTLED, busy)
        return SendError(self.fault, self.code)

    def end(self, result: Accepted | SendError) -> None:
        """It ended; tell whoever waits, or that nobody does."""
        if self.timer is not None:
            self.timer.cancel()
        if self.ended.cancelled():
            self.late(result)
        elif not self.ended.done():
            if isinstance(result, Accepted):
                self.ended.set_result(result)
            else:
                self.ended.set_exception(result)


class Pool:
    """Gives messages to modems.

    Args:
        desks: The modems.
        now: ms since the epoch.
        timeout_s: Past it nobody waits for a message; one that couldn't begin well before that
            goes back.
    """

    def __init__(self, desks: list[Desk], now: Callable[[], int], timeout_s: float) -> None:
        self._desks = desks
        self._now = now
        self._timeout_s = timeout_s
        self._queue: deque[Job] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._reference = now() % 256
        for desk in desks:
            desk.on_change(self._changed)

    def start(self) -> None:
        """Start all modems; none is waited for."""
        for desk in self._desks:
            self._tasks.append(asyncio.create_task(desk.line.run()))
            self._tasks.append(asyncio.create_task(self._work(desk)))

    async def close(self) -> None:
        """End all children."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def waiting(self) -> int:
        """How many messages no modem has begun."""
        return sum(job.wanted for job in self._queue)

    async def send(
        self, message: Outgoing, late: Callable[[Accepted | SendError], None]
    ) -> Accepted:
        """Hand one over, by whichever modem is free first.

        Raises:
            SendError: As the contract says.
        """
        encoding, parts = sms_parts(message.text)
        loop = asyncio.get_running_loop()
        job = Job(message, parts, encoding is Encoding.UCS2, loop.create_future(), late)
        needs_s = min(self._timeout_s / 2, _A_PART_S * len(parts))
        job.timer = loop.call_later(self._timeout_s - needs_s, self._give_back, job)
        self._queue.append(job)
        self._changed()
        return await job.ended

    def _give_back(self, job: Job) -> None:
        job.overdue = True
        if job in self._queue:
            self._queue.remove(job)
            job.end(job.unsent("modems-busy"))

    def _changed(self) -> None:
        """Something came, or a modem came or went."""
        able = {desk.name for desk in self._desks if desk.able}
        for job in [job for job in self._queue if not job.wanted or not able - job.tried]:
            self._queue.remove(job)
            job.end(SendError(job.fault, job.code))
        for desk in self._desks:
            desk.wake.set()

    def _take(self, desk: Desk) -> Job | None:
        for job in self._queue:
            if job.wanted and desk.name not in job.tried:
                self._queue.remove(job)
                return job
        return None

    async def _work(self, desk: Desk) -> None:
        while True:
            desk.wake.clear()
            try:
                await self._turn(desk)
            except Exception as error:  # noqa: BLE001 - a modem that nobody works with is lost
                _log.error("modem-defect", modem=desk.name, error=type(error).__name__)
                desk.line.restart("defect")
            try:
                async with asyncio.timeout(desk.next_chore_s()):
                    await desk.wake.wait()
            except TimeoutError:
                continue

    async def _turn(self, desk: Desk) -> None:
        """One message, if there is one, and what else is due."""
        if not desk.line.ready or not desk.able:
            return
        job = self._take(desk)
        if job is not None:
            desk.wake.set()
            try:
                await self._carry(desk, job)
            except Exception as error:
                job.end(SendError(Fault.UNKNOWN, f"defect-{type(error).__name__}"))
                raise
        await desk.chores(busy=job is not None)

    async def _carry(self, desk: Desk, job: Job) -> None:
        """Send every part by this modem; a message isn't spread over several numbers."""
        message = job.message
        if message.expires_at <= self._now():
            job.end(SendError(Fault.REFUSED, "expired"))
            return
        self._reference = (self._reference + 1) % 256
        mine = Try(message.delivery, message.attempt, len(job.parts))
        references: list[int] = []
        under_way: list[Part] = []
        for place in range(len(job.parts)):
            part = Part(desk.name, message.address, self._now(), mine, place)
            desk.reports.begin(part)
            under_way.append(part)
            try:
                references.append(await desk.send(self._order(job, place), message.expires_at))
            except LineError as error:
                self._failed(desk, job, under_way, error)
                return
            except asyncio.CancelledError:
                job.end(SendError(Fault.UNKNOWN, "closed-in-flight"))
                raise
            part.reference = references[-1] if references[-1] >= 0 else None
        job.end(Accepted(reference=_named(desk.name, references)))

    def _order(self, job: Job, place: int) -> dict[str, Any]:
        total = len(job.parts)
        return {
            "to": job.message.address,
            "text": job.parts[place],
            "ucs2": job.ucs2,
            "part": [self._reference, total, place + 1] if total > 1 else None,
        }

    def _failed(self, desk: Desk, job: Job, under_way: list[Part], error: LineError) -> None:
        verdict = desk.verdict(error)
        if verdict.asks_another or job.fault is Fault.AWAY:
            job.code = verdict.code
        if verdict.fault is Fault.UNKNOWN:
            job.end(SendError(Fault.UNKNOWN, verdict.code))
            return
        # No part of it counts any more: reports on the first must not make the whole delivered.
        for part in under_way:
            desk.reports.forget(part)
        if (verdict.modems_own or verdict.asks_another) and len(under_way) == 1 and job.wanted:
            if verdict.asks_another:
                job.fault = verdict.fault
            job.tried.add(desk.name)
            self._queue.appendleft(job)
            self._changed()
            if job.overdue:
                self._give_back(job)
        elif verdict.modems_own and len(under_way) > 1:
            job.end(SendError(Fault.RETRY, verdict.code))
        else:
            job.end(SendError(verdict.fault, verdict.code))


def _named(modem: str, references: list[int]) -> str | None:
    known = [str(reference) for reference in references if reference >= 0]
    return f"{modem}-{'+'.join(known)}" if known else None
