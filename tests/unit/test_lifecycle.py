"""Who may move an alert where, and who hears of it: nobody sends a live alert alone by accident."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.decide.lifecycle import (
    OVER,
    TRANSITIONS,
    Action,
    Audience,
    Refusal,
    Subject,
    Transition,
    needs_second_person,
    transition,
)
from alertd.model import AlertState, Status

NOW = 1_782_864_000_000
HOUR_MS = 3_600_000
WANG, LI, CHEN, CLOCK = "wang", "li", "chen", "engine"

DRAFT = Subject(
    state=AlertState.DRAFT, status=Status.ACTUAL, author=WANG, expires_at=NOW + 6 * HOUR_MS
)
APPROVED = replace(DRAFT, state=AlertState.APPROVED, approved_by=LI, issue_at=NOW)
BROKEN = replace(APPROVED, approved_by=WANG, glass_broken=True, issue_at=NOW + 120_000)
ISSUED = replace(APPROVED, state=AlertState.ISSUED)


def moved(subject: Subject, action: Action, actor: str = LI, now: int = NOW) -> Transition:
    found = transition(subject, action, actor=actor, now=now)
    assert isinstance(found, Transition), found
    return found


def refused(subject: Subject, action: Action, actor: str = LI, now: int = NOW) -> str:
    found = transition(subject, action, actor=actor, now=now)
    assert isinstance(found, Refusal), found
    return found.reason


# --- two people


def test_a_live_alert_takes_two_people() -> None:
    assert refused(DRAFT, Action.ISSUE, WANG) == "needs-second-person"
    assert refused(DRAFT, Action.APPROVE, WANG) == "own-alert"
    approval = moved(DRAFT, Action.APPROVE, LI)
    assert (approval.after, approval.issue_at) == (AlertState.APPROVED, NOW)
    assert approval.audience is Audience.NOBODY
    issue = moved(APPROVED, Action.ISSUE, CLOCK)
    assert (issue.after, issue.audience) == (AlertState.ISSUED, Audience.SELECTION)


def test_an_approval_by_the_author_is_none_however_it_came_into_the_books() -> None:
    assert refused(replace(APPROVED, approved_by=WANG), Action.ISSUE) == "needs-second-person"
    assert refused(replace(APPROVED, approved_by=None), Action.ISSUE) == "needs-second-person"


def test_a_change_after_the_approval_loses_it() -> None:
    edit = moved(APPROVED, Action.EDIT, CHEN)
    assert (edit.after, edit.reason) == (AlertState.DRAFT, "approval-lost")
    changed = replace(DRAFT, author=CHEN)
    assert refused(changed, Action.APPROVE, CHEN) == "own-alert"
    assert moved(changed, Action.APPROVE, WANG)


def test_one_person_may_break_the_glass_and_has_to_wait() -> None:
    broken = transition(DRAFT, Action.BREAK_GLASS, actor=WANG, now=NOW, break_glass_delay_s=90)
    assert isinstance(broken, Transition)
    assert (broken.after, broken.record) == (AlertState.APPROVED, "break-glass")
    assert broken.issue_at == NOW + 90_000
    early = transition(BROKEN, Action.ISSUE, actor=CLOCK, now=NOW + 119_999)
    assert early == Refusal(action=Action.ISSUE, reason="break-glass-delay", until_at=NOW + 120_000)
    assert moved(BROKEN, Action.ISSUE, CLOCK, NOW + 120_000).audience is Audience.SELECTION


def test_meanwhile_somebody_else_may_agree_or_stop_it() -> None:
    assert refused(BROKEN, Action.APPROVE, WANG) == "own-alert"
    agreed = moved(BROKEN, Action.APPROVE, LI)
    assert (agreed.issue_at, agreed.reason) == (NOW, "approved-after-break-glass")
    stopped = moved(BROKEN, Action.CANCEL, LI)
    assert (stopped.after, stopped.audience) == (AlertState.CANCELLED, Audience.NOBODY)
    assert stopped.reason == "withdrawn-before-issue"


def test_glass_broken_over_somebody_elses_draft_isnt_mended_by_the_breaker() -> None:
    theirs = replace(BROKEN, author=CHEN, approved_by=WANG)
    assert refused(theirs, Action.APPROVE, WANG) == "own-alert"
    assert refused(theirs, Action.APPROVE, CHEN) == "own-alert"
    assert moved(theirs, Action.APPROVE, LI)


def test_an_alert_is_approved_once() -> None:
    assert refused(APPROVED, Action.APPROVE, CHEN) == "already-approved"


def test_a_feeds_draft_waits_for_somebody_to_make_it_theirs() -> None:
    feed = replace(DRAFT, author="feed", author_is_person=False)
    assert refused(feed, Action.APPROVE, LI) == "nobody-wrote-it"
    assert refused(replace(APPROVED, author_is_person=False), Action.ISSUE) == "needs-second-person"
    assert moved(feed, Action.EDIT, LI).after is AlertState.DRAFT
    assert moved(replace(DRAFT, author=LI), Action.APPROVE, WANG)


@pytest.mark.parametrize(
    ("status", "real_routes", "prepared", "needs"),
    [
        (Status.ACTUAL, True, False, True),
        (Status.ACTUAL, False, False, True),
        (Status.EXERCISE, True, False, True),
        (Status.EXERCISE, False, False, False),
        (Status.TEST, True, False, False),
        (Status.ACTUAL, True, True, False),
    ],
)
def test_who_needs_a_second_person(
    status: Status, *, real_routes: bool, prepared: bool, needs: bool
) -> None:
    subject = replace(DRAFT, status=status, real_routes=real_routes, prepared=prepared)
    assert needs_second_person(subject) is needs
    if needs:
        assert refused(subject, Action.ISSUE, WANG) == "needs-second-person"
    else:
        assert moved(subject, Action.ISSUE, WANG)
        assert refused(subject, Action.APPROVE, LI) == "no-approval-needed"
        assert refused(subject, Action.BREAK_GLASS, WANG) == "no-approval-needed"


# --- who hears of it


@pytest.mark.parametrize(
    ("status", "real_routes", "audience"),
    [
        (Status.ACTUAL, True, Audience.SELECTION),
        (Status.EXERCISE, True, Audience.SELECTION),
        (Status.EXERCISE, False, Audience.SIMULATED),
        (Status.TEST, True, Audience.AUTHOR),
    ],
)
def test_an_issue_reaches(status: Status, *, real_routes: bool, audience: Audience) -> None:
    subject = replace(APPROVED, status=status, real_routes=real_routes)
    assert moved(subject, Action.ISSUE, CLOCK).audience is audience


@pytest.mark.parametrize(
    ("action", "after"),
    [
        (Action.UPDATE, AlertState.UPDATED),
        (Action.CANCEL, AlertState.CANCELLED),
        (Action.ALL_CLEAR, AlertState.ALL_CLEAR),
        (Action.CORRECT, AlertState.UPDATED),
    ],
)
def test_what_ends_an_alert_goes_to_everybody_who_was_told(
    action: Action, after: AlertState
) -> None:
    end = moved(ISSUED, action)
    assert (end.after, end.audience) == (after, Audience.TOLD)


def test_all_clear_and_correction_come_after_the_end_too() -> None:
    expired = replace(ISSUED, state=AlertState.EXPIRED)
    late = moved(expired, Action.ALL_CLEAR, now=NOW + 9 * HOUR_MS)
    assert (late.after, late.audience) == (AlertState.ALL_CLEAR, Audience.TOLD)
    for state in (AlertState.EXPIRED, AlertState.CANCELLED, AlertState.ALL_CLEAR):
        correction = moved(replace(ISSUED, state=state), Action.CORRECT)
        assert (correction.after, correction.audience) == (state, Audience.TOLD)


def test_nobody_is_told_of_the_end_of_what_nobody_was_told() -> None:
    never = replace(DRAFT, state=AlertState.CANCELLED, was_issued=False)
    assert refused(never, Action.CORRECT) == "never-issued"
    expired = replace(never, state=AlertState.EXPIRED)
    assert refused(expired, Action.ALL_CLEAR) == "never-issued"
    assert moved(DRAFT, Action.CANCEL, WANG).audience is Audience.NOBODY


# --- time


def test_an_alert_expires_at_its_time_and_not_before() -> None:
    early = transition(ISSUED, Action.EXPIRE, actor=CLOCK, now=NOW)
    assert early == Refusal(
        action=Action.EXPIRE, reason="not-expired-yet", until_at=NOW + 6 * HOUR_MS
    )
    end = moved(ISSUED, Action.EXPIRE, CLOCK, NOW + 6 * HOUR_MS)
    assert (end.after, end.audience) == (AlertState.EXPIRED, Audience.NOBODY)
    assert refused(replace(ISSUED, expires_at=None), Action.EXPIRE, CLOCK) == "not-expired-yet"


@pytest.mark.parametrize("action", [Action.APPROVE, Action.BREAK_GLASS])
def test_a_draft_whose_time_has_run_out_isnt_let_out(action: Action) -> None:
    assert refused(DRAFT, action, LI, NOW + 6 * HOUR_MS) == "already-expired"
    assert refused(APPROVED, Action.ISSUE, CLOCK, NOW + 6 * HOUR_MS) == "already-expired"


def test_an_alert_isnt_issued_before_its_time() -> None:
    assert refused(replace(APPROVED, issue_at=NOW + 1), Action.ISSUE) == "too-early"


# --- the whole table


@pytest.mark.parametrize(("state", "action"), tuple(itertools.product(AlertState, Action)))
def test_what_isnt_in_the_table_is_refused_by_name(state: AlertState, action: Action) -> None:
    found = transition(replace(APPROVED, state=state), action, actor=LI, now=NOW)
    if (state, action) not in TRANSITIONS:
        assert isinstance(found, Refusal)
        expected = {
            AlertState.UPDATED: "superseded",
            AlertState.CANCELLED: "already-cancelled",
            AlertState.ALL_CLEAR: "already-all-clear",
            AlertState.EXPIRED: "already-expired",
        }
        assert found.reason == expected.get(state, f"not-while-{state}")
    elif isinstance(found, Transition):
        assert (found.before, found.after) == (state, TRANSITIONS[state, action])


def test_nothing_comes_back_from_its_end() -> None:
    halts = {Action.PAUSE, Action.RESUME, Action.STOP}  # of its sending, not of its life
    for (before, action), after in TRANSITIONS.items():
        if before in OVER:
            assert after in OVER
        if before is AlertState.ISSUED and action not in halts:
            assert after in OVER


ACTORS = st.sampled_from([WANG, LI])


@given(
    st.lists(st.tuples(st.sampled_from(Action), ACTORS, st.integers(0, 400_000)), max_size=12),
    st.sampled_from([Status.ACTUAL, Status.EXERCISE]),
)
def test_no_sequence_of_one_persons_acts_sends_without_the_delay(
    acts: list[tuple[Action, str, int]], status: Status
) -> None:
    """Whatever two people do in whatever order: it goes out by both of them, or after the delay."""
    subject, now, broken_at, hands = replace(DRAFT, status=status), NOW, None, {WANG}
    for action, actor, passed_ms in acts:
        now += passed_ms
        found = transition(subject, action, actor=actor, now=now)
        if isinstance(found, Refusal):
            continue
        if found.after is AlertState.ISSUED:
            waited = broken_at is not None and now >= broken_at + 120_000
            assert len(hands) > 1 or waited
            return
        if action is Action.EDIT:
            hands = {actor}
            subject = replace(subject, author=actor, approved_by=None, glass_broken=False)
        if action in {Action.APPROVE, Action.BREAK_GLASS}:
            hands = hands | {actor} if action is Action.APPROVE else hands
            broken_at = now if action is Action.BREAK_GLASS else broken_at
            subject = replace(
                subject,
                approved_by=actor,
                glass_broken=action is Action.BREAK_GLASS,
                issue_at=found.issue_at,
            )
        subject = replace(subject, state=found.after)
