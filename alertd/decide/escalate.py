"""Who is told next when a duty stays silent.

A ladder climbs by the policy's steps; what each rung did is kept in bits, so that a rung taken
early (somebody is unavailable, a number is dead) isn't taken again when its time comes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alertd.model import HURRIED, MINUTE_MS, Millis, Policy, RequirementState, Step, Told

LONGEST_UNREPEATED_MS: Final = 30 * MINUTE_MS
"""A call for help that nobody takes is told again after so long at the most."""

LONGEST_CATCH_UP_MS = MINUTE_MS
"""A late ladder takes its next rung after half the policy's time, and after so long at the most."""


UNREACHABLE: Final = "unreachable"
CLIMB_LIMIT: Final = "climb-limit"
"""Why a rung told fewer than the policy says: a drill's plan lets its ladders climb so far only."""


class Act(StrEnum):
    """What a rung asks for."""

    REMIND = "remind"
    ALTERNATES = "alternate"
    PARENT = "parent"
    GRANDPARENT = "grandparent"
    CALL = "call"
    DOOR_KNOCK = "door_knock"
    DUTY_DESK = "duty_desk"


_BIT = {
    Act.ALTERNATES: Told.ALTERNATES,
    Act.PARENT: Told.PARENT,
    Act.GRANDPARENT: Told.GRANDPARENT,
    Act.CALL: Told.CALL_LIST,
    Act.DOOR_KNOCK: Told.DOOR_KNOCK,
    Act.DUTY_DESK: Told.DUTY_DESK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Where one requirement's climb stands."""

    step: int
    start_at: Millis
    told: int
    has_alternates: bool
    held: frozenset[Act] = frozenset()  # what a drill's plan doesn't let it do
    nobody: frozenset[Act] = frozenset()  # what would tell nobody: there is none above


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """What happens now, and when the next rung is due."""

    acts: tuple[Act, ...]
    channels: tuple[str, ...]
    step: int
    due_at: Millis | None
    told: int
    state: RequirementState
    reason: str


def climb(ladder: Ladder, policy: Policy, now: Millis) -> Climb:
    """Take the rung whose time has come; before its time, the alternate's rung at once.

    One rung at a time, however late: those who were told by the last one, and gateways that bring
    answers from the time that we were off, get a part of the policy's own time before the next.
    """
    due = _due(ladder, policy, now)
    if not due and ladder.step < len(policy.steps):
        return _hurry(ladder, policy)
    wanted = [Act(word) for step in due for word in step.do]
    wanted += _at_once(ladder) if ladder.told & HURRIED else []
    acts, limited = _possible(ladder, wanted)
    step = ladder.step + len(due)
    told = _mark(ladder.told, acts)
    channels = tuple(dict.fromkeys(c for s in due for c in s.channels))
    if step < len(policy.steps):
        due_at = max(_at(ladder, policy.steps[step]), now + _least(due[-1], policy.steps[step]))
        reason = CLIMB_LIMIT if limited else "no-answer"
        return _climb(acts, channels, step, due_at, told, RequirementState.OPEN, reason)
    # The last rung: silence must end at a human, so the list of doors to knock at is always one.
    acts = (*acts, *_fresh([Act.DOOR_KNOCK], told))
    told = _mark(told, acts)
    reason = CLIMB_LIMIT if limited else "steps-exhausted"
    return _climb(acts, channels, step, None, told, RequirementState.EXHAUSTED, reason)


def _hurry(ladder: Ladder, policy: Policy) -> Climb:
    """Somebody else now, and the rung in its own time."""
    acts, limited = _possible(ladder, _at_once(ladder))
    due_at = _at(ladder, policy.steps[ladder.step])
    told = _mark(ladder.told, acts)
    reason = CLIMB_LIMIT if limited else UNREACHABLE
    return _climb(acts, ("sms",), ladder.step, due_at, told, RequirementState.OPEN, reason)


def _possible(ladder: Ladder, wanted: list[Act]) -> tuple[tuple[Act, ...], bool]:
    """What of it is done, and whether a drill's plan kept any of it back.

    A rung that would tell nobody isn't taken: else all who look would read that they were told.
    """
    none = ladder.nobody if ladder.has_alternates else ladder.nobody | {Act.ALTERNATES}
    fresh = _fresh([act for act in wanted if act not in none], ladder.told)
    return tuple(act for act in fresh if act not in ladder.held), bool(ladder.held & set(fresh))


def _at_once(ladder: Ladder) -> list[Act]:
    """Nobody can answer by the way tried: the alternate now, or the parent where there is none."""
    alternates = ladder.has_alternates and not Told.ALTERNATES & ladder.told
    return [Act.ALTERNATES if alternates else Act.PARENT]


def first_due(start_at: Millis, policy: Policy) -> Millis | None:
    """When a fresh ladder's first rung is due; None where the policy has no steps."""
    return start_at + round(policy.steps[0].after_min * MINUTE_MS) if policy.steps else None


def _due(ladder: Ladder, policy: Policy, now: Millis) -> list[Step]:
    """The rung that is due, with those that the policy puts at the same minute."""
    left = policy.steps[ladder.step :]
    if not left or _at(ladder, left[0]) > now:
        return []
    return [step for step in left if step.after_min <= left[0].after_min]


def _least(taken: Step, following: Step) -> Millis:
    """The least time between two rungs, where the first came late."""
    return min(round((following.after_min - taken.after_min) * MINUTE_MS / 2), LONGEST_CATCH_UP_MS)


def _at(ladder: Ladder, step: Step) -> Millis:
    return ladder.start_at + round(step.after_min * MINUTE_MS)


def _fresh(wanted: list[Act], told: int) -> tuple[Act, ...]:
    """Drop what was done before; a reminder may be repeated, once a climb."""
    acts = dict.fromkeys(wanted)
    return tuple(act for act in acts if act not in _BIT or not _BIT[act] & told)


def _mark(told: int, acts: tuple[Act, ...]) -> int:
    told &= ~HURRIED
    for act in acts:
        told |= _BIT.get(act, 0)
    return told


def _climb(
    acts: tuple[Act, ...],
    channels: tuple[str, ...],
    step: int,
    due_at: Millis | None,
    told: int,
    state: RequirementState,
    reason: str,
) -> Climb:
    return Climb(
        acts=acts,
        channels=channels,
        step=step,
        due_at=due_at,
        told=told,
        state=state,
        reason=reason,
    )


def help_due(policy: Policy, now: Millis, *, repeated_since: Millis | None = None) -> Millis:
    """When a call for help that nobody has taken climbs again.

    Args:
        policy: Says how often.
        now: The time.
        repeated_since: Where all who could be told know of it, and gateways are behind: since when
            it has been open. Then each time is as far again from that, or some modem would have
            turns for nothing else, and nobody would be warned any more.
    """
    wait = round(policy.help_climb_s * 1000)
    if repeated_since is not None:
        wait = max(wait, min(now - repeated_since, LONGEST_UNREPEATED_MS))
    return now + wait
