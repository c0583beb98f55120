"""The calendar of drills: what each is due for, looked at by the engine's own tick.

Every due time is a column; nothing is remembered here that isn't in the database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row

from alertd.decide.plan import meet
from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.i18n import N_
from alertd.model import MINUTE_MS, AlertState, DrillState, Millis, Status
from alertd.store.reads import drills as reads
from drills import control, ending, holding, moment, owners
from drills import plan as plans
from drills.alerting import INTERRUPTED, Office
from drills.ending import End
from drills.plan import Plan
from drills.script import Item, items

LATEST_MS: Final = 15 * MINUTE_MS
"""A drill whose moment passed while the node was off begins so long after it, and no later."""
UNREADABLE: Final = N_("its plan can't be read")

log = structlog.get_logger("alertd.drills")


@dataclass(slots=True)
class Calendar:
    """Called by the engine in every step.

    Args:
        office: Whose alerts the drills' are.
        settled: Whether the node's time can be relied on at a moment, ms: after a leap it can't at
            first, and what is missed, or reminded of, can't be taken back.
    """

    office: Office
    settled: Callable[[Millis], bool] = lambda _: True
    _plans: dict[int, tuple[Plan, tuple[Item, ...]] | None] = field(default_factory=dict)

    def __call__(self, turn: Turn, *, tick: bool) -> None:
        """Interrupt drills where a live alert is out; on a tick, do what is due."""
        if tick or _live_beside_drill(turn):
            self._interrupt(turn)
        if tick:
            for row in reads.due(turn.connection, turn.now):
                self._look(turn, row)

    def _interrupt(self, turn: Turn) -> None:
        live, drills = reads.out(turn.connection)
        if not live:
            return
        for no in reads.under_way(turn.connection):
            row = reads.row_of(turn.connection, no)
            how = End(
                state=DrillState.INTERRUPTED,
                reason="live-alert",
                template=INTERRUPTED,
                actual_no=live[0],
            )
            ending.end(turn, self.office, row, how)
            found = self._plan(row)
            if found is not None:
                owners.tell(turn, self.office, row.owner, found[0], owners.INTERRUPTED, {})
        for no in drills:  # those without a plan; the others are over by now
            drill = turn.alert(no)
            beside = [each for each in live if meet(turn.alert(each).paths, drill.paths)]
            if beside and drill.state is AlertState.ISSUED:
                ending.give_way(turn, self.office, drill, beside[0])

    def _look(self, turn: Turn, row: Row[Any]) -> None:
        state = DrillState(row.state)
        if state is DrillState.SCHEDULED:
            if self.settled(turn.now):
                self._scheduled(turn, row)
        elif state is DrillState.DRAFTED and not holding.started(turn, row.no):
            self._over(turn, row)
        elif state is DrillState.RUNNING and not self._over(turn, row):
            self._go_on(turn, row)

    def _scheduled(self, turn: Turn, row: Row[Any]) -> None:
        found = self._plan(row)
        if found is None:
            holding.put_off(turn, row.no, DrillState.POSTPONED, f"refused: {UNREADABLE}")
            return
        plan, _ = found
        times = holding.reminders(plan, row.opens_at, row.created_at)
        waiting = times[row.reminded :]
        if waiting and waiting[0] <= turn.now:
            gone = sum(at <= turn.now for at in waiting)
            self._remind(turn, row, plan, waiting[gone:], row.reminded + gone)
        at = _moment_of(turn, row)
        if turn.now < at:
            return
        refused = self._begun(turn, row, plan) if turn.now - at <= LATEST_MS else "missed"
        if refused is not None:
            self._postpone(turn, row, plan, refused)

    def _remind(
        self, turn: Turn, row: Row[Any], plan: Plan, later: list[Millis], reminded: int
    ) -> None:
        params = {"when": _words(turn, row)}
        test_no = self._tell(turn, row, plan, owners.REMINDER, params)
        body = {
            "no": row.no,
            "reminded": reminded,
            "due_at": min([*later, row.opens_at]),
            "test_no": test_no,
        }
        turn.record("drill.reminded", body)

    def _begun(self, turn: Turn, row: Row[Any], plan: Plan) -> str | None:
        """Begin it; returns why it can't be, else None."""
        hindered = holding.hindrance(turn)
        if hindered is not None:
            return hindered[0]
        if row.agreed_by is None and holding.wakes_people(turn, plan):
            return "nobody-agreed"
        try:
            with turn.tx.item():
                author = owners.in_name_of(turn, row.created_by)
                second = owners.in_name_of(turn, row.agreed_by) if row.agreed_by else None
                if author is None or (row.agreed_by and second is None):
                    return "account-closed"
                holding.begin(turn, self.office, row.no, plan, author, second)
        except AlertdError as error:
            turn.alerts.clear()
            return f"refused: {error.message}"
        return None

    def _postpone(self, turn: Turn, row: Row[Any], plan: Plan, reason: str) -> None:
        holding.put_off(turn, row.no, DrillState.POSTPONED, reason)
        self._tell(turn, row, plan, owners.POSTPONED, {})

    def _tell(
        self, turn: Turn, row: Row[Any], plan: Plan, template: str, params: dict[str, Any]
    ) -> int:
        """Tell the owner of a drill that hasn't begun; returns the Test alert's number, or 0.

        Of one without notice the console alone tells: a Test alert is seen by all who read there,
        and they are those who take part.
        """
        blind = bool(row.commitment)
        return 0 if blind else owners.tell(turn, self.office, row.owner, plan, template, params)

    def _over(self, turn: Turn, row: Row[Any]) -> bool:
        alert = ending.goes_on_as(turn, row)
        if not alert.over:
            return False
        reason = alert.state.value if alert.state is not AlertState.ISSUED else "stopped"
        ending.finish(turn, row, End(state=DrillState.ENDED, reason=reason))
        self._plans.pop(row.no, None)
        return True

    def _go_on(self, turn: Turn, row: Row[Any]) -> None:
        alert, found = ending.goes_on_as(turn, row), self._plan(row)
        if found is not None:
            control.go_on(turn, row, alert, *found)

    def _plan(self, row: Row[Any]) -> tuple[Plan, tuple[Item, ...]] | None:
        """The plan as it was frozen, and its script.

        None where this version can't read it: a drill of another one's must not hold up the engine,
        and live alerts with it.
        """
        if row.no not in self._plans:
            try:
                plan = plans.from_dict(reads.content_of(row))
            except AlertdError as error:
                log.warning("a drill's plan can't be read", drill=row.no, reason=error.code)
                self._plans[row.no] = None
            else:
                self._plans[row.no] = plan, items(plan)
        return self._plans[row.no]


def _live_beside_drill(turn: Turn) -> bool:
    """Whether a live alert and a drill are both out, as far as this process remembers."""
    out = [alert for alert in turn.alerts.values() if alert.state is AlertState.ISSUED]
    asking = {alert.status for alert in out if alert.asks}
    return {Status.ACTUAL, Status.EXERCISE} <= asking


def _moment_of(turn: Turn, row: Row[Any]) -> Millis:
    if not row.commitment:
        return int(row.opens_at)
    return moment.draw(turn.tx.vault.blind, row.id, row.opens_at, row.closes_at)


def _words(turn: Turn, row: Row[Any]) -> Mapping[str, str]:
    """When, by language."""
    opens = datetime.fromtimestamp(row.opens_at / 1000, turn.library.zone)
    return {"zh-CN": f"{opens:%m月%d日%H:%M}", "en": f"{opens:%m-%d %H:%M}"}
