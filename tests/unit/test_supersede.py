"""What an Update or a Cancel ends, and whom it tells; one bad reference and it does nothing."""

from dataclasses import replace

import pytest

from alertd.decide.lifecycle import Action
from alertd.decide.supersede import Identity, Known, Misreference, Superseding, supersede
from alertd.model import AlertState, Status

ORANGE: Identity = ("yuyao@alertd", "A-1", "2026-07-01T08:00:00+08:00")
RED: Identity = ("yuyao@alertd", "A-2", "2026-07-01T12:00:00+08:00")
NEW: Identity = ("yuyao@alertd", "A-3", "2026-07-01T18:00:00+08:00")


def known(**states: AlertState) -> dict[Identity, Known]:
    names = {"orange": ORANGE, "red": RED}
    return {
        names[name]: Known(
            alert_id=name.encode(), identity=names[name], state=state, status=Status.ACTUAL
        )
        for name, state in states.items()
    }


def done(
    msg_type: str,
    references: list[Identity],
    alerts: dict[Identity, Known],
    *,
    status: Status = Status.ACTUAL,
    purpose: Action | None = None,
    fresh: bool = True,
) -> Superseding | list[tuple[str, Identity | None]]:
    found = supersede(
        msg_type,
        references,
        alerts,
        identity=NEW,
        status=status,
        purpose=purpose,
        wants_fresh_answer=fresh,
    )
    if isinstance(found, Superseding):
        return found
    assert all(isinstance(problem, Misreference) for problem in found)
    return [(problem.reason, problem.identity) for problem in found]


@pytest.mark.parametrize("fresh", [True, False])
def test_an_update_takes_an_alerts_place(*, fresh: bool) -> None:
    assert done("Update", [ORANGE], known(orange=AlertState.ISSUED), fresh=fresh) == Superseding(
        action=Action.UPDATE,
        ends=((b"orange", AlertState.UPDATED),),
        tells_told_of=(b"orange",),
        carries_answers=not fresh,
    )


def test_an_update_is_answered_anew_unless_the_policy_says_otherwise() -> None:
    found = supersede(
        "Update", [ORANGE], known(orange=AlertState.ISSUED), identity=NEW, status=Status.ACTUAL
    )
    assert isinstance(found, Superseding)
    assert not found.carries_answers


@pytest.mark.parametrize(
    ("msg_type", "purpose", "after"),
    [
        ("Cancel", None, AlertState.CANCELLED),
        ("Update", Action.ALL_CLEAR, AlertState.ALL_CLEAR),
        ("Update", Action.CORRECT, AlertState.UPDATED),
    ],
)
def test_what_else_ends_an_alert(msg_type: str, purpose: Action | None, after: AlertState) -> None:
    found = done(msg_type, [ORANGE], known(orange=AlertState.ISSUED), purpose=purpose, fresh=False)
    assert isinstance(found, Superseding)
    assert found.ends == ((b"orange", after),)
    assert found.tells_told_of == (b"orange",)
    assert not found.carries_answers


def test_several_alerts_end_at_once_and_a_repeated_reference_counts_once() -> None:
    both = known(orange=AlertState.ISSUED, red=AlertState.ISSUED)
    found = done("Cancel", [ORANGE, RED, ORANGE], both)
    assert isinstance(found, Superseding)
    assert [alert for alert, _ in found.ends] == [b"orange", b"red"]


def test_a_chain_may_be_named_whole() -> None:
    found = done("Update", [ORANGE, RED], known(orange=AlertState.UPDATED, red=AlertState.ISSUED))
    assert isinstance(found, Superseding)
    assert found.ends == ((b"red", AlertState.UPDATED),)


@pytest.mark.parametrize(("msg_type", "purpose"), [("Cancel", None), ("Update", Action.ALL_CLEAR)])
def test_the_end_of_a_chain_names_its_last(msg_type: str, purpose: Action | None) -> None:
    alerts = known(orange=AlertState.UPDATED, red=AlertState.ISSUED)
    superseded = [("reference-superseded", ORANGE)]
    assert done(msg_type, [ORANGE, RED], alerts, purpose=purpose) == superseded
    alerts[RED] = replace(alerts[RED], follows=frozenset({b"orange"}))
    found = done(msg_type, [ORANGE, RED], alerts, purpose=purpose)
    assert isinstance(found, Superseding)
    assert found.tells_told_of == (b"red",)


def test_a_correction_of_what_is_over_leaves_its_state() -> None:
    found = done("Update", [ORANGE], known(orange=AlertState.CANCELLED), purpose=Action.CORRECT)
    assert isinstance(found, Superseding)
    assert (found.ends, found.tells_told_of) == ((), (b"orange",))


def test_an_all_clear_follows_an_alert_whose_time_ran_out() -> None:
    found = done("Update", [ORANGE], known(orange=AlertState.EXPIRED), purpose=Action.ALL_CLEAR)
    assert isinstance(found, Superseding)
    assert found.ends == ((b"orange", AlertState.ALL_CLEAR),)


def test_a_first_alert_ends_nothing() -> None:
    assert done("Alert", [ORANGE], known(orange=AlertState.ISSUED)) == Superseding(action=None)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (AlertState.DRAFT, "reference-not-issued"),
        (AlertState.APPROVED, "reference-not-issued"),
        (AlertState.UPDATED, "reference-superseded"),
        (AlertState.CANCELLED, "reference-already-cancelled"),
        (AlertState.ALL_CLEAR, "reference-already-all-clear"),
        (AlertState.EXPIRED, "reference-already-expired"),
    ],
)
def test_a_reference_that_cant_be_acted_on(state: AlertState, reason: str) -> None:
    assert done("Update", [ORANGE], known(orange=state)) == [(reason, ORANGE)]
    assert done("Cancel", [ORANGE], known(orange=state)) == [(reason, ORANGE)]


def test_an_unknown_reference_stops_the_whole_message_and_all_are_named() -> None:
    unknown: Identity = ("met@alertd", "X", "2026-07-01T08:00:00+08:00")
    issued = known(orange=AlertState.ISSUED)
    assert done("Update", [ORANGE, unknown], issued) == [("reference-unknown", unknown)]
    assert done("Cancel", [unknown, NEW], issued) == [
        ("reference-unknown", unknown),
        ("reference-to-itself", NEW),
    ]


@pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST])
def test_a_drill_never_ends_a_live_alert(status: Status) -> None:
    issued = known(orange=AlertState.ISSUED)
    for msg_type in ("Update", "Cancel"):
        assert done(msg_type, [ORANGE], issued, status=status) == [
            ("reference-status-differs", ORANGE)
        ]


def test_an_update_without_references_updates_nothing() -> None:
    assert done("Update", [], {}) == [("references-missing", None)]


@pytest.mark.parametrize(
    ("msg_type", "purpose"),
    [
        ("Ack", None),
        ("Ack", Action.UPDATE),
        ("Error", None),
        ("", None),
        ("Cancel", Action.ALL_CLEAR),
        ("Update", Action.CANCEL),
    ],
)
def test_a_message_of_another_type_does_nothing(msg_type: str, purpose: Action | None) -> None:
    issued = known(orange=AlertState.ISSUED)
    assert done(msg_type, [ORANGE], issued, purpose=purpose) == [("msg-type-not-supported", None)]
