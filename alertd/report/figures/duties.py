"""Requirements, replayed: asked, answered, withdrawn, climbed, closed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from alertd.decide.escalate import Act
from alertd.model import (
    ALERT_SHIFT,
    MINUTE_MS,
    STAGE_SHIFT,
    Millis,
    Policy,
    Recorded,
    RequirementState,
    Stage,
    duty_of,
    stage_of,
)
from alertd.report.figures.part import Take
from alertd.report.figures.values import StageFigures, UnitFigures

_S = RequirementState
FIRST = "first"  # resolved by the first message, before any rung
CARRIED = "carried"  # resolved by an answer to the alert before
# From the first rung up; where several were taken, the highest one counts.
RUNGS = (
    Act.REMIND,
    Act.CALL,
    Act.ALTERNATES,
    Act.PARENT,
    Act.GRANDPARENT,
    Act.DOOR_KNOCK,
    Act.DUTY_DESK,
)
_HEIGHT = {act.value: height for height, act in enumerate(RUNGS, start=1)}


class Asked:
    """One requirement as far as it has come."""

    __slots__ = ("answers", "carried", "covered_at", "rung", "solo", "state", "unit")

    def __init__(self, *, carried_at: Millis | None = None) -> None:
        self.carried = carried_at is not None
        self.state = _S.COVERED if self.carried else _S.OPEN
        self.covered_at = carried_at
        self.answers: dict[int, int] = {}  # by person: the ack that counts
        self.rung = 0  # the highest taken while it was open
        self.unit = 0  # its grid or higher unit, known once it was answered or exhausted
        self.solo = 0  # its own unit, a building perhaps; likewise


class DutiesPart:
    """Reads `alert.drafted`, `alert.selected`, acks, `climbed`, `hurried` and the alert's end."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.policy = Policy(name="")
        self.asked: dict[int, Asked] = {}
        self.asked_of: Counter[tuple[int, int]] = Counter()  # by (stage, unit)
        self.carried_of: Counter[tuple[int, int]] = Counter()
        self.ack_at: dict[int, Millis] = {}
        self.acts: Counter[str] = Counter()
        self.climbs: Counter[str] = Counter()
        self.hurried: set[int] = set()
        self.unreachable: dict[int, int] = {}  # by duty: the first requirement that showed it
        self.vacant: list[tuple[int, str]] = []  # (unit, role)
        self.over = False

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "alert.drafted": self._drafted,
            "alert.selected": self._selected,
            "alert.ended": self._ended,
            "alert.stopped": self._ended,
            "acked": self._acked,
            "ack.counted": self._counted,
            "ack.withdrawn": self._withdrawn,
            "hurried": self._hurried,
            "climbed": self._climbed,
        }

    def _drafted(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no == self.alert_no:
            self.policy = Policy.from_dict(recorded.fact.body["policy"])

    def _selected(self, recorded: Recorded) -> None:
        fact = recorded.fact
        for stage, unit, n, carried_over in fact.body["asked"]:
            self.asked_of[stage, unit] += n
            self.carried_of[stage, unit] += carried_over
        self.vacant += ((unit, role) for unit, role in fact.body.get("vacant", ()))
        for number in fact.body.get("carried", ()):
            self.asked[number] = Asked(carried_at=fact.occurred_at)

    def _of(self, number: int) -> Asked:
        """The requirement; one that nothing happened to is counted, and not kept."""
        return self.asked.setdefault(number, Asked())

    def _acked(self, recorded: Recorded) -> None:
        self.ack_at[recorded.fact.body["no"]] = recorded.fact.occurred_at
        self._counted(recorded, anew=False)

    def _counted(self, recorded: Recorded, *, anew: bool = True) -> None:
        body = recorded.fact.body
        at = self.ack_at.setdefault(body["no"], recorded.fact.occurred_at)
        for number, units in body["answers"]:
            asked = self._of(number)
            # Once for its own person, whatever else that person says.
            if asked.answers.setdefault(body["person_no"], body["no"]) != body["no"]:
                continue
            if asked.state is not _S.COVERED:
                asked.state, asked.covered_at = _S.COVERED, at
                self._place(number, asked, units)
            if anew:
                self._date(asked)

    def _date(self, asked: Asked) -> None:
        """Covered from the first answer that stands, when it was said; carried: from the start."""
        if asked.answers and asked.state is _S.COVERED and not asked.carried:
            asked.covered_at = min(self.ack_at[no] for no in asked.answers.values())

    def _place(self, number: int, asked: Asked, units: Sequence[int]) -> None:
        stage = int(stage_of(number))
        asked.solo = units[0] if units else 0
        asked.unit = next((unit for unit in units if (stage, unit) in self.asked_of), asked.solo)

    def _withdrawn(self, recorded: Recorded) -> None:
        for number, units, due_at in recorded.fact.body.get("carried", ()):
            asked = self._of(number)
            asked.carried = False
            self._place(number, asked, units)
            self.carried_of[int(stage_of(number)), asked.unit] -= 1
            self._reopen(number, asked, due_at, left=asked.answers)
        for number, _, due_at in recorded.fact.body["answers"]:
            asked = self._of(number)
            left = {p: no for p, no in asked.answers.items() if no != recorded.fact.body["no"]}
            fewer = len(left) < len(asked.answers)
            asked.answers = left
            if fewer:
                self._reopen(number, asked, due_at, left=left)

    def _reopen(
        self, number: int, asked: Asked, due_at: Millis | None, *, left: Mapping[int, int]
    ) -> None:
        if left or asked.carried or asked.state is not _S.COVERED:
            self._date(asked)
            return
        # Without a due time the alert was over, and nothing climbs for it any more.
        asked.state, asked.covered_at = _S.CLOSED if due_at is None else _S.OPEN, None
        self.hurried.add(number)

    def _hurried(self, recorded: Recorded) -> None:
        self.hurried.update(recorded.fact.body["items"])

    def _climbed(self, recorded: Recorded) -> None:
        for number, _, _, _, state, reason, acts, units in recorded.fact.body["items"]:
            self.acts.update(acts)
            self.climbs[reason] += 1
            asked = self._of(number)
            if asked.state is not _S.OPEN:
                continue
            # Due before its first rung though nobody failed or declined: nobody could be told.
            if reason == "unreachable" and number not in self.hurried:
                self.unreachable.setdefault(duty_of(number), number)
            asked.rung = max([asked.rung, *(_HEIGHT[act] for act in acts)])
            asked.state = _S(state)
            if asked.state is _S.EXHAUSTED:
                self._place(number, asked, units)

    def _ended(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no == self.alert_no:
            self.over = True
            for asked in self.asked.values():
                if asked.state is _S.OPEN:
                    asked.state = _S.CLOSED

    # What it came to.

    def state_of(self, number: int) -> RequirementState:
        """A requirement's state; one that nothing happened to is open until the alert is over."""
        if number in self.asked:
            return self.asked[number].state
        return _S.CLOSED if self.over else _S.OPEN

    def count(self, stage: Stage) -> int:
        """How many requirements there are at a stage."""
        return sum(n for (at, _), n in self.asked_of.items() if at == stage)

    def first_stage(self) -> Stage:
        """The stage whose person-duties are the denominator."""
        return min((rule.stage for rule in self.policy.stages), default=Stage.RECEIVED)

    def at(self, stage: Stage) -> dict[int, Asked]:
        """The requirements of one stage to which something happened."""
        low = (self.alert_no << ALERT_SHIFT) + (int(stage) << STAGE_SHIFT)
        high = low + (1 << STAGE_SHIFT)
        return {number: asked for number, asked in self.asked.items() if low <= number < high}

    def stages(self, issued_at: Millis) -> tuple[StageFigures, ...]:
        """One section a stage, in the order in which they are asked."""
        return tuple(
            self._stage(rule.stage, issued_at, round(rule.due_min * MINUTE_MS))
            for rule in sorted(self.policy.stages, key=lambda rule: rule.stage)
        )

    def _stage(self, stage: Stage, issued_at: Millis, due_ms: int) -> StageFigures:
        asked = self.at(stage).values()
        states = Counter(each.state for each in asked)
        states[_S.CLOSED if self.over else _S.OPEN] += self.count(stage) - len(asked)
        return StageFigures(
            stage=stage.word,
            due_ms=due_ms,
            asked=self.count(stage),
            covered=states[_S.COVERED],
            carried=sum(each.carried for each in asked),
            on_time=_on_time(asked, issued_at + due_ms),
            exhausted=states[_S.EXHAUSTED],
            closed=states[_S.CLOSED],
            open=states[_S.OPEN],
        )

    def units(self, issued_at: Millis) -> tuple[UnitFigures, ...]:
        """What was asked of each unit itself, by number and stage."""
        due = {
            rule.stage: issued_at + round(rule.due_min * MINUTE_MS) for rule in self.policy.stages
        }
        groups: dict[tuple[int, int], list[Asked]] = {}
        for number, asked in self.asked.items():
            if asked.unit:
                groups.setdefault((int(stage_of(number)), asked.unit), []).append(asked)
        found = []
        for (stage, unit), n in sorted(self.asked_of.items(), key=lambda item: item[0][::-1]):
            mine, carried = groups.get((stage, unit), []), self.carried_of[stage, unit]
            found.append(
                UnitFigures(
                    unit_no=unit,
                    stage=Stage(stage).word,
                    asked=n,
                    covered=carried + sum(each.state is _S.COVERED for each in mine),
                    on_time=carried + _on_time(mine, due[Stage(stage)]),
                    exhausted=sum(each.state is _S.EXHAUSTED for each in mine),
                )
            )
        return tuple(found)

    def resolved(self) -> dict[str, int]:
        """Those covered at the first stage, as in the answer rate, by the highest rung before."""
        found: Counter[str] = Counter()
        for asked in self.at(self.first_stage()).values():
            if asked.state is _S.COVERED:
                name = RUNGS[asked.rung - 1].value if asked.rung else FIRST
                found[CARRIED if asked.carried else name] += 1
        order = (CARRIED, FIRST, *(act.value for act in RUNGS))
        return {name: found[name] for name in order if found[name]}

    def unwoken(self) -> tuple[tuple[int, int], ...]:
        """(requirement, its own unit) of those exhausted and not covered."""
        return tuple(
            (number, asked.solo)
            for number, asked in sorted(self.asked.items())
            if asked.state is _S.EXHAUSTED
        )


def _on_time(asked: Iterable[Asked], due_at: Millis) -> int:
    return sum(1 for each in asked if each.covered_at is not None and each.covered_at <= due_at)
