"""The life of an alert: who may move it where, and who hears of it.

An issued alert is never edited. It is ended, by a later alert (`supersede` says which) or by its
own time. Refusals are values with a stable reason; what to say about it is for the caller.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alertd.model import AlertState, Millis, Status

_S = AlertState


class Action(StrEnum):
    """What somebody, or the clock, does to an alert."""

    EDIT = "edit"
    APPROVE = "approve"
    BREAK_GLASS = "break-glass"
    ISSUE = "issue"
    UPDATE = "update"  # a later alert took its place
    CANCEL = "cancel"
    ALL_CLEAR = "all-clear"
    CORRECT = "correct"  # a correction took its place
    EXPIRE = "expire"
    PAUSE = "pause"  # nothing more of it is handed over, until it is resumed
    RESUME = "resume"
    STOP = "stop"  # what hasn't left never will; those who were told are told by what follows


class Audience(StrEnum):
    """Who hears of a transition."""

    NOBODY = "nobody"
    AUTHOR = "author"
    SIMULATED = "simulated"  # a drill's simulated routes
    SELECTION = "selection"  # whom the alert's areas and roles select
    TOLD = "told"  # everybody who was told of it, whoever they are now


TRANSITIONS: Mapping[tuple[AlertState, Action], AlertState] = {
    (_S.DRAFT, Action.EDIT): _S.DRAFT,
    (_S.DRAFT, Action.APPROVE): _S.APPROVED,
    (_S.DRAFT, Action.BREAK_GLASS): _S.APPROVED,
    (_S.DRAFT, Action.ISSUE): _S.ISSUED,  # only where no second person is needed
    (_S.DRAFT, Action.CANCEL): _S.CANCELLED,
    (_S.DRAFT, Action.EXPIRE): _S.EXPIRED,
    (_S.APPROVED, Action.EDIT): _S.DRAFT,  # what was agreed to has changed
    (_S.APPROVED, Action.APPROVE): _S.APPROVED,  # a second person, while broken glass waits
    (_S.APPROVED, Action.ISSUE): _S.ISSUED,
    (_S.APPROVED, Action.CANCEL): _S.CANCELLED,
    (_S.APPROVED, Action.EXPIRE): _S.EXPIRED,
    (_S.ISSUED, Action.UPDATE): _S.UPDATED,
    (_S.ISSUED, Action.CANCEL): _S.CANCELLED,
    (_S.ISSUED, Action.ALL_CLEAR): _S.ALL_CLEAR,
    (_S.ISSUED, Action.CORRECT): _S.UPDATED,  # the correction is what people answer now
    (_S.ISSUED, Action.EXPIRE): _S.EXPIRED,
    (_S.ISSUED, Action.PAUSE): _S.ISSUED,
    (_S.ISSUED, Action.RESUME): _S.ISSUED,
    (_S.ISSUED, Action.STOP): _S.ISSUED,  # over for the sending only: see halt
    # A storm outlives an alert's time: all-clear and correction still go to all who were told.
    (_S.EXPIRED, Action.ALL_CLEAR): _S.ALL_CLEAR,
    (_S.EXPIRED, Action.CORRECT): _S.EXPIRED,
    (_S.CANCELLED, Action.CORRECT): _S.CANCELLED,
    (_S.ALL_CLEAR, Action.CORRECT): _S.ALL_CLEAR,
}
"""Every move there is; what isn't here is refused."""

