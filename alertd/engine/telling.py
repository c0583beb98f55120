"""Messages beyond the first: reminders, take-overs, digests, calls for help, confirmations."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, select

from alertd.decide.plan import served
from alertd.decide.told import in_words
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.whose import newcomers
from alertd.lanes import lane_of
from alertd.model import (
    ALERT_SHIFT,
    CONFIRMATION_PRIORITY,
    FOREVER,
    FURTHER,
    HELP_PRIORITY,
    PAUSED_PRIORITY,
    REAL,
    SHORT_RANK,
    Channel,
    MessageKind,
    Precedence,
    RecipientKind,
    Stage,
    Status,
    priority_of,
    stage_of,
)
from alertd.store import due, people
from alertd.store import tables as t
from alertd.store.fold.scope import below
from alertd.store.prepared import Prepared, among, numbers

NOBODY: Mapping[int, str] = MappingProxyType({})
_NAMES_IN_DIGEST = 3  # units named in full; the rest is a number, so that it stays one part
_SCOPES = 64  # statements kept, as the expansion keeps its own
_PERSON = int(RecipientKind.PERSON)
_ASKING = frozenset(
    {MessageKind.SHIFT, MessageKind.REMINDER, MessageKind.TAKEOVER, MessageKind.CALL}
)
_PRIORITY = {
    MessageKind.HELP: HELP_PRIORITY,
    MessageKind.HEARD: HELP_PRIORITY,
    MessageKind.PAUSED: PAUSED_PRIORITY,
    MessageKind.CONFIRMATION: CONFIRMATION_PRIORITY,
}
_FURTHER = frozenset(
    {
        *(MessageKind.REMINDER, MessageKind.TAKEOVER, MessageKind.DIGEST),
        *(MessageKind.GROUP_REMINDER, MessageKind.CALL),
    }
)


def tell(
    turn: Turn,
    alert: LiveAlert,
    kind: MessageKind,
    persons: Sequence[int],
    *,
    template: str,
    params: dict[str, Any],
    contact_rank: int = 1,
    avoid: Mapping[int, str] | None = None,
    place: int | None = None,
) -> int:
    """Have a message sent to people by SMS; returns its number, 0 where nobody can be told.

    People without a contact of that rank get it by their first; those outside a drill's plan
    never do, except for a call for help, which is real even in a drill. `avoid` names, by person,
    a route to be left out where there is another. `place`: as in Notice.
    """
    notice = Notice(persons, template, params, contact_rank, avoid or {}, place=place)
    (number,) = tell_each(turn, alert, kind, [notice])
    return number


class Notice(NamedTuple):
    """A text to people; fields as the parameters of `tell`.

    `first`: the number of the first message to the one person that it is the same for, by another
    contact; 0 where it is anything else. `help`: the call for help that it tells of, or 0.
    `place`: in the alert's queue, a Precedence or FURTHER; None: as messages of the kind have it.
    `spoken`: by a call, as to those who can be sent no text; by none of a kind that isn't rung.
    """

    persons: Sequence[int]
    template: str
    params: dict[str, Any]
    contact_rank: int = 1
    avoid: Mapping[int, str] = NOBODY
    first: int = 0
    help: int = 0
    place: int | None = None
    spoken: bool = False


def tell_each(
    turn: Turn, alert: LiveAlert, kind: MessageKind, notices: Sequence[Notice]
) -> list[int]:
    """As `tell`, for several messages of a kind; what they need to know is read at once.

    Of an alert that can't be read nobody is told anything more, but that somebody needs help.
    """
    if alert.unsayable and kind not in REAL:
        return [0] * len(notices)
    messages = addressed(turn, alert, kind, notices)
    facts = told(turn, alert, kind, messages)
    turn.record_alike("told", [(fact, alert.no, turn.now) for fact in facts if fact])
    return [fact["message"]["no"] if fact else 0 for fact in facts]


def addressed(
    turn: Turn, alert: LiveAlert, kind: MessageKind, notices: Sequence[Notice]
) -> list["Message"]:
    """To whom and by which ways each of these messages goes."""
    wanted = list(dict.fromkeys(person for notice in notices for person in notice.persons))
    if kind not in REAL:
        wanted = inside_plan(turn, alert, wanted)
    rung = {person for notice in notices if notice.spoken for person in notice.persons}
    sent = [person for person in wanted if person not in rung]
    ways = people.contacts(turn.connection, sent, int(Channel.SMS)) if sent else {}
    lane = lane_of(Channel.SMS, message_status(alert, kind))
    spoken = _spoken(turn, alert, kind, [no for no in wanted if no not in ways])
    return [
        Message(
            [
                *(
                    (_PERSON, to, _pick(ways[to], notice.contact_rank), lane, notice.avoid.get(to))
                    for to in sorted(ways.keys() & set(notice.persons))
                ),
                *(call for call in spoken if call[1] in notice.persons),
            ],
            notice.template,
            notice.params,
            notice.first,
            notice.help,
            notice.place,
        )
        for notice in notices
    ]


def _spoken(
    turn: Turn, alert: LiveAlert, kind: MessageKind, persons: Sequence[int]
) -> list["Recipient"]:
    """Calls to those who can be sent no text: of a cry, and to whoever cries, who is told of it."""
    if kind not in REAL or not persons or not rings(turn, alert, kind):
        return []
    lane = lane_of(Channel.VOICE, message_status(alert, kind))
    fixed = dialled(turn, persons, Channel.VOICE)
    return [(_PERSON, to, address, lane, None) for to, address in sorted(fixed.items())]


def rings(turn: Turn, alert: LiveAlert, kind: MessageKind) -> bool:
    """Whether a route can ring people about that, or an operator is to."""
    lane = lane_of(Channel.VOICE, message_status(alert, kind))
    leave = alert.leave_in(lane, turn.now, help_=kind in REAL)
    return served(turn.routes.values(), lane, leave)


def dialled(turn: Turn, persons: Sequence[int], *channels: Channel) -> dict[int, int]:
    """Person → the first number, by channel, that anybody can dial.

    A short number rings only inside the office's own exchange.
    """
    found: dict[int, int] = {}
    for channel in channels:
        for person, ways in people.contacts(turn.connection, persons, int(channel)).items():
            outside = [address for rank, address in ways if rank < SHORT_RANK]
            if outside:
                found.setdefault(person, outside[0])
    return found


def call(turn: Turn, alert: LiveAlert, persons: Sequence[int], params: dict[str, Any]) -> int:
    """Have people's phones rung and the alert spoken, where a route can; as `tell`.

    Whoever is called stays on the operator's list of calls: a machine's call may go unheard.
    """
    kind, lane = MessageKind.CALL, lane_of(Channel.VOICE, alert.status)
    # An alert that was drafted before there were calls has no text for one.
    known = kind.value in alert.templates
    if alert.unsayable or not known or not served(turn.routes.values(), lane, alert.leave):
        return 0
    persons = list(dict.fromkeys(inside_plan(turn, alert, persons)))
    phones = dialled(turn, persons, Channel.SMS, Channel.VOICE)
    recipients: list[Recipient] = [
        (_PERSON, person, address, lane, None) for person, address in sorted(phones.items())
    ]
    return record(turn, alert, kind, recipients, template=kind.value, params=params)


Recipient = tuple[int, int, int, int, str | None]
"""Kind, number, address number, lane, and the route to avoid or None."""


class Message(NamedTuple):
    """A message and where it goes to."""

    recipients: Sequence[Recipient]
    template: str
    params: dict[str, Any]
    first: int = 0  # as Notice has it
    help: int = 0  # too
    place: int | None = None  # too


def record(
    turn: Turn,
    alert: LiveAlert,
    kind: MessageKind,
    recipients: Sequence[Recipient],
    *,
    template: str,
    params: dict[str, Any],
) -> int:
    """Record a message and its deliveries; returns its number, 0 where there are none."""
    (fact,) = told(turn, alert, kind, [Message(recipients, template, params)])
    if fact is None:
        return 0
    turn.record("told", fact, alert_no=alert.no)
    return int(fact["message"]["no"])


def told(
    turn: Turn, alert: LiveAlert, kind: MessageKind, messages: Sequence[Message]
) -> list[dict[str, Any] | None]:
    """The bodies of the facts that messages of a kind go out, None for one that has nobody.

    They count on from what is written down: record them before any more are made.
    """
    if not any(message.recipients for message in messages):
        return [None] * len(messages)
    delivery, number = turn.counters(alert.no)
    base = alert.no << ALERT_SHIFT
    usual = priority_of(alert.severity, FURTHER if kind in _FURTHER else Precedence.FIRST)
    usual = _PRIORITY.get(kind, usual)
    facts: list[dict[str, Any] | None] = []
    come = _come(turn, alert, kind, messages)
    for recipients, template, params, first, cry, place in messages:
        if not recipients:
            facts.append(None)
            continue
        message = {
            "no": base + number,
            "kind": kind.value,
            "template": template,
            "params": params,
            "text_hash": "",
        }
        priority = usual if place is None else priority_of(alert.severity, place)
        deliveries = [
            [base + i, message["no"], *to, priority, *([avoid] if avoid else [])]
            for i, (*to, avoid) in enumerate(recipients, start=delivery)
        ]
        fact = {"message": message, "deliveries": deliveries}
        mine = {number for _, number, *_ in recipients} if come else ()
        holders = in_words(pair for pair in come if pair[1] in mine)
        named = {"first": first, "help": cry, "holders": holders}
        facts.append(fact | {key: value for key, value in named.items() if value})
        delivery, number = delivery + len(recipients), number + 1
    return facts


def _come(
    turn: Turn, alert: LiveAlert, kind: MessageKind, messages: Sequence[Message]
) -> list[tuple[int, int]]:
    """Duties that were asked, and who came to them since: for the record, who was told for them."""
    if kind not in _ASKING:
        return []
    persons = {
        number
        for message in messages
        for recipient, number, *_ in message.recipients
        if recipient == _PERSON
    }
    return newcomers(turn, alert, persons)


def silence(alert: LiveAlert, entries: Iterable[due.Entry]) -> dict[str, Any]:
    """What a digest says of those entries; {} where all of them have answered."""
    silent = [entry for entry in entries if entry.unit and not entry.covered]
    if not silent:
        return {}
    # Counted by number: every community has a first grid, and those are no single one.
    units = {entry.unit_no for entry in silent}
    names = list(dict.fromkeys(entry.unit for entry in silent))
    return {
        **alert.selection["params"],
        "count": len(units),
        "names": names[:_NAMES_IN_DIGEST],
        "stage": wanted(stage_of(entry.requirement_no) for entry in silent),
    }


def wanted(stages: Iterable[Stage]) -> str:
    """What a text about several units says that they owe: `stage` of its template.

    Who has said "received" and not "done" isn't silent, and nobody need knock there.
    """
    words = {stage.word for stage in stages}
    return words.pop() if len(words) == 1 else "several"


def message_status(alert: LiveAlert, kind: MessageKind) -> Status:
    """A call for help in a drill with real people is real, and travels as Actual."""
    drill_of_people = alert.status is not Status.ACTUAL and not alert.leave.simulated
    return Status.ACTUAL if kind in REAL and drill_of_people else alert.status


def _pick(ways: Sequence[tuple[int, int]], rank: int) -> int:
    by_rank = dict(ways)
    return by_rank.get(rank, ways[0][1])


@lru_cache(maxsize=_SCOPES)
def _holders_in(paths: tuple[str, ...]) -> Prepared:
    """Those of some people who hold a duty in these areas; asked at every claim of a drill."""
    u, h = t.unit.c, t.holding.c
    here = exists().where(u.no == h.unit_no, u.to_version == FOREVER, below(u.path, paths))
    return Prepared(
        lambda dialect: (
            select(h.person_no)
            .distinct()
            .where(among(dialect, h.person_no, "persons"), h.to_version == FOREVER, here)
        )
    )


def inside_plan(turn: Turn, alert: LiveAlert, persons: Sequence[int]) -> list[int]:
    """Those whom the alert may reach: everybody if Actual, else the plan's areas only."""
    return planned(turn.connection, alert, persons)


