"""What a drill's score is made from, read from the store."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from alertd.decide.plan import MUTED
from alertd.engine.counting import counts_as
from alertd.errors import ConflictError
from alertd.lanes import channel_of
from alertd.model import (
    STAGES_OF_ACK,
    Channel,
    DeliveryState,
    DrillState,
    Millis,
    Played,
    RecipientKind,
    Status,
    duty_of,
    stage_of,
)
from alertd.report.make import gather
from alertd.store.reads import drilled as reads
from drills import plan as plans
from drills.score.merging import together
from drills.score.values import Asked, Key, Kind, Place, Said, Seen, Sounded, Told
from drills.script import Event, items

_NOT_COMMANDED: Final = frozenset({"no-route", "outside-plan"})  # no fault of a loudspeaker


def see(connection: Connection, alert_no: int, plan: str) -> Seen:
    """Everything about a drill that its score needs, in one consistent view.

    One of a plan is seen with all the alerts that somebody has followed it up with, whichever of
    them is asked for. Memory: some hundred bytes a person and a duty.

    Raises:
        ConflictError: It isn't a drill, or hasn't begun.
    """
    held = reads.planned(connection, alert_no)
    alerts = held.alerts if held else (alert_no,)
    parts: list[Seen] = []
    until = reads.drilled(connection, alerts[-1]).ended_at
    for number in alerts:
        parts.append(_part(connection, number, parts[-1].ran_ms or 0 if parts else 0, until))
    known = {
        (Kind(item.kind), item.subject_no, item.what)
        for item in reads.known_todos(connection, alerts[0], plan)
        # Of what a later drill saw, this one is no proof.
        if item.open and item.seen_no <= alerts[0]
    }
    whole = replace(
        together(parts),
        plan=plan,
        open=frozenset(known),
        gone=frozenset(_gone(connection, known)),
    )
    return _as_planned(connection, held, whole) if held else whole


def _as_planned(connection: Connection, held: reads.Planned, seen: Seen) -> Seen:
    to_come = items(plans.from_dict(dict(held.content)))[held.step :]
    under_way = held.state in {DrillState.DRAFTED, DrillState.RUNNING}
    return replace(
        seen,
        over=seen.over and not under_way,
        interrupted=held.state is DrillState.INTERRUPTED,
        script_left=sum(item.event is not Event.MENDED for item in to_come),
        followed_by=tuple(reads.drilled(connection, no).short_code for no in held.alerts[1:]),
    )


def _part(connection: Connection, alert_no: int, began: Millis, until: Millis | None) -> Seen:
    """What there is to one of its alerts, that was issued so long after the drill's start.

    What people answer by themselves after `until`, the drill's end, is no part of it: else one that
    is long over would stand better for ever beside one that has just ended.
    """
    drill = reads.drilled(connection, alert_no)
    if drill.status != Status.EXERCISE:
        raise ConflictError(
            "Only a drill is scored; drills and real alerts never mix.",
            hint="What a real alert came to is in its report.",
        )
    if drill.version is None or drill.issued_at is None:
        raise ConflictError("The drill hasn't begun yet.")
    figures = gather(connection, alert_no).figures
    refused = figures.roster_faults.deliveries
    people, muted = _people(connection, drill, drill.issued_at, refused, until)
    sounded, silenced = _speakers(connection, alert_no, drill.version)
    asked = _asked(connection, drill, drill.issued_at, until)
    return Seen(
        figures=figures,
        over=drill.over,
        expired=drill.expired,
        ran_ms=None if drill.ran_ms is None else began + drill.ran_ms,
        places={
            no: Place(no=no, level=level, parent_no=parent)
            for no, level, parent in reads.units(connection, drill.version)
        },
        asked=[replace(each, asked_ms=began) for each in asked],
        told=[replace(person, told_ms=began) for person in people],
        said=[] if asked else _said(connection, drill, drill.issued_at, began, until),
        sounded=sounded,
        vacant=reads.vacant(connection, drill),
        muted={
            Channel(no).word: n
            for no, n in (muted + silenced + _muted_groups(connection, alert_no)).items()
        },
    )


def _said(
    connection: Connection,
    drill: reads.Drilled,
    issued_at: Millis,
    began: Millis,
    until: Millis | None,
) -> list[Said]:
    return [
        Said(
            person_no=each.person_no,
            at_ms=began + max(0, each.at - issued_at),
            stages=STAGES_OF_ACK[counts_as(each.kind, each.moved, each.of)],
            duties=each.duties,
        )
        for each in reads.said(connection, drill.no, until)
    ]


def _asked(
    connection: Connection, drill: reads.Drilled, issued_at: Millis, until: Millis | None
) -> list[Asked]:
    held = reads.holders(connection, drill)
    return [
        Asked(
            duty_no=duty_of(number),
            unit_no=unit_no,
            role=role,
            stage=stage_of(number),
            # An answer that its phone dates earlier came at once.
            covered_ms=None if covered_at is None else max(0, covered_at - issued_at),
            holders=held.get(duty_of(number), ()),
        )
        for number, unit_no, role, covered_at in reads.asked(connection, drill.no, until)
    ]


def _people(
    connection: Connection,
    drill: reads.Drilled,
    issued_at: Millis,
    refused: Iterable[int],
    until: Millis | None,
) -> tuple[list[Told], Counter[int]]:
    """People to whom something was to go, and the messages that the plan kept back, by channel."""
    wrong, muted = frozenset(refused), Counter[int]()
    found: dict[int, Told] = {}
    for message in reads.sent(connection, drill.no, RecipientKind.PERSON):
        if message.reason == MUTED:
            muted[channel_of(message.lane)] += 1
            continue
        person = found.get(message.recipient_no) or Told(person_no=message.recipient_no)
        reason = (message.reason or "") if message.id in wrong else ""
        found[person.person_no] = replace(
            person,
            messages=person.messages + (message.attempt > 0),
            arrived=person.arrived or _arrived(message),
            refused=person.refused or reason,
        )
    for person_no, (at, via) in reads.first_answers(connection, drill.no, until).items():
        if person_no in found:
            found[person_no] = replace(
                found[person_no], answered_ms=max(0, at - issued_at), via=via
            )
    return list(found.values()), muted


def _arrived(message: Any) -> bool:
    """Whether it came to a person for certain. A call that was picked up may be a mailbox's."""
    call = channel_of(message.lane) == Channel.VOICE
    return message.state == DeliveryState.DELIVERED and not call


