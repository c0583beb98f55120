"""Answers from a person's own page: kept raw, deduplicated and counted as replies are.

A tap needs no reading and no attributing: its link says who answers which alert. What comes twice,
because a telephone wasn't sure that the first had arrived, has the same key and counts once.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from alertd.decide.interpret import Verdict, sent_at
from alertd.decide.links import Standing, standing
from alertd.engine import replies
from alertd.engine.answering import acknowledge_all
from alertd.engine.counting import Answered, those_asked
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ForbiddenError, GoneError, NotFoundError
from alertd.model import (
    AckKind,
    AlertState,
    Grade,
    Millis,
    RecipientKind,
    Stage,
    Status,
    Via,
    numbers_of,
    requirement_no,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.reads.own_page import led_units

ROUTE: Final = "own page"
"""How a tap came, where a reply has its route; no route of the settings has a blank in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """Something that a person did on their page.

    Attributes:
        alert_id: The link's alert.
        person_no: The link's person.
        key: Of this tap alone, however often it is sent.
        raw: What came, as it came.
        tapped_at: When, as the telephone says; None: just now.
    """

    alert_id: bytes
    person_no: int
    key: str
    raw: str
    tapped_at: Millis | None = None


def answer(
    turn: Turn,
    tap: Tap,
    kind: AckKind,
    *,
    practice: bool = False,
    count: int | None = None,
    of: int | None = None,
) -> bool:
    """Take a person's own answer; False where it was taken before.

    Args:
        turn: The step.
        tap: Whose, and when.
        kind: What they answer.
        practice: A call for help is made for practice, in an Exercise: it says "received".
        count: With `done`: so many.
        of: Of so many.

    Raises:
        GoneError: The link has ended.
    """
    alert = _alert(turn, tap)
    address = _address(turn, alert.no, tap.person_no)
    number = _keep(turn, tap, alert, address)
    if number is None:
        return False
    if practice and alert.status is Status.EXERCISE:
        kind = AckKind.RECEIVED
    sharing = people.persons_at(turn.connection, address)
    done = kind is AckKind.DONE
    _take(
        turn,
        tap,
        alert,
        "page",
        Answered(
            alert_no=alert.no,
            person_no=tap.person_no,
            kind=kind,
            via=Via.PAGE,
            grade=Grade.SHARED if len(sharing) > 1 else Grade.OWN,
            occurred_at=_moment(turn, alert, tap),
            count=count if done else None,
            of=of if done else None,
            late=alert.over,
            inbound_no=number,
        ),
    )
    return True


def knocked(turn: Turn, tap: Tap, duty_no: int) -> bool:
    """Somebody who answers for a unit has told a duty below it, at the door; False: known.

    The answer counts for the duty's principal, as one that was brought; whose tap brought it is
    on record with it.

    Raises:
        GoneError: The link has ended.
        NotFoundError: The alert doesn't ask that duty, or nobody holds it.
        ForbiddenError: It isn't below a unit that this person answers for.
    """
    alert = _alert(turn, tap)
    stages = [requirement_no(alert.no, stage, duty_no) for stage in Stage]
    held = people.holders(turn.connection, [duty_no]).get(duty_no)
    if not held or not those_asked(turn, stages):
        raise NotFoundError("The alert asks nobody in that duty.", field="duty")
    if not _is_below(turn, alert, tap.person_no, duty_no):
        raise ForbiddenError("That duty isn't below yours.", field="duty")
    number = _keep(turn, tap, alert, _address(turn, alert.no, tap.person_no))
    if number is None:
        return False
    _take(
        turn,
        tap,
        alert,
        "knocked",
        Answered(
            alert_no=alert.no,
            person_no=people.in_charge(held, turn.minute)[0],
            kind=AckKind.RECEIVED,
            via=Via.RUNNER,
            grade=Grade.PROXY,
            occurred_at=_moment(turn, alert, tap),
            late=alert.over,
            inbound_no=number,
            duties=(duty_no,),
        ),
    )
    return True


def _is_below(turn: Turn, alert: LiveAlert, person_no: int, duty_no: int) -> bool:
    c = t.duty.c
    query = select(c.unit_no).where(c.no == duty_no).order_by(c.to_version.desc()).limit(1)
    unit_no = turn.connection.execute(query).scalar_one()
    above = people.ancestors(turn.connection, [unit_no])[unit_no][1:]
    led = led_units(turn.connection, alert.no, person_no, alert.policy.ladder_roles)
    return not led.isdisjoint(above)


def _alert(turn: Turn, tap: Tap) -> LiveAlert:
    alert = turn.alert_by_id(tap.alert_id)
    c = t.alert.c
    ended_at = turn.connection.execute(select(c.ended_at).where(c.no == alert.no)).scalar_one()
    good = standing(over=alert.over, expires_at=alert.expires_at, ended_at=ended_at, now=turn.now)
    if alert.state in {AlertState.DRAFT, AlertState.APPROVED} or good is Standing.CLOSED:
        raise GoneError(
            "This link has ended with its alert.", hint="Answer by SMS, or call the duty desk."
        )
    return alert


def _address(turn: Turn, alert_no: int, person_no: int) -> int:
    """Where the link was sent; 0 where nobody knows."""
    d = t.delivery.c
    query = select(d.address_no).where(
        d.recipient_no == person_no,
        d.id.between(*numbers_of(alert_no)),
        d.recipient_kind == int(RecipientKind.PERSON),
        d.address_no.is_not(None),
    )
    return turn.connection.execute(query.order_by(d.id).limit(1)).scalar() or 0


def _keep(turn: Turn, tap: Tap, alert: LiveAlert, address_no: int) -> int | None:
    """Keep a tap as it came; returns its number, None where it is known."""
    key = f"{alert.no}.{tap.person_no}.{tap.key}"
    if replies.repeated(turn, ROUTE, [key]):
        return None
    return replies.keep(turn, ROUTE, [(key, address_no, tap.raw)])


def _moment(turn: Turn, alert: LiveAlert, tap: Tap) -> Millis:
    """When it was tapped, as far as that can be; never before the alert was issued."""
    return max(sent_at(tap.tapped_at, turn.now), alert.issued_at)


def _take(turn: Turn, tap: Tap, alert: LiveAlert, reason: str, answered: Answered) -> None:
    """Record what a tap was read as, and count it.

    Nobody is told by SMS that their tap came in, since the page says so; but for a call for help,
    whose sender may not look at the page again.
    """
    items = [[answered.inbound_no, Verdict.COUNTED.value, reason, tap.person_no]]
    turn.record("interpreted", {"by": None, "items": items}, alert_no=alert.no)
    acknowledge_all(turn, [answered], confirm=answered.kind is AckKind.HELP)