def planned(connection: Connection, alert: LiveAlert, persons: Sequence[int]) -> list[int]:
    """As `inside_plan`, for whoever only reads."""
    if alert.status is Status.ACTUAL or not persons:
        return list(persons)
    author = alert.selection.get("author_person")
    if alert.status is Status.TEST:
        return [person for person in persons if person == author]
    wanted = numbers(connection, persons)
    kept = {no for (no,) in _holders_in(alert.paths).rows(connection, persons=wanted)}
    return [person for person in persons if person in kept]


_TABLES = {RecipientKind.TERMINAL: t.terminal, RecipientKind.GROUP: t.chat_group}


def recipients_inside(
    turn: Turn, alert: LiveAlert, kind: RecipientKind, nos: Sequence[int]
) -> set[int]:
    """Those whom a drill or a test may reach: people, or what hangs and chats in its areas."""
    if kind is RecipientKind.PERSON:
        return set(inside_plan(turn, alert, nos))
    if alert.status is Status.TEST:
        return set()
    u, c = t.unit.c, _TABLES[kind].c
    query = (
        select(c.no)
        .join(t.unit, (u.no == c.unit_no) & (u.to_version == FOREVER))
        .where(c.no.in_(list(nos)), c.to_version == FOREVER, below(u.path, alert.paths))
    )
    return set(turn.connection.execute(query).scalars())
