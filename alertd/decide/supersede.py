"""What an Update or a Cancel does to the alerts that it refers to.

Whoever was told of an alert hears of what ends it, in or out of the new one's own areas. A message
of which one reference can't be followed does nothing at all, and says why for each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alertd.decide.lifecycle import OVER, TRANSITIONS, Action, misfit
from alertd.model import AlertState, Status

Identity = tuple[str, str, str]
"""CAP's triple: sender, identifier, sent, as written (`alertd.cap.Reference` is one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An alert that a reference may name; `follows`: the ids of all those that it followed."""

    alert_id: bytes
    identity: Identity
    state: AlertState
    status: Status
    follows: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseding:
    """What a message that refers to others does to them.

    Attributes:
        ends: The alerts that it ends, and the state that each gets.
        tells_told_of: The alerts whose every recipient hears of it, in or out of its own selection.
        carries_answers: What was answered to the ended alerts stays answered.
    """

    action: Action | None
    ends: tuple[tuple[bytes, AlertState], ...] = ()
    tells_told_of: tuple[bytes, ...] = ()
    carries_answers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Misreference:
    """A reference that can't be followed, and why; no identity where there is none to name."""

    reason: str
    identity: Identity | None = None


_ACTION_OF = {"Update": Action.UPDATE, "Cancel": Action.CANCEL}
_ALLOWED = {
    "Update": frozenset({Action.UPDATE, Action.ALL_CLEAR, Action.CORRECT}),
    "Cancel": frozenset({Action.CANCEL}),
}


def supersede(
    msg_type: str,
    references: Iterable[Identity],
    known: Mapping[Identity, Known],
    *,
    identity: Identity,
    status: Status,
    purpose: Action | None = None,
    wants_fresh_answer: bool = True,
) -> Superseding | tuple[Misreference, ...]:
    """What a CAP message does to those it refers to; every reason at once where it can't.

    A reference may name a whole chain: those in it that a later alert has replaced are passed over,
    as long as one that can still be acted on is there. The word that a danger is over passes over
    none whose place an alert has that it doesn't name.

    Args:
        msg_type: CAP's word: Alert, Update or Cancel; the rest is refused.
        references: Triples, in any order; repeated ones count once.
        known: The alerts that they may name, by identity.
        identity: The message's own.
        status: The message's own; Actual, Exercise and Test never act on one another.
        purpose: What an Update is for: `UPDATE` (the default), `ALL_CLEAR` or `CORRECT`.
        wants_fresh_answer: The policy's word on whether an Update is to be answered anew.
    """
    if msg_type == "Alert":
        return Superseding(action=None)
    action = purpose or _ACTION_OF.get(msg_type)
    if action is None or action not in _ALLOWED.get(msg_type, ()):
        return (Misreference(reason="msg-type-not-supported"),)
    named = list(dict.fromkeys(references))
    if not named:
        return (Misreference(reason="references-missing"),)
    found = [_follow(reference, known, action, identity, status) for reference in named]
    acted = [alert for alert in found if isinstance(alert, Known)]
    wrong = [alert for alert in found if isinstance(alert, Misreference)]
    if acted:
        gone = [known[each] for each in named if each in known] if action in _OVER else []
        standing = {each.identity for each in overtaken(gone)}
        wrong = [
            problem
            for problem in wrong
            if problem.reason not in _PASSED_OVER or problem.identity in standing
        ]
    if wrong:
        return tuple(wrong)
    return Superseding(
        action=action,
        ends=tuple(
            (alert.alert_id, TRANSITIONS[alert.state, action])
            for alert in acted
            if TRANSITIONS[alert.state, action] is not alert.state
        ),
        tells_told_of=tuple(alert.alert_id for alert in acted),
        carries_answers=action is Action.UPDATE and not wants_fresh_answer,
    )


def overtaken(named: Iterable[Known]) -> list[Known]:
    """Those of the alerts that another has replaced which none of the rest follows.

    Whoever was told of one has its successor, too. That its danger is over, said without naming
    that successor, would be taken for the successor's.
    """
    alerts = list(named)
    replaced = [alert for alert in alerts if alert.state is AlertState.UPDATED]
    followed = {id_ for alert in alerts if alert not in replaced for id_ in alert.follows}
    return [alert for alert in replaced if alert.alert_id not in followed]


_OVER = frozenset({Action.CANCEL, Action.ALL_CLEAR})
_PASSED_OVER = frozenset(
    {"reference-superseded", *(f"reference-already-{state}" for state in OVER)}
)


def _follow(
    reference: Identity,
    known: Mapping[Identity, Known],
    action: Action,
    identity: Identity,
    status: Status,
) -> Known | Misreference:
    alert = known.get(reference)
    if reference == identity:
        return Misreference(reason="reference-to-itself", identity=reference)
    if alert is None:
        return Misreference(reason="reference-unknown", identity=reference)
    if alert.status is not status:
        return Misreference(reason="reference-status-differs", identity=reference)
    if alert.state in {AlertState.DRAFT, AlertState.APPROVED}:
        return Misreference(reason="reference-not-issued", identity=reference)
    if (alert.state, action) not in TRANSITIONS:
        return Misreference(reason=f"reference-{misfit(alert.state)}", identity=reference)
    return alert
