"""What is known of those who reply: whose phone it is, and what they were told of.

Read for a whole batch of replies at once: a storm of them costs a few statements a step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from alertd.decide.interpret import LATE_WINDOW_S, Candidate, Duty, Person
from alertd.engine.told import Told, first_told, may_have_come, recent_from, told_of
from alertd.engine.turn import ENDING, LIVE, Turn
from alertd.model import FOREVER, AlertState, Millis, RecipientKind, Status, alert_of
from alertd.store import people
from alertd.store import tables as t
from alertd.store.people import DutyRef
from alertd.store.prepared import Prepared, among, numbers


class About(NamedTuple):
    """An alert that a reply may be about: what tells which one it is.

    Of all that somebody was ever told, so that no more of it than this is read and kept.
    """

    no: int
    id: bytes
    short_code: str
    status: Status
    severity: int
    open: bool  # it asks for an answer, and is under way
    ended_at: Millis | None  # when it ended, or was stopped for good: an answer is late then


class _Tenure(NamedTuple):
    """In which versions of the roster a number was a person's; `FOREVER`: it still is."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Senders:
    """What a batch's replies may be about."""

    sharing: dict[int, list[int]]  # address → the people whose phone it is
    tenures: dict[int, dict[int, _Tenure]]  # address → whose it ever was → when
    told: dict[int, dict[int, Told]]  # person → alert
    duties: dict[int, list[DutyRef]]  # person → what they hold
    names: dict[int, str]  # person → name, where the phone is shared
    about: dict[int, "About"]  # by alert
    alerts: dict[bytes, int]  # id → alert
    here: dict[tuple[int, int], set[int]]  # (address, alert) → who was told of it there
    former: set[int]  # addresses that are nobody's any more; `sharing` has those who left them
    heirs: dict[tuple[int, int], int]  # (address, who gave it up) → who has it, and their duties
    recent: frozenset[int] = frozenset()  # addresses of which `told` is only what is recent
    since: int = 0  # the first alert that is

    def candidates(self, turn: Turn, address_no: int) -> list[Candidate]:
        """The alerts that the people behind an address were told of, and what each asked."""
        tenures = self.tenures.get(address_no, {})
        alerts = sorted({alert for person in tenures for alert in self.told.get(person, ())})
        found: list[Candidate] = []
        for alert_no in alerts:
            named = self._named(turn.now, address_no, alert_no)
            if named:
                left = any(tenures[person].until != FOREVER for person in named)
                told: dict[int, Told] = {}
                for person in named:
                    heir = self.heirs.get((address_no, person), person)
                    told.setdefault(heir, self.told[person][alert_no])
                held = [tenures[person] for person in told]
                moved = left and any(_apart(*pair) for pair in combinations(held, 2))
                found.append(self._candidate(alert_no, told, shared=left, moved=moved))
        return found

    def _named(self, now: Millis, address_no: int, alert_no: int) -> list[int]:
        """Whom an alert's messages to an address named.

        Who was told of it by another number of theirs doesn't answer by a phone that somebody else
        was told at. A number that a person has given up since answers for them what came there, for
        as long as a bare reply would; but not where they shared it with somebody who has it still.
        """
        tenures = self.tenures[address_no]
        told = [p for p in tenures if alert_no in self.told.get(p, ())]
        theirs = [person for person in told if tenures[person].until == FOREVER]
        named = self.here.get((address_no, alert_no))
        if named is None:  # most often: nobody else ever had this number
            return theirs
        here = [person for person in told if person in named]
        stay = [person for person in here if tenures[person].until == FOREVER]
        ended = self.about[alert_no].ended_at
        recent = ended is None or now - ended <= LATE_WINDOW_S * 1000
        left = [
            person
            for person in here
            if recent
            and person not in stay
            and all(_apart(tenures[person], tenures[other]) for other in stay)
        ]
        return [*left, *stay] or theirs

    def _candidate(
        self, alert_no: int, told: Mapping[int, Told], *, shared: bool, moved: bool
    ) -> Candidate:
        alert = self.about[alert_no]
        told = {person: each for person, each in told.items() if not each.aside} or told
        return Candidate(
            alert_id=alert.id,
            short_code=alert.short_code,
            status=alert.status,
            open=alert.open,
            told_at=min(each.at for each in told.values()),
            ended_at=alert.ended_at,
            severity=alert.severity,
            persons=tuple(Person(person_no=p, name=self.names.get(p, "")) for p in told),
            duties=tuple(
                Duty(
                    duty_no=duty.duty_no,
                    person_no=person,
                    unit_code=duty.unit_code,
                    unit_name=duty.unit_name,
                )
                for person in told
                for duty in self.duties.get(person, ())
            ),
            shared=shared,
            moved=moved,
            heard=any(each.heard for each in told.values()),
            aside=all(each.aside for each in told.values()),
        )


