"""What receipts and replies must come to: a small model, from docs/states.md and DOMAIN.md alone.

It shares nothing with alertd but words: states, kinds of answers, numbers.
"""

from dataclasses import dataclass, field

MOST_TRIES = 5
FORWARD = {"unknown": 1, "accepted": 2, "delivered": 3}
# Reasons by which the handset gateway says that no route will do, and those by which another may.
FINAL = ("no-such-number",)
PASSING = ("opted-out", "content-refused", "unreachable", "something-new")

# DOMAIN, "Reply grammar": text → (kind, count); None is evidence and no answer.
SAID: dict[str, tuple[str, int | None] | None] = {
    "1": ("received", None),
    "收到": ("received", None),
    "好的": ("received", None),
    "4": ("on_post", None),
    "已到岗": ("on_post", None),
    "2": ("done", None),
    "2 35": ("done", 35),
    "0": ("unavailable", None),
    "3": ("help", None),
    "没收到": None,
    "收到吗": None,
    "开会中稍后联系": None,
    "TD": None,
}
COVERS = {"received", "on_post", "done"}
LATE_MS = 72 * 3_600_000
CREDIBLE_MS = 72 * 3_600_000
SKEW_MS = 120_000


@dataclass
class Delivery:
    """One message, as far as its gateways' words go."""

    route: str
    state: str  # accepted, unknown, delivered, failed, cancelled
    attempt: int = 1
    doubled: bool = False  # an earlier try may have arrived

    def hear(self, route: str, attempt: int, status: str, reason: str, *, over: bool) -> None:
        """A signed word of `route` on a try of it."""
        if not 1 <= attempt <= self.attempt or (attempt == self.attempt and route != self.route):
            return  # of a try that never was, or that another gateway was given
        if status == "delivered":
            self.state = "delivered"  # arrival is a fact, whenever it comes
        elif status == "accepted":
            if FORWARD.get(self.state, 9) < FORWARD["accepted"]:
                self.state = "accepted"
        elif attempt == self.attempt and self.state in {"accepted", "unknown"}:
            self._failed(reason, over=over)

    def _failed(self, reason: str, *, over: bool) -> None:
        if reason in FINAL:
            self.state = "failed"
        elif over:
            self.state = "cancelled"
        elif self.attempt >= MOST_TRIES:
            self.state = "failed"
        else:  # by the other route, which takes it
            self.state = "accepted"
            self.attempt += 1
            self.route = {"sms-1": "sms-2", "sms-2": "sms-1"}[self.route]


@dataclass
class Person:
    """One person, asked once by one alert, and what they are known to have answered."""

    told_at: int
    answers: list[tuple[str, int | None, bool]] = field(default_factory=list)
    covered: bool = False


@dataclass
class Inbox:
    """Replies to one alert."""

    people: dict[str, Person]
    code: str
    ended_at: int | None = None
    seen: set[tuple[str, str]] = field(default_factory=set)  # gateway, its id of the reply

    def hear(self, route: str, key: str, sender: str, text: str, *, at: int, now: int) -> None:
        """A signed reply; `at` is the sender's time, believed within three days before now."""
        if not now - CREDIBLE_MS <= at <= now:
            at = now
        if (route, key) in self.seen:
            return
        self.seen.add((route, key))
        person = self.people.get(sender)
        if person is None:
            return  # kept and shown, never guessed at
        named = text.startswith(self.code)
        said = SAID[text.removeprefix(self.code).strip()]
        if said is None:
            return
        kind, count = said
        if not named and kind != "help":  # help is never lost; the rest must be able to answer it
            too_early = at < person.told_at - SKEW_MS
            too_late = self.ended_at is not None and at > self.ended_at + LATE_MS
            if too_early or too_late:
                return
        person.answers.append((kind, count, self.ended_at is not None))
        person.covered = person.covered or kind in COVERS