def _muted_groups(connection: Connection, alert_no: int) -> Counter[int]:
    sent = reads.sent(connection, alert_no, RecipientKind.GROUP)
    return Counter(channel_of(message.lane) for message in sent if message.reason == MUTED)


def _speakers(
    connection: Connection, alert_no: int, version: int
) -> tuple[list[Sounded], Counter[int]]:
    hang, muted, found = reads.units_of_terminals(connection, version), Counter[int](), []
    for message in reads.sent(connection, alert_no, RecipientKind.TERMINAL):
        if message.reason == MUTED:
            muted[channel_of(message.lane)] += 1
            continue
        if message.reason in _NOT_COMMANDED:
            continue
        found.append(
            Sounded(
                terminal_no=message.recipient_no,
                unit_no=hang.get(message.recipient_no, 0),
                state=DeliveryState(message.state),
                played=Played(message.played),
                reason=message.reason or "",
            )
        )
    return found, muted


_SUBJECTS: Final = {
    Kind.SILENT: "duty",
    Kind.NO_CONTACT: "duty",
    Kind.NUMBER: "person",
    Kind.MESSAGES: "person",
    Kind.VACANT: "unit",
    Kind.SPEAKER: "terminal",
}


def _gone(connection: Connection, keys: Iterable[Key]) -> list[Key]:
    """What the roster no longer has, and so needs no mending."""
    found = []
    wanted = list(keys)
    for name in sorted(set(_SUBJECTS.values())):
        mine = [key for key in wanted if _SUBJECTS.get(key[0]) == name]
        there = reads.still_there(connection, name, [key[1] for key in mine])
        found += [key for key in mine if key[1] not in there]
    return found