def _apart(one: _Tenure, other: _Tenure) -> bool:
    """Whether a number went from one person to another, and was never a phone that they shared."""
    return one.until <= other.since or other.until <= one.since


def senders(turn: Turn, address_nos: Iterable[int], *, whole: bool = True) -> Senders:
    """Read what is known of the people behind these addresses.

    Args:
        turn: The step.
        address_nos: Where they wrote from.
        whole: All that they were ever told of. Most answers are about what is recent, of which
            alone is read else where a number is one person's, and always was.
    """
    connection = turn.connection
    tenures = _tenures(connection, address_nos)
    sharing = {no: _sharing(those) for no, those in tenures.items()}
    former = {no for no, those in tenures.items() if those[sharing[no][0]].until != FOREVER}
    persons = list(dict.fromkeys(p for those in tenures.values() for p in those))
    plain = () if whole else (no for no, p in tenures.items() if len(p) == 1 and no not in former)
    recent, since = frozenset(plain), 0 if whole else recent_from(turn)
    some = {person for no in recent for person in tenures[no]}
    told = told_of(_TOLD, connection, some, since)
    if others := [p for no, those in tenures.items() if no not in recent for p in those]:
        told |= told_of(_TOLD, connection, others)
    alerts = about(connection, {alert_no for those in told.values() for alert_no in those})
    duties = people.duties_of(connection, persons)
    several = [person for those in tenures.values() if len(those) > 1 for person in those]
    return Senders(
        sharing=sharing,
        tenures=tenures,
        told=told,
        duties=duties,
        names=dict(_NAMES.rows(connection, persons=numbers(connection, several)))
        if several
        else {},
        about=alerts,
        alerts={alert.id: alert.no for alert in alerts.values()},
        here=_told_here(connection, [*former, *(no for no, p in tenures.items() if len(p) > 1)]),
        former=former,
        heirs=_heirs(connection, tenures, duties),
        recent=recent,
        since=since,
    )


def _tenures(connection: Connection, address_nos: Iterable[int]) -> dict[int, dict[int, _Tenure]]:
    """Address → whose it ever was, and when."""
    found: dict[int, dict[int, _Tenure]] = {}
    wanted = numbers(connection, list(dict.fromkeys(address_nos)))
    for address_no, person, since, until in _PERSONS_AT.rows(connection, addresses=wanted):
        found.setdefault(address_no, {})[person] = _Tenure(since, until)
    return found


def _sharing(tenures: Mapping[int, _Tenure]) -> list[int]:
    """Whose phone it is; if it is nobody's now, who had it last."""
    last = max(tenure.until for tenure in tenures.values())
    return [person for person, tenure in tenures.items() if tenure.until == last]


def _heirs(
    connection: Connection,
    tenures: Mapping[int, Mapping[int, _Tenure]],
    duties: Mapping[int, Sequence[DutyRef]],
) -> dict[tuple[int, int], int]:
    """(address, who gave it up) → whoever has it now and holds all that they held.

    A telephone that goes with its post, or somebody who was given another id: what was asked there
    is asked of one person still, and whichever of the two it was, their answer is for the same.
    """
    gone: dict[tuple[int, int], int] = {}
    for at, those in tenures.items():
        stay = [person for person, tenure in those.items() if tenure.until == FOREVER]
        if len(stay) == 1:
            left = (person for person in those if person not in stay and person not in duties)
            gone |= {(at, person): stay[0] for person in left}
    held: dict[int, set[int]] = {}
    if gone:
        persons = numbers(connection, {person for _, person in gone})
        for person, duty_no in _HELD.rows(connection, persons=persons):
            held.setdefault(person, set()).add(duty_no)
    return {
        (at, person): heir
        for (at, person), heir in gone.items()
        if person in held and held[person] <= {duty.duty_no for duty in duties.get(heir, ())}
    }