OVER = frozenset({_S.UPDATED, _S.CANCELLED, _S.ALL_CLEAR, _S.EXPIRED})
"""States that an alert doesn't come back from."""
_TELL_TOLD = frozenset({Action.UPDATE, Action.CANCEL, Action.ALL_CLEAR, Action.CORRECT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a decision about an alert needs to know of it. Principals are compared, not understood.

    Attributes:
        author: The principal who wrote it, or edited it last.
        real_routes: It would go out by a route that reaches people.
        approved_by: The principal who approved it or broke the glass.
        glass_broken: It was approved by one person.
        issue_at: Not to be issued before.
        expires_at: Its own end.
        author_is_person: False for a feed's draft. Nobody wrote that, so that one approval would be
            one person's alert: somebody edits it first, which makes them its author.
        prepared: A correction, or another text, that was approved together with an earlier alert
            and needs nobody more.
        was_issued: It was told to somebody once; a cancelled draft wasn't.
        paused: Somebody has paused its sending.
        stopped: Somebody has stopped its sending for good.
    """

    state: AlertState
    status: Status
    author: str
    real_routes: bool = True
    approved_by: str | None = None
    glass_broken: bool = False
    issue_at: Millis | None = None
    expires_at: Millis | None = None
    author_is_person: bool = True
    prepared: bool = False
    was_issued: bool = True
    paused: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A move that is allowed.

    Attributes:
        issue_at: The alert goes out then; None where the move says nothing of it.
        record: What the journal must say beside the move: `break-glass` or an empty string.
    """

    action: Action
    before: AlertState
    after: AlertState
    audience: Audience
    reason: str
    issue_at: Millis | None = None
    record: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A move that isn't allowed, and why; `until_at` where waiting helps."""

    action: Action
    reason: str
    until_at: Millis | None = None


def needs_second_person(subject: Subject) -> bool:
    """An Actual alert always, an Exercise that uses real routes too; a Test never."""
    if subject.prepared:
        return False
    if subject.status is Status.ACTUAL:
        return True
    return subject.status is Status.EXERCISE and subject.real_routes


def transition(
    subject: Subject,
    action: Action,
    *,
    actor: str,
    now: Millis,
    break_glass_delay_s: float = 120.0,
) -> Transition | Refusal:
    """Whether `actor` may do `action` to the alert now, and what follows.

    Args:
        subject: The alert.
        action: What is to be done.
        actor: The principal who does it; the engine's own name where the clock does.
        now: The time.
        break_glass_delay_s: How long one person's alert waits, so that others can stop it.
    """
    after = TRANSITIONS.get((subject.state, action))
    if after is None:
        return Refusal(action=action, reason=misfit(subject.state))
    if refusal := _refuse(subject, action, actor, now):
        return refusal
    return Transition(
        action=action,
        before=subject.state,
        after=after,
        audience=_audience(subject, action),
        reason=_REASONS.get((subject.state, action), action.value),
        issue_at=_issue_at(action, now, break_glass_delay_s),
        record="break-glass" if action is Action.BREAK_GLASS else "",
    )


_REASONS = {
    (_S.APPROVED, Action.APPROVE): "approved-after-break-glass",
    (_S.APPROVED, Action.EDIT): "approval-lost",
    (_S.DRAFT, Action.CANCEL): "withdrawn-before-issue",
    (_S.APPROVED, Action.CANCEL): "withdrawn-before-issue",
    (_S.EXPIRED, Action.ALL_CLEAR): "all-clear-after-expiry",
}


def misfit(state: AlertState) -> str:
    """Why an action doesn't fit a state, in one word."""
    if state is _S.UPDATED:
        return "superseded"  # act on the alert that took its place
    if state in OVER:
        return f"already-{state}"
    return f"not-while-{state}"


def _refuse(subject: Subject, action: Action, actor: str, now: Millis) -> Refusal | None:
    check = _CHECKS.get(action)
    found = check(subject, actor, now) if check else None
    if found is None:
        return None
    reason, until_at = found if isinstance(found, tuple) else (found, None)
    return Refusal(action=action, reason=reason, until_at=until_at)


_Found = str | tuple[str, Millis | None] | None


def _check_approval(subject: Subject, actor: str, now: Millis) -> _Found:
    if subject.state is _S.APPROVED and not subject.glass_broken:
        return "already-approved"
    if not needs_second_person(subject):
        return "no-approval-needed"
    if not subject.author_is_person:
        return "nobody-wrote-it"
    if actor == subject.author or (subject.glass_broken and actor == subject.approved_by):
        return "own-alert"
    return _check_time(subject, now)


def _check_glass(subject: Subject, _actor: str, now: Millis) -> _Found:
    return _check_time(subject, now) if needs_second_person(subject) else "no-approval-needed"


def _check_issue(subject: Subject, _actor: str, now: Millis) -> _Found:
    if needs_second_person(subject):
        by = subject.approved_by
        alone = by == subject.author or not subject.author_is_person
        if subject.state is _S.DRAFT or by is None or (alone and not subject.glass_broken):
            return "needs-second-person"
    if subject.issue_at is not None and now < subject.issue_at:
        return "break-glass-delay" if subject.glass_broken else "too-early", subject.issue_at
    return _check_time(subject, now)


def _check_expiry(subject: Subject, _actor: str, now: Millis) -> _Found:
    early = subject.expires_at is None or now < subject.expires_at
    return ("not-expired-yet", subject.expires_at) if early else None


def _check_issued(subject: Subject, _actor: str, _now: Millis) -> _Found:
    return None if subject.was_issued else "never-issued"


def _check_pause(subject: Subject, _actor: str, _now: Millis) -> _Found:
    return "already-paused" if subject.paused else _check_stop(subject, _actor, _now)


def _check_resume(subject: Subject, _actor: str, _now: Millis) -> _Found:
    if subject.stopped:
        return "already-stopped"
    return None if subject.paused else "not-paused"


def _check_stop(subject: Subject, _actor: str, _now: Millis) -> _Found:
    return "already-stopped" if subject.stopped else None


def _check_time(subject: Subject, now: Millis) -> _Found:
    over = subject.expires_at is not None and now >= subject.expires_at
    return "already-expired" if over else None


_CHECKS: Mapping[Action, Callable[[Subject, str, Millis], _Found]] = {
    Action.APPROVE: _check_approval,
    Action.BREAK_GLASS: _check_glass,
    Action.ISSUE: _check_issue,
    Action.EXPIRE: _check_expiry,
    Action.ALL_CLEAR: _check_issued,
    Action.CORRECT: _check_issued,
    Action.PAUSE: _check_pause,
    Action.RESUME: _check_resume,
    Action.STOP: _check_stop,
}


def _audience(subject: Subject, action: Action) -> Audience:
    if action is Action.ISSUE:
        if subject.status is Status.TEST:
            return Audience.AUTHOR
        drill = subject.status is Status.EXERCISE and not subject.real_routes
        return Audience.SIMULATED if drill else Audience.SELECTION
    told = action in _TELL_TOLD and subject.state not in {_S.DRAFT, _S.APPROVED}
    return Audience.TOLD if told else Audience.NOBODY


def _issue_at(action: Action, now: Millis, delay_s: float) -> Millis | None:
    if action is Action.BREAK_GLASS:
        return now + round(delay_s * 1000)
    return now if action is Action.APPROVE else None
