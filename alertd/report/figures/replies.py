"""What came back from people: acknowledgements, counts, calls for help, replies as read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from alertd.model import BY_HAND, STAGES_OF_ACK, AckKind, Millis, Recorded, duty_of
from alertd.report.figures.part import Take
from alertd.report.figures.spread import spread
from alertd.report.figures.values import Answers, HelpCall, Transfer, WayFigures

_ANSWERS = tuple(kind.value for kind, stages in STAGES_OF_ACK.items() if stages)


@dataclass(slots=True)
class _Ack:
    person: int
    kind: str
    via: str
    grade: str
    late: bool
    count: int | None
    total: int | None
    at: Millis
    inbound: int | None = None
    named: frozenset[int] | None = None  # the duties that it named; None: all of the person's
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class _Report:
    """How many people were moved, of how many, and which duties say so."""

    keys: frozenset[int]
    count: int
    total: int | None


class RepliesPart:
    """Reads `acked`, `ack.counted`, `ack.withdrawn`, `help.*` and `interpreted`."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.acks: dict[int, _Ack] = {}
        self.duties: dict[int, set[int]] = {}  # by person: those that an answer of theirs was for
        self.cases: dict[int, HelpCall] = {}
        self.verdicts: dict[int, str] = {}  # by inbound: read again by an operator, the last counts

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "acked": self._acked,
            "ack.counted": self._counted,
            "ack.withdrawn": self._withdrawn,
            "help.opened": self._help_opened,
            "help.climbed": self._help_climbed,
            "help.taken": self._help_taken,
            "help.closed": self._help_closed,
            "interpreted": self._interpreted,
        }

    def _acked(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        self.acks[body["no"]] = _Ack(
            person=body["person_no"],
            kind=body["kind"],
            via=body["via"],
            grade=body["grade"],
            late=bool(body["late"]),
            count=body["count"],
            total=body["of"],
            at=recorded.fact.occurred_at,
            inbound=body.get("inbound_no"),
            named=None if body.get("duties") is None else frozenset(body["duties"]),
        )
        self._counted(recorded)

    def _counted(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        duties = self.duties.setdefault(body["person_no"], set())
        duties.update(duty_of(number) for number, _ in body["answers"])

    def _withdrawn(self, recorded: Recorded) -> None:
        ack = self.acks.get(recorded.fact.body["no"])
        if ack is not None:
            ack.withdrawn = True

    def _help_opened(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        self.cases[body["ack_no"]] = HelpCall(
            ack_no=body["ack_no"],
            unit_no=body["unit_no"],
            opened_at=recorded.fact.occurred_at,
            climbed=body.get("climbed", 1),
            taken_ms=None,
            closed_ms=None,
        )

    def _help_climbed(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        case = self.cases[body["ack_no"]]
        self.cases[body["ack_no"]] = replace(case, climbed=body["climbed"])

    def _help_taken(self, recorded: Recorded) -> None:
        case = self.cases[recorded.fact.body["ack_no"]]
        after = recorded.fact.occurred_at - case.opened_at
        self.cases[case.ack_no] = replace(case, taken_ms=after)

    def _help_closed(self, recorded: Recorded) -> None:
        case = self.cases[recorded.fact.body["ack_no"]]
        after = recorded.fact.occurred_at - case.opened_at
        self.cases[case.ack_no] = replace(case, closed_ms=after)

    def _interpreted(self, recorded: Recorded) -> None:
        for number, verdict, _, _ in recorded.fact.body["items"]:
            self.verdicts[number] = verdict

    # What it came to.

    def valid(self) -> Iterator[_Ack]:
        """Acks that weren't withdrawn, in the order in which they were recorded."""
        return (ack for ack in self.acks.values() if not ack.withdrawn)

    def first_answers(self) -> dict[int, Millis]:
        """When each person first acknowledged; a call for help or 不在岗 covers nothing."""
        first: dict[int, Millis] = {}
        for ack in self.valid():
            if ack.kind in _ANSWERS:
                first[ack.person] = min(ack.at, first.get(ack.person, ack.at))
        return first

    def ways(self, issued_at: Millis, due_ms: int | None) -> tuple[WayFigures, ...]:
        """People by the way in which their first answer came."""
        first: dict[int, _Ack] = {}
        for ack in self.valid():
            if ack.kind in _ANSWERS and (ack.person not in first or ack.at < first[ack.person].at):
                first[ack.person] = ack
        after: dict[str, list[Millis]] = {}
        for ack in first.values():
            after.setdefault(ack.via, []).append(max(0, ack.at - issued_at))
        return tuple(
            WayFigures(
                via=via,
                people=len(times),
                on_time=sum(due_ms is not None and time <= due_ms for time in times),
                median_ms=spread(times).median,
            )
            for via, times in sorted(after.items())
        )

    def answers(self, issued_at: Millis, due_ms: int | None) -> Answers:
        """The section on acknowledgements; on time is what came within `due_ms` of the issue."""
        valid = list(self.valid())
        return Answers(
            total=len(valid),
            withdrawn=len(self.acks) - len(valid),
            late=sum(ack.late for ack in valid),
            by_kind=_counted(ack.kind for ack in valid),
            by_via=_counted(ack.via for ack in valid),
            by_grade=_counted(ack.grade for ack in valid),
            manual=_counted(ack.via for ack in valid if ack.via in BY_HAND),
            replies=_counted(iter(self.verdicts.values())),
            ways=self.ways(issued_at, due_ms),
            help_calls=tuple(self.cases.values()),
        )

    def transfer(self) -> Transfer:
        """A second count replaces the first of any of its duties: it is a total."""
        last: dict[int, _Report] = {}  # by duty; of who answered for none, by the person below zero
        for report in self._reports():
            for key in report.keys:
                for other in last[key].keys if key in last else ():
                    del last[other]
            last |= dict.fromkeys(report.keys, report)
        counts = [(each.count, each.total) for each in {id(r): r for r in last.values()}.values()]
        told = [(moved, total) for moved, total in counts if total is not None]
        return Transfer(
            reports=len(counts),
            with_total=len(told),
            should=sum(total for _, total in told),
            moved=sum(moved for moved, _ in counts),
            left=sum(max(0, total - moved) for moved, total in told),
        )

    def _reports(self) -> Iterator["_Report"]:
        """Counts as they came; those who share a phone gave one by one reply."""
        found: dict[tuple[int, int], list[_Ack]] = {}
        for no, ack in self.acks.items():
            if ack.kind == AckKind.DONE and ack.count is not None and not ack.withdrawn:
                found.setdefault((ack.inbound or 0, 0 if ack.inbound else no), []).append(ack)
        for acks in found.values():
            keys = frozenset(
                key
                for ack in acks
                for key in ack.named or self.duties.get(ack.person) or (-ack.person,)
            )
            yield _Report(keys, acks[0].count or 0, acks[0].total)


def _counted(words: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
