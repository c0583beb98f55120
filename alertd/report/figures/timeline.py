"""The course of an alert in lines: each step of a person, and what the engine did by the minute."""

from collections.abc import Mapping

from alertd.model import MINUTE_MS, MessageKind, Millis, Recorded
from alertd.report.figures.part import Take
from alertd.report.figures.values import Moment

_STEPS = ("alert.approved", "alert.issued", "alert.paused", "alert.resumed", "alert.stopped")
_CASES = ("help.opened", "help.taken", "help.closed")
COVERED = (50, 90, 100)
_ANSWERS = (MessageKind.CONFIRMATION, MessageKind.HEARD)


class TimelinePart:
    """Reads the alert's own steps, calls for help, ladders, further messages and withdrawn answers.

    What comes in masses is one line a minute and kind.
    """

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.lines: dict[tuple[int, str, int], Moment] = {}  # by (time or minute, what, case)
        self.unit_of: dict[int, int] = {}  # by call for help

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "alert.drafted": self._drafted,
            **dict.fromkeys(_STEPS, self._step),
            "alert.ended": self._ended,
            **dict.fromkeys(_CASES, self._case),
            "climbed": self._climbed,
            "told": self._told,
            "digest.sent": self._digest,
            "ack.withdrawn": self._mass,
        }

    def _once(self, at: Millis, what: str, *, case: int = 0, unit_no: int | None = None) -> None:
        self.lines[at, what, case] = Moment(at=at, what=what, n=1, unit_no=unit_no)

    def _by_minute(self, at: Millis, what: str, n: int = 1) -> None:
        key = (at // MINUTE_MS, what, 0)
        before = self.lines.get(key)
        first, so_far = (before.at, before.n) if before else (at, 0)
        self.lines[key] = Moment(at=min(at, first), what=what, n=so_far + n, unit_no=None)

    def _drafted(self, recorded: Recorded) -> None:
        fact = recorded.fact
        mine = fact.alert_no == self.alert_no
        self._once(fact.occurred_at, fact.kind if mine else f"follows:{fact.body['purpose']}")

    def _step(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if fact.alert_no != self.alert_no:
            return  # what follows it: said when it was drafted, and by the end that it brings
        alone = fact.kind == "alert.approved" and fact.body["break_glass"]
        self._once(fact.occurred_at, f"{fact.kind}:break_glass" if alone else fact.kind)

    def _ended(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if fact.alert_no == self.alert_no:
            self._once(fact.occurred_at, f"{fact.kind}:{fact.body['state']}")

    def _case(self, recorded: Recorded) -> None:
        fact = recorded.fact
        case = fact.body["ack_no"]
        if fact.kind == "help.opened":
            self.unit_of[case] = fact.body["unit_no"]
        unit_no = self.unit_of.get(case)
        self._once(fact.occurred_at, fact.kind, case=case, unit_no=unit_no)

    def _climbed(self, recorded: Recorded) -> None:
        for _, _, _, _, _, _, acts, _ in recorded.fact.body["items"]:
            for act in acts:
                self._by_minute(recorded.fact.occurred_at, f"climbed:{act}")

    def _told(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        kind = body["message"]["kind"]
        if kind not in _ANSWERS:
            self._by_minute(recorded.fact.occurred_at, f"told:{kind}", len(body["deliveries"]))

    def _digest(self, recorded: Recorded) -> None:
        if recorded.fact.body["message_no"]:
            self._by_minute(recorded.fact.occurred_at, recorded.fact.kind)

    def _mass(self, recorded: Recorded) -> None:
        self._by_minute(recorded.fact.occurred_at, recorded.fact.kind)

    def figures(
        self, issued_at: Millis, covered: Mapping[int, Millis | None]
    ) -> tuple[Moment, ...]:
        """All lines in their order.

        Args:
            issued_at: What `covered` counts from.
            covered: Share in percent → ms after the issue, or None.
        """
        marks = [
            Moment(at=issued_at + after, what=f"covered:{share}", n=1, unit_no=None)
            for share, after in covered.items()
            if after is not None
        ]
        lines = [*self.lines.values(), *marks]
        # Of one moment in the order in which it was told; only the marks come from elsewhere.
        return tuple(sorted(lines, key=lambda line: line.at))
