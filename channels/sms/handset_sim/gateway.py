"""The simulated gateway: takes messages, plans what comes back, and obeys its control API."""

import asyncio
import collections
import hmac
import itertools
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from channels.sim_http import Exchange
from channels.sim_log import Log, now_ms
from channels.sms.handset_sim.callbacks import Callbacks
from channels.sms.handset_sim.moods import (
    Mood,
    Override,
    Weather,
    read_overrides,
    read_weather,
)
from channels.sms.handset_sim.people import (
    Behaviour,
    Draws,
    Person,
    Temper,
    behaviour_of,
    plan,
    refusal,
)
from channels.sms.handset_wire import RECEIPTS, REPLIES

_ANSWERS = {
    Mood.UNAVAILABLE: (503, "unavailable"),
    Mood.BROKEN: (500, "broken"),
    Mood.REFUSE: (422, "content-refused"),
}
_FLOOD_BYTES = 4 * 1024 * 1024
_MOST_SHOWN = 100
_MOST_HELD = 10_000  # callers that gave up long ago needn't be remembered
_REFUSAL_STATUS = {"no-such-number": 404, "opted-out": 403}


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated city is."""

    seed: int
    mix: tuple[tuple[float, Behaviour], ...]
    temper: Temper
    inbox: int = 10_000  # messages kept to be looked at, of all phones together
    boot: str = "0"  # makes ids unique over restarts


class Gateway:
    """Answers `/messages`, `/phones`, `/control`, `/stats` and `/health`.

    It keeps nothing for each phone but overrides, so that a city of millions fits.
    """

    def __init__(self, settings: Settings, secret: str, callbacks: Callbacks, log: Log) -> None:
        self._settings = settings
        self._authorization = f"Bearer {secret}".encode("latin-1", "replace")
        self._callbacks = callbacks
        self._log = log
        self._weather = Weather()
        self._overrides: dict[str, Override] = {}
        self._inbox: collections.deque[dict[str, Any]] = collections.deque(maxlen=settings.inbox)
        self._counts: collections.Counter[str] = collections.Counter()
        self._held: collections.deque[tuple[Exchange, str]] = collections.deque(maxlen=_MOST_HELD)
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, exchange: Exchange) -> None:
        """Answer one request; hand this to `sim_http.serve`."""
        route = (exchange.method, *exchange.path.strip("/").split("/"))
        try:
            match route:
                case ("POST", "messages"):
                    self._message(exchange)
                case ("GET", "health"):
                    exchange.answer_json(200, {"ok": True})
                case ("GET", "stats"):
                    exchange.answer_json(200, self.stats())
                case ("GET", "inbox"):
                    self._show_latest(exchange)
                case ("GET", "phones", phone):
                    self._show(exchange, unquote(phone))
                case ("POST", "phones", phone, "replies"):
                    self._reply_by_hand(exchange, unquote(phone))
                case ("POST", "control", what):
                    self._control(exchange, what)
                case _:
                    exchange.answer_json(404, {"error": "no-such-path"})
        except (ValueError, TypeError, KeyError, AttributeError):
            exchange.answer_json(400, {"error": "malformed"})

    def stats(self) -> dict[str, Any]:
        """Figures since the start."""
        return {
            "messages": dict(self._counts),
            "posted": self._callbacks.posted,
            "waiting": self._callbacks.waiting,
            "held": len(self._held),
        }

    def _message(self, exchange: Exchange) -> None:
        given = exchange.headers.get("authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._authorization):
            exchange.answer_json(401, {"error": "bad-credentials"})
            return
        message = json.loads(exchange.body)
        phone, delivery, attempt = str(message["to"]), int(message["delivery"]), message["attempt"]
        override = self._overrides.get(phone)
        mood = (override and override.mood) or self._weather.mood_for(
            self._settings.seed, delivery, attempt
        )
        person = override.person if override else self._person(phone)
        refused = refusal(person) if mood.takes else None
        took = mood.takes and refused is None
        self._record(message, took=took, result=refused or mood)
        if refused is not None:
            exchange.answer_json(_REFUSAL_STATUS[refused], {"error": refused})
        elif not took:
            self._turn_away(exchange, mood)
        else:
            self._take(exchange, message, person, mood)

    def _person(self, phone: str) -> Person:
        return Person(behaviour_of(self._settings.seed, phone, self._settings.mix))

    def _record(self, message: dict[str, Any], *, took: bool, result: str) -> None:
        fields = {
            name: message.get(name)
            for name in ("delivery", "attempt", "kind", "alert", "status", "text")
        }
        fields["phone"] = message["to"]
        fields["possible_duplicate"] = bool(message.get("possible_duplicate"))
        # Before the answer: whatever becomes of that, this line is what was handed over.
        self._log.write("message", taken=took, result=result, **fields)
        self._counts[result] += 1
        if took and self._settings.inbox:
            self._inbox.append({"at": now_ms(), **fields})

    def _turn_away(self, exchange: Exchange, mood: Mood) -> None:
        if mood is Mood.THROTTLE:
            wait = {"retry-after": f"{self._weather.retry_after_s:g}"}
            exchange.answer(429, b'{"error": "throttled"}', headers=wait)
        else:
            status, error = _ANSWERS[mood]
            exchange.answer_json(status, {"error": error})

    def _take(
        self, exchange: Exchange, message: dict[str, Any], person: Person, mood: Mood
    ) -> None:
        reference = f"m{self._settings.boot}-{next(self._ids)}"
        words = (str(message.get(name)) for name in ("to", "alert", "kind", "delivery"))
        draws = Draws(self._settings.seed, *words)
        planned = plan(person, str(message.get("kind")), draws, self._settings.temper)
        if mood is Mood.EARLY:
            self._spawn(self._answer_late(exchange, message, reference))
        for thing in planned:
            item = (
                self._receipt(message, reference, thing.status, thing.reason)
                if thing.status
                else self._reply(str(message["to"]), thing.text)
            )
            for _ in range(thing.times):
                hook = RECEIPTS if thing.status else REPLIES
                self._callbacks.schedule(hook, thing.after_s, item)
        self._answer(exchange, reference, mood)

    def _answer(self, exchange: Exchange, reference: str, mood: Mood) -> None:
        match mood:
            case Mood.EARLY:
                pass
            case Mood.HANG:
                self._held.append((exchange, reference))
            case Mood.DROP:
                exchange.drop()
            case Mood.GARBAGE:
                exchange.answer(200, b"<html>\xff welcome", content_type="text/html")
            case Mood.FLOOD:
                exchange.answer(200, b'{"id": "m", "pad": "%b"}' % (b"x" * _FLOOD_BYTES))
            case Mood.NOISE:
                exchange.answer_raw(b"\x16\x03\x01\x00nonsense\r\n\r\n")
            case _ if self._weather.latency_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._weather.latency_s, _accept, exchange, reference)
            case _:
                _accept(exchange, reference)

    async def _answer_late(
        self, exchange: Exchange, message: dict[str, Any], reference: str
    ) -> None:
        receipt = self._receipt(message, reference, "accepted", "")
        await self._callbacks.post_now(RECEIPTS, receipt)
        _accept(exchange, reference)

    async def _report(self, exchange: Exchange, fields: dict[str, Any]) -> None:
        receipt = self._receipt(fields, "by-hand", str(fields["status"]), fields.get("reason", ""))
        for _ in range(int(fields.get("times", 1))):
            await self._callbacks.post_now(RECEIPTS, receipt)
        exchange.answer_json(200, {"ok": True})

    def _receipt(
        self, message: dict[str, Any], reference: str, status: str, reason: str
    ) -> dict[str, Any]:
        return {
            "id": reference,
            "delivery": message["delivery"],
            "attempt": message["attempt"],
            "status": status,
            "reason": reason,
        }

    def _reply(self, phone: str, text: str, extension: str = "") -> dict[str, Any]:
        reply_id = f"r{self._settings.boot}-{next(self._ids)}"
        return {
            "id": reply_id,
            "from": phone,
            "text": text,
            "extension": extension,
        }

    def _show(self, exchange: Exchange, phone: str) -> None:
        override = self._overrides.get(phone)
        person = override.person if override else self._person(phone)
        messages = [message for message in self._inbox if message["phone"] == phone]
        exchange.answer_json(200, {"behaviour": person.behaviour, "messages": messages})

    def _show_latest(self, exchange: Exchange) -> None:
        """What phones showed last, of all of them together, the newest first."""
        latest = list(itertools.islice(reversed(self._inbox), _MOST_SHOWN))
        exchange.answer_json(200, {"messages": latest})

    def _reply_by_hand(self, exchange: Exchange, phone: str) -> None:
        fields = json.loads(exchange.body)
        reply = self._reply(phone, str(fields["text"]), str(fields.get("extension", "")))
        for _ in range(int(fields.get("times", 1))):
            self._callbacks.schedule(REPLIES, float(fields.get("after_s", 0)), reply)
        exchange.answer_json(202, {"id": reply["id"]})

    def _control(self, exchange: Exchange, what: str) -> None:
        fields = json.loads(exchange.body or b"{}")
        match what:
            case "phones":
                self._overrides.update(read_overrides(fields))
            case "gateway":
                self._weather = read_weather(fields)
            case "hooks":
                self._callbacks.aim(str(fields["base"]))
            case "forget":
                self._overrides.clear()
            case "receipts":
                self._spawn(self._report(exchange, fields))
                return
            case "release":
                while self._held:
                    _accept(*self._held.popleft())
            case _:
                raise ValueError("no such control")
        exchange.answer_json(200, {"ok": True})

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _accept(exchange: Exchange, reference: str) -> None:
    exchange.answer(202, b'{"id": "%b"}' % reference.encode())
