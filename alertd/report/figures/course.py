"""The alert as a whole: who agreed when, when it went out, what followed."""

from collections.abc import Mapping
from typing import Any

from alertd.model import AlertState, Fact, Millis, Recorded, Status
from alertd.report.figures.part import Take
from alertd.report.figures.values import Course


class CoursePart:
    """Reads `alert.*` of this alert and of those that follow it."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.draft: Mapping[str, Any] = {}
        self.state = ""
        self.break_glass = False
        self.roster: tuple[int | None, str] = (None, "")
        self.drafted_at: Millis | None = None
        self.approved_at: Millis | None = None
        self.issued_at: Millis | None = None
        self.ended_at: Millis | None = None
        self.followers: dict[int, dict[str, Any]] = {}

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "alert.drafted": self._drafted,
            "alert.approved": self._approved,
            "alert.issued": self._issued,
            "alert.ended": self._ended,
        }

    def _drafted(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if fact.alert_no == self.alert_no:
            self.draft, self.drafted_at = fact.body, fact.occurred_at
            self.state = AlertState.DRAFT
        elif self._follows(fact):
            self.followers[fact.alert_no] = {
                "alert_no": fact.alert_no,
                "purpose": fact.body["purpose"],
                "drafted_at": fact.occurred_at,
                "issued_at": None,
            }

    def _approved(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if fact.alert_no != self.alert_no:
            return
        self.state = AlertState.APPROVED
        # After a broken glass a second person may still agree; the first word let it go out.
        self.approved_at = self.approved_at or fact.occurred_at
        self.break_glass = bool(fact.body["break_glass"])

    def _issued(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if fact.alert_no in self.followers:
            self.followers[fact.alert_no]["issued_at"] = fact.occurred_at
        if fact.alert_no == self.alert_no:
            self.state, self.issued_at = AlertState.ISSUED, fact.occurred_at
            self.roster = (fact.body["roster_version"], fact.body["roster_digest"])

    def _ended(self, recorded: Recorded) -> None:
        fact = recorded.fact
        if fact.alert_no == self.alert_no:
            self.state, self.ended_at = fact.body["state"], fact.occurred_at

    def about(self, fact: Fact) -> bool:
        """Whether a fact about another alert says something about this one."""
        if fact.kind == "alert.drafted":
            return self._follows(fact)
        return fact.kind == "alert.issued" and fact.alert_no in self.followers

    def _follows(self, fact: Fact) -> bool:
        """Whether a draft names this alert: `references_no` is but the newest of those it names."""
        if fact.body["references_no"] == self.alert_no:
            return True
        mine = ",".join(str(self.draft.get(name, "")) for name in ("sender", "identifier", "sent"))
        named = fact.body.get("cap", {}).get("references", "")
        return bool(self.draft) and mine in named.split()

    def since_issue(self, at: Millis) -> Millis:
        """How long after the issue; an answer that its phone dates earlier came at once."""
        return max(0, at - (self.issued_at or at))

    def figures(self, as_of: Millis | None) -> Course:
        """The alert's section; `as_of`: when the last fact about it was recorded."""
        draft = self.draft
        version, digest = self.roster
        return Course(
            no=self.alert_no,
            id=draft["id"],
            status=Status(draft["status"]).word,
            purpose=draft["purpose"],
            state=str(self.state),
            short_code=draft["short_code"],
            colour=draft["colour"],
            severity=draft["severity"],
            headline=draft["headline"],
            policy=draft["policy"]["name"],
            simulated=bool(draft["selection"].get("simulated")),
            break_glass=self.break_glass,
            roster_version=version,
            roster_digest=digest,
            drafted_at=self.drafted_at,
            approved_at=self.approved_at,
            issued_at=self.issued_at,
            ended_at=self.ended_at,
            as_of=as_of,
            approval_ms=_between(self.drafted_at, self.approved_at),
            issue_ms=_between(self.approved_at, self.issued_at),
            correction_ms=_between(self.issued_at, self._corrected_at()),
            followed_by=tuple(self.followers.values()),
        )

    def _corrected_at(self) -> Millis | None:
        issued = [
            follower["issued_at"]
            for follower in self.followers.values()
            if follower["purpose"] == "correction" and follower["issued_at"] is not None
        ]
        return min(issued, default=None)


def _between(start: Millis | None, end: Millis | None) -> int | None:
    return None if start is None or end is None else end - start