def _held(dialect: str) -> Select[Any]:
    """What people held last, who hold nothing any more."""
    c, later = t.holding.c, t.holding.alias("later").c
    last = select(func.max(later.to_version)).where(later.person_no == c.person_no)
    return select(c.person_no, c.duty_no).where(
        among(dialect, c.person_no, "persons"), c.to_version == last.scalar_subquery()
    )


def _told_here(
    connection: Connection, address_nos: Sequence[int]
) -> dict[tuple[int, int], set[int]]:
    """(address, alert) → who was told of it there.

    Whose messages were all turned away, or failed, is named by none that has come: at a telephone
    that got another's they answer nothing.
    """
    told: dict[tuple[int, int], set[int]] = {}
    heard: dict[tuple[int, int], set[int]] = {}
    if address_nos:
        wanted = numbers(connection, address_nos)
        for address_no, delivery, person, came in _TOLD_HERE.rows(connection, addresses=wanted):
            told.setdefault((address_no, alert_of(delivery)), set()).add(person)
            if came:
                heard.setdefault((address_no, alert_of(delivery)), set()).add(person)
    return told | heard


def _persons_at(dialect: str) -> Select[Any]:
    c = t.contact.c
    since, until = func.min(c.from_version), func.max(c.to_version)
    return (
        select(c.address_no, c.person_no, since, until)
        .where(among(dialect, c.address_no, "addresses"))
        .group_by(c.address_no, c.person_no)
        .order_by(c.address_no, c.person_no)
    )


def _tries_at(dialect: str) -> Select[Any]:
    """Deliveries to the people who have, or had, these addresses, that were tried there."""
    c, d = t.contact.c, t.delivery.c
    theirs = (d.recipient_no == c.person_no) & (d.address_no == c.address_no)
    return (
        select(c.address_no, d.id, d.recipient_no, may_have_come())
        .join_from(t.contact, t.delivery, theirs)
        .where(
            among(dialect, c.address_no, "addresses"),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.attempt > 0,
        )
    )


def name_of(connection: Connection, person_no: int) -> str:
    """What somebody on the roster is called; empty where nobody has that number now."""
    found: dict[int, str] = dict(_NAMES.rows(connection, persons=numbers(connection, [person_no])))
    return found.get(person_no, "")


def _names(dialect: str) -> Select[Any]:
    c = t.person.c
    return select(c.no, c.name).where(among(dialect, c.no, "persons"), c.to_version == FOREVER)


def about(connection: Connection, alert_nos: Iterable[int]) -> dict[int, About]:
    """What a reply may be about, of these alerts."""
    found: dict[int, About] = {}
    for row in _ABOUT.rows(connection, alerts=numbers(connection, alert_nos)):
        no, id_, code, status, severity, state, purpose, ended_at, stopped_at = row
        live = AlertState(state) in LIVE and stopped_at is None
        over_at = stopped_at if ended_at is None else ended_at
        asks = purpose not in ENDING
        found[no] = About(no, id_, code, Status(status), severity, live and asks, over_at)
    return found


def _about(dialect: str) -> Select[Any]:
    a, h = t.alert.c, t.halt.c
    return (
        select(
            *(a.no, a.id, a.short_code, a.status, a.severity, a.state, a.purpose),
            *(a.ended_at, h.stopped_at),
        )
        .select_from(t.alert.outerjoin(t.halt, h.alert_no == a.no))
        .where(among(dialect, a.no, "alerts"))
    )


_ABOUT = Prepared(_about)
_PERSONS_AT = Prepared(_persons_at)
_TOLD_HERE = Prepared(_tries_at)
_HELD = Prepared(_held)
_TOLD = first_told(RecipientKind.PERSON)
_NAMES = Prepared(_names)
