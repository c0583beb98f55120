"""What a drill has shown to be wrong, and what of the earlier drills' it has shown to be mended."""

from collections.abc import Iterator, Sequence
from typing import Final

from alertd.model import DeliveryState, Played, duty_of
from drills.score.cutting import Time
from drills.score.tree import breaks
from drills.score.values import Asked, Defect, Key, Kind, Mark, Seen, Sounded, Told, Verdict

MOST_MESSAGES: Final = 5
"""More to one person in a drill are too many (a proposal of this project: 减负)."""


def defects(
    seen: Seen, first: Sequence[Asked], marks: Sequence[Mark], time: Time | None = None
) -> Iterator[Defect]:
    """Everything that is wrong, by kind.

    Nobody is silent before their time was over: in a drill that ended sooner, neither a duty nor a
    loudspeaker of which nothing was heard is wrong.

    Args:
        seen: The drill.
        first: The duties of the first stage.
        marks: Judged.
        time: How much there was.
    """
    time = time or Time()
    unreachable = frozenset(map(duty_of, seen.figures.roster_faults.unreachable_duties))
    told = frozenset(person.person_no for person in seen.told if person.messages)
    timely = {each.duty_no for each in first if time.was_due(each)}
    silent = breaks(seen, [each for each in first if each.duty_no not in unreachable], told)
    yield from (defect for defect in silent if defect.subject in timely)
    for unit_no, role in seen.vacant:
        yield Defect(kind=Kind.VACANT, subject=unit_no, what=role, unit_no=unit_no)
    where = {each.duty_no: each.unit_no for each in first}
    for duty_no in sorted(unreachable):
        yield Defect(kind=Kind.NO_CONTACT, subject=duty_no, unit_no=where.get(duty_no, 0))
    yield from _of_people(seen, first)
    for speaker in seen.sounded:
        if not _played(speaker) and (time.had(time.due_ms) or _failed(speaker)):
            yield Defect(
                kind=Kind.SPEAKER,
                subject=speaker.terminal_no,
                unit_no=speaker.unit_no,
                cause=_trouble(speaker),
            )
    for mark in marks:
        if mark.verdict is Verdict.MISSED:
            yield Defect(kind=Kind.MARK, subject=0, what=mark.name)


def _of_people(seen: Seen, first: Sequence[Asked]) -> Iterator[Defect]:
    home: dict[int, int] = {}  # the first unit in which each was asked
    for each in first:
        for person_no in each.holders:
            home.setdefault(person_no, each.unit_no)
    for person in seen.told:
        unit_no = home.get(person.person_no, 0)
        if person.refused:
            yield Defect(
                kind=Kind.NUMBER,
                subject=person.person_no,
                unit_no=unit_no,
                cause=person.refused,
            )
        if person.messages > MOST_MESSAGES:
            yield Defect(
                kind=Kind.MESSAGES, subject=person.person_no, unit_no=unit_no, n=person.messages
            )


def mended(seen: Seen, first: Sequence[Asked], marks: Sequence[Mark]) -> Iterator[Key]:
    """What was open and has been seen to work, in the order of the keys.

    What the drill didn't try says nothing: it stays open.
    """
    good = frozenset(_sound(seen, first, marks))
    yield from sorted(key for key in seen.open if key in good and key not in seen.gone)


def _sound(seen: Seen, first: Sequence[Asked], marks: Sequence[Mark]) -> Iterator[Key]:
    """Everything that the drill has tried and that worked."""
    yield from _sound_duties(seen, first)
    for person in seen.told:
        if _heard(person) and not person.refused:
            yield Kind.NUMBER, person.person_no, ""
        if 0 < person.messages <= MOST_MESSAGES:
            yield Kind.MESSAGES, person.person_no, ""
    yield from (
        (Kind.SPEAKER, speaker.terminal_no, "") for speaker in seen.sounded if _played(speaker)
    )
    yield from ((Kind.MARK, 0, mark.name) for mark in marks if mark.verdict is Verdict.KEPT)


def _sound_duties(seen: Seen, first: Sequence[Asked]) -> Iterator[Key]:
    unreachable = frozenset(map(duty_of, seen.figures.roster_faults.unreachable_duties))
    for each in first:
        if each.covered_ms is not None:
            yield Kind.SILENT, each.duty_no, ""
            if each.duty_no not in unreachable:
                yield Kind.NO_CONTACT, each.duty_no, ""
        if each.holders:
            yield Kind.VACANT, each.unit_no, each.role


def _heard(person: Told) -> bool:
    return person.arrived or person.answered_ms is not None


def _played(speaker: Sounded) -> bool:
    return speaker.played is Played.PLAYED


def _failed(speaker: Sounded) -> bool:
    """Whether it, or whoever was to tell it, said that it can't."""
    return speaker.played is Played.FAILED or speaker.state is DeliveryState.FAILED


def _trouble(speaker: Sounded) -> str:
    """What went wrong with a loudspeaker, in one word."""
    if speaker.played is Played.PARTIAL:
        return "partial"
    if speaker.played is Played.FAILED:
        return "sound-failed"
    if speaker.state is DeliveryState.DELIVERED:
        return "silent"
    return speaker.reason or speaker.state.word
