"""Which alert, people and duties a reply answers: a wrong guess covers a grid that nobody answered.

The day is 1 July; times are minutes after its first alert.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.decide.grammar import Reply, ReplyKind, parse
from alertd.decide.interpret import (
    CLOCK_SKEW_S,
    CREDIBLE_S,
    LATE_WINDOW_S,
    RECENT_S,
    Candidate,
    Correlation,
    Duty,
    Person,
    Verdict,
    correlate,
    is_of_recent,
    sent_at,
)
from alertd.model import Grade, Status

START = 1_782_864_000_000

WANG, LI = Person(person_no=1, name="王小明"), Person(person_no=2, name="李大江")
GRID_3 = Duty(
    duty_no=31, person_no=1, unit_code="330281001001003", unit_name="梨洲街道苏家园社区第三网格"
)
GRID_13 = Duty(
    duty_no=32, person_no=1, unit_code="330281001001013", unit_name="梨洲街道苏家园社区第十三网格"
)
FENGSHAN_3 = Duty(
    duty_no=33, person_no=1, unit_code="330281002004003", unit_name="凤山街道东山社区第三网格"
)
LIS_GRID = Duty(
    duty_no=34, person_no=2, unit_code="330281001001013", unit_name="梨洲街道苏家园社区第十三网格"
)


def at(minutes: float) -> int:
    return START + round(minutes * 60_000)


def alert(code: str = "A7", told: float = 0, **more: object) -> Candidate:
    base = Candidate(
        alert_id=code.encode(), short_code=code, status=Status.ACTUAL, open=True, told_at=at(told),
        persons=(WANG,), duties=(GRID_3,),
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def ended(code: str = "A7", told: float = 0, end: float = 60, **more: object) -> Candidate:
    return alert(code, told, open=False, ended_at=at(end), **more)


def told(
    text: str,
    *candidates: Candidate,
    extension: str = "",
    minutes: float = 70,
    elsewhere: bool = False,
) -> Correlation:
    names = [person.name for candidate in candidates for person in candidate.persons]
    return correlate(
        parse(text, names), extension, candidates, received_at=at(minutes), elsewhere=elsewhere
    )


def verdict(found: Correlation) -> tuple[Verdict, str]:
    return found.verdict, found.reason


# --- which alert


def test_a_bare_reply_is_taken_for_the_only_open_alert() -> None:
    found = told("1", alert())
    assert verdict(found) == (Verdict.COUNTED, "only-open")
    assert (found.alert_id, found.persons, found.duties) == (b"A7", (1,), (31,))
    assert (found.grade, found.late, found.kind) == (Grade.OWN, False, ReplyKind.RECEIVED)


def test_what_has_not_come_is_answered_only_where_nothing_else_has() -> None:
    waits, running, over = alert("A7", 65, heard=False), alert("A6"), ended("A6")
    assert told("1", over, waits).alert_id == b"A6"
    assert told("1", running, waits).alert_id == b"A6"
    assert told("A7 1", running, waits).alert_id == b"A7"
    assert told("1", waits).alert_id == b"A7"
    assert told("1", waits, ended("A6", -9000, -8000)).alert_id == b"A7"  # too long ago
    assert told("3", over, waits).alert_id == b"A7"  # help goes to the one that is under way


def test_an_ended_alert_beside_it_changes_nothing() -> None:
    assert told("1", ended("A6"), alert("A7", 65)).alert_id == b"A7"


def test_a_bare_reply_with_several_open_is_a_guess_that_nobody_makes() -> None:
    found = told("2 35", alert("A7"), alert("B2", 5))
    assert verdict(found) == (Verdict.AMBIGUOUS, "several-open")
    assert (found.alert_id, found.persons, found.duties) == (None, (), ())
    assert found.kind is ReplyKind.DONE  # evidence


@pytest.mark.parametrize("text", ["B2 1", "1 b2", "收到B2"])
def test_a_code_says_which(text: str) -> None:
    found = told(text, alert("A7"), alert("B2", 5))
    assert verdict(found) == (Verdict.COUNTED, "code")
    assert found.alert_id == b"B2"


def test_the_sender_extension_decides_first() -> None:
    both = (alert("A7", extension="01"), alert("B2", 5, extension="02"))
    found = told("1", *both, extension="02")
    assert verdict(found) == (Verdict.COUNTED, "extension")
    assert found.alert_id == b"B2"


def test_a_code_that_agrees_with_the_extension_is_fine() -> None:
    both = (alert("A7", extension="01"), alert("B2", 5, extension="02"))
    assert told("B2 1", *both, extension="02").alert_id == b"B2"


def test_a_code_written_into_another_alerts_thread_is_a_guess_too() -> None:
    both = (alert("A7", extension="01"), alert("B2", 5, extension="02"))
    found = told("A7 1", *both, extension="02")
    assert verdict(found) == (Verdict.AMBIGUOUS, "extension-and-code-disagree")


def test_an_extension_of_an_alert_that_this_person_never_saw() -> None:
    found = told("1", alert("A7", extension="01"), extension="09")
    assert verdict(found) == (Verdict.QUARANTINED, "extension-not-told")
    assert told("A7 1", alert("A7", extension="01"), extension="09").reason == "code"


def test_a_route_that_gives_no_extensions_may_still_have_a_number_of_its_own() -> None:
    assert told("1", alert("A7"), extension="106").reason == "only-open"


def test_an_extension_given_out_again_means_the_open_alert() -> None:
    both = (ended("A6", extension="01"), alert("B2", 65, extension="01"))
    assert told("1", *both, extension="01").alert_id == b"B2"
    long_ago = ended("A6", -60 * 24 * 30, -60 * 24 * 29, extension="01")
    assert told("1", long_ago, extension="01").verdict is Verdict.QUARANTINED


def test_an_answer_to_a_message_of_another_alert_counts_for_none_of_these() -> None:
    """The gateway knows which call or mail it is: of an alert that a backup lacks, perhaps."""
    found = told("1", alert("A7"), elsewhere=True)
    assert verdict(found) == (Verdict.AMBIGUOUS, "answers-another")
    assert found.alert_id is None
    assert verdict(told("1", ended(), elsewhere=True)) == (Verdict.NO_ALERT, "answers-another")
    both = told("1", ended(), alert("B2"), elsewhere=True)
    assert verdict(both) == (Verdict.AMBIGUOUS, "answers-another")
    assert told("A7 1", alert("A7"), elsewhere=True).reason == "code"
    assert told("3", alert("A7"), elsewhere=True).kind is ReplyKind.HELP


@pytest.mark.parametrize("text", ["B2 1", "B2 2 35", "B2"])
def test_a_code_of_an_alert_that_this_person_wasnt_told_of(text: str) -> None:
    found = told(text, alert("A7"))
    assert verdict(found) == (Verdict.QUARANTINED, "code-not-told")
    assert found.alert_id is None


def test_a_code_with_its_answer_glued_on() -> None:
    """A71 may be A7 and 1, or an alert that was never told; help alone is heard."""
    assert verdict(told("A71", alert("A7"))) == (Verdict.UNCLEAR, "code-glued")
    help_ = told("A73", alert("A7"), alert("B2", 5))
    assert (help_.kind, help_.alert_id, help_.reason) == (ReplyKind.HELP, b"A7", "help-code-glued")
    assert told("A73", alert("A73")).kind is ReplyKind.UNCLEAR


# --- when


def test_a_late_answer_counts_and_is_marked() -> None:
    found = told("1", ended(end=60), minutes=61)
    assert verdict(found) == (Verdict.COUNTED, "last-told")
    assert found.late


def test_a_late_bare_answer_goes_to_the_alert_told_last() -> None:
    assert told("1", ended("A7"), ended("B2", 30, 50)).alert_id == b"B2"
    assert told("1", ended("B2"), ended("A7", 30, 50)).alert_id == b"A7"


def test_an_extension_given_out_again_means_the_open_one_though_it_is_the_elder() -> None:
    both = (ended("B2", 30, extension="01"), alert("A7", 0, extension="01"))
    assert told("1", *both, extension="01").alert_id == b"A7"


def test_a_bare_answer_after_days_answers_nothing() -> None:
    edge = 60 + LATE_WINDOW_S / 60
    assert told("1", ended(end=60), minutes=edge).late
    assert verdict(told("1", ended(end=60), minutes=edge + 1)) == (Verdict.NO_ALERT, "no-alert")


def test_a_code_names_its_alert_however_late() -> None:
    found = told("A7 1", ended(end=60), alert("B2", 70), minutes=60 * 24 * 10)
    assert (found.alert_id, found.late, found.reason) == (b"A7", True, "code")


def test_nothing_was_asked() -> None:
    assert verdict(told("1")) == (Verdict.NO_ALERT, "no-alert")


def test_a_reply_written_before_the_alert_doesnt_answer_it() -> None:
    """A gateway that delivers an hour late: the 1 was for something else."""
    found = told("1", alert(told=70), minutes=10)
    assert verdict(found) == (Verdict.AMBIGUOUS, "before-told")
    assert told("A7 1", alert(told=70), minutes=10).alert_id == b"A7"
    assert verdict(told("1", ended(told=70, end=80), minutes=10))[0] is Verdict.NO_ALERT
    assert told("1", ended("A6", 0, 60), alert("A7", 70), minutes=10).alert_id == b"A6"


def test_a_clock_that_is_a_little_off_doesnt_matter() -> None:
    assert told("1", alert(told=70), minutes=70 - CLOCK_SKEW_S / 60).reason == "only-open"


def test_an_answer_on_its_way_while_an_update_is_told_is_not_about_the_update() -> None:
    both = (ended("A7", 0, 70), alert("B2", 71))
    found = told("1", *both, minutes=70.5)
    assert verdict(found) == (Verdict.AMBIGUOUS, "told-meanwhile")
    assert (found.alert_id, found.persons, found.duties) == (None, (), ())
    assert told("1", *both, minutes=71).alert_id == b"B2"
    assert told("B2 1", *both, minutes=70.5).alert_id == b"B2"


@pytest.mark.parametrize(
    "before",
    [
        ended("A7", 0, 60 - LATE_WINDOW_S / 60),  # nobody answers that any more
        ended("A7", 0, 60, heard=False),
        ended("A7", 71, 72),
    ],
)
def test_a_clock_that_is_a_little_off_is_believed_where_they_had_nothing_to_answer(
    before: Candidate,
) -> None:
    found = told("1", before, alert("B2", 71), minutes=70.5)
    assert (found.alert_id, found.reason) == (b"B2", "only-open")


def test_an_answer_on_its_way_is_that_of_the_one_that_runs_still() -> None:
    assert told("1", alert("A7"), ended("B2", 71, 72), minutes=70.5).alert_id == b"A7"


def test_help_on_its_way_is_heard_by_the_alert_that_runs() -> None:
    found = told("3", ended("A7", 0, 70), alert("B2", 71), minutes=70.5)
    assert (found.alert_id, found.verdict) == (b"B2", Verdict.COUNTED)


# --- what isn't an answer


def test_an_unclear_reply_is_shown_beside_its_alert() -> None:
    found = told("开会中稍后联系", alert())
    assert verdict(found) == (Verdict.UNCLEAR, "unknown-words")
    assert (found.alert_id, found.persons, found.duties) == (b"A7", (1,), ())


def test_an_unclear_reply_with_several_open_is_shown_by_itself() -> None:
    found = told("没收到", alert("A7"), alert("B2"))
    assert verdict(found) == (Verdict.UNCLEAR, "negation")
    assert found.alert_id is None


def test_opting_out_is_a_ticket_and_never_an_answer() -> None:
    assert told("TD", alert()).verdict is Verdict.OPT_OUT
    assert told("TD", alert("A7"), alert("B2")).verdict is Verdict.OPT_OUT
    assert told("TD").verdict is Verdict.OPT_OUT
    assert told("TD", alert()).duties == ()


# --- help is never lost


def test_help_goes_to_the_only_open_alert() -> None:
    found = told("3 水进屋了", alert())
    assert (found.kind, found.verdict, found.alert_id) == (ReplyKind.HELP, Verdict.COUNTED, b"A7")
    assert (found.persons, found.duties, found.drill_help) == ((1,), (31,), False)


def test_help_with_several_open_goes_to_the_gravest_live_one() -> None:
    found = told(
        "救命",
        alert("A7", 0, severity=2),
        alert("B2", 5, severity=1),
        alert("C3", 6, severity=1, status=Status.EXERCISE),
        alert("D4", 9, severity=3),
    )
    assert (found.alert_id, found.reason) == (b"B2", "help-several-open")


def test_among_equals_help_goes_to_the_alert_told_last() -> None:
    assert told("3", alert("A7", 0), alert("B2", 5)).alert_id == b"B2"


def test_help_from_a_shared_phone_is_theirs_who_are_named_or_everybodys() -> None:
    shared = alert(persons=(WANG, LI), duties=(GRID_3, LIS_GRID))
    named = told("李大江 求助", shared)
    assert (named.persons, named.duties) == ((2,), (34,))
    assert told("求助", shared).persons == (1, 2)


def test_help_from_a_mailbox_that_is_nobodys_waits_for_a_person_to_read_it() -> None:
    found = told("求助", alert(persons=(), duties=(), shared=True))
    assert verdict(found) == (Verdict.UNCLEAR, "person-not-named")
    assert (found.kind, found.alert_id) == (ReplyKind.HELP, b"A7")


def test_help_follows_the_alert_that_it_names() -> None:
    assert told("A7 3", alert("A7", 0), alert("B2", 5)).alert_id == b"A7"


@pytest.mark.parametrize(
    ("text", "extension", "reason"),
    [
        ("Z9 求助", "", "help-code-not-told"),
        ("求助", "09", "help-extension-not-told"),
        ("A7 求助", "02", "help-extension-and-code-disagree"),
    ],
)
def test_help_that_names_nothing_we_know_is_still_help(
    text: str, extension: str, reason: str
) -> None:
    both = (alert("A7", extension="01"), alert("B2", 5, extension="02"))
    found = told(text, *both, extension=extension)
    assert (found.kind, found.verdict) == (ReplyKind.HELP, Verdict.COUNTED)
    assert (found.alert_id, found.reason) == (b"B2", reason)


def test_an_alert_that_runs_hears_help_before_one_that_is_over() -> None:
    found = told("Z9 求助", ended("A7", severity=1), alert("C3", 5, status=Status.EXERCISE))
    assert (found.alert_id, found.drill_help) == (b"C3", False)


def test_help_after_everything_is_over() -> None:
    found = told("求助", ended("A7", -9000, -8000), minutes=0)
    assert (found.kind, found.alert_id, found.late) == (ReplyKind.HELP, b"A7", True)


def test_help_from_somebody_who_was_told_nothing_is_help_without_an_alert() -> None:
    found = told("求助")
    assert (found.kind, found.verdict, found.alert_id) == (ReplyKind.HELP, Verdict.NO_ALERT, None)


def test_help_from_a_unit_that_nobody_knows_is_help_for_all_duties() -> None:
    found = told("花园村求助", alert(duties=(GRID_3, FENGSHAN_3)))
    assert (found.kind, found.duties) == (ReplyKind.HELP, (31, 33))
    assert told("凤山3网格求助", alert(duties=(GRID_3, FENGSHAN_3))).duties == (33,)


def test_help_for_practice_is_practice_only_in_a_drill() -> None:
    drill = alert("C3", status=Status.EXERCISE, severity=4)
    assert told("演练求助", drill).drill_help
    assert not told("求助", drill).drill_help
    assert not told("演练求助", alert("A7")).drill_help
    both = told("演练求助", alert("A7", 5, severity=1), drill)
    assert (both.alert_id, both.drill_help) == (b"C3", True)


# --- who


def test_a_shared_phone_answers_for_all_whom_the_message_named() -> None:
    found = told("1", alert(persons=(WANG, LI), duties=(GRID_3, LIS_GRID)))
    assert (found.persons, found.duties, found.grade) == ((1, 2), (31, 34), Grade.SHARED)


def test_or_for_those_whom_the_reply_names() -> None:
    shared = alert(persons=(WANG, LI), duties=(GRID_3, LIS_GRID))
    found = told("李大江 收到", shared)
    assert (found.persons, found.duties, found.grade) == ((2,), (34,), Grade.SHARED)
    assert told("李大江、王小明 2 35", shared).persons == (1, 2)


def test_a_person_whom_this_alert_didnt_name() -> None:
    found = told("李大江 A7 1", alert("A7"), alert("B2", persons=(LI,), duties=(LIS_GRID,)))
    assert verdict(found) == (Verdict.UNCLEAR, "person-not-named")


# --- which duties

THREE = alert(duties=(GRID_3, GRID_13, FENGSHAN_3))


def test_one_reply_answers_all_of_a_persons_duties() -> None:
    assert told("1", THREE).duties == (31, 32, 33)


@pytest.mark.parametrize(
    ("text", "duty"),
    [
        ("凤山3网格 收到", 33),
        ("梨洲3网格 收到", 31),
        ("13网格 收到", 32),
        ("苏家园社区第三网格收到", 31),
        ("1 凤山街道东山社区第三网格", 33),
        ("013 1", 32),
        ("330281002004003 2 35", 33),
    ],
)
def test_unless_it_names_a_unit(text: str, duty: int) -> None:
    found = told(text, THREE)
    assert (found.verdict, found.duties, found.persons) == (Verdict.COUNTED, (duty,), (1,))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3网格 收到", "unit-ambiguous"),
        ("003 1", "unit-ambiguous"),
        ("5网格 收到", "unit-not-found"),
        ("花园村收到", "unit-not-found"),
        ("999 1", "unit-not-found"),
        ("梨洲街道 收到", "unit-not-found"),
    ],
)
def test_a_unit_that_isnt_one_of_theirs_answers_nothing(text: str, reason: str) -> None:
    found = told(text, THREE)
    assert verdict(found) == (Verdict.UNCLEAR, reason)
    assert found.duties == ()
    assert found.alert_id == b"A7"


def test_two_people_of_one_phone_may_hold_one_unit() -> None:
    found = told("13网格 收到", alert(persons=(WANG, LI), duties=(GRID_13, LIS_GRID)))
    assert (found.persons, found.duties) == ((1, 2), (32, 34))


def test_of_two_with_one_phone_whoever_holds_the_unit_that_is_named_has_answered() -> None:
    found = told("梨洲3网格 收到", alert(persons=(WANG, LI), duties=(GRID_3, LIS_GRID)))
    assert (found.persons, found.duties) == ((1,), (31,))


# --- for every case

REPLIES = st.builds(
    Reply,
    kind=st.sampled_from(ReplyKind),
    reason=st.sampled_from(["code", "word", "code-only", "help-word"]),
    code=st.sampled_from([None, "A7", "B2", "A73", "Z9"]),
    unit_hint=st.sampled_from([None, "3网格", "凤山3网格", "花园村"]),
    drill_help=st.booleans(),
    names=st.sampled_from([(), ("王小明",), ("李大江",)]),
)
CANDIDATES = st.lists(
    st.builds(
        alert,
        code=st.sampled_from(["A7", "B2", "C3"]),
        told=st.integers(-9000, 100),
        open=st.booleans(),
        ended_at=st.one_of(st.none(), st.integers(-9000, 100).map(at)),
        extension=st.sampled_from(["", "01", "02"]),
        status=st.sampled_from(Status),
        severity=st.integers(1, 4),
        persons=st.sampled_from([(WANG,), (WANG, LI)]),
        duties=st.sampled_from([(), (GRID_3,), (GRID_3, GRID_13, FENGSHAN_3, LIS_GRID)]),
    ),
    max_size=4,
)


@given(REPLIES, st.sampled_from(["", "01", "02", "09"]), CANDIDATES)
def test_what_holds_always(reply: Reply, extension: str, candidates: list[Candidate]) -> None:
    found = correlate(reply, extension, candidates, received_at=at(70))
    assert found.reason
    if reply.kind is ReplyKind.HELP:
        assert found.kind is ReplyKind.HELP
        assert (found.alert_id is None) == (not candidates)
    if found.verdict is Verdict.COUNTED:
        assert found.kind not in {ReplyKind.UNCLEAR, ReplyKind.OPT_OUT}
        assert found.persons
    elif found.kind is not ReplyKind.HELP:
        assert found.duties == ()
    running = [candidate for candidate in candidates if candidate.open]
    bare = reply.code is None and not extension
    if found.kind.covers and bare and len(running) > 1:
        assert found.verdict is Verdict.AMBIGUOUS or any(c.told_at > at(70) for c in running)
    if found.drill_help:
        assert any(c.status is Status.EXERCISE for c in candidates)


@pytest.mark.parametrize(
    ("told", "taken_as"),
    [
        (None, START),
        (START - 5_000, START - 5_000),
        (START - 71 * 3_600_000, START - 71 * 3_600_000),
        (START - CREDIBLE_S * 1000, START - CREDIBLE_S * 1000),
        (START - CREDIBLE_S * 1000 - 1, START),
        (START + 5_000, START),
        (START - 400 * 24 * 3_600_000, START),
        (START + 400 * 24 * 3_600_000, START),
    ],
)
def test_a_wrong_clock_does_not_make_an_answer_one_from_before_the_alert(
    told: int | None, taken_as: int
) -> None:
    assert sent_at(told, START) == taken_as


@pytest.mark.parametrize("text", ["演练收到", "收到演练通知", "演练,2 35"])
def test_who_takes_a_live_alert_for_a_drill_covers_nobody(text: str) -> None:
    found = told(text, alert())
    assert (found.verdict, found.reason) == (Verdict.UNCLEAR, "taken-for-a-drill")
    assert (found.duties, found.alert_id) == ((), b"A7")
    found = told(text, alert(status=Status.EXERCISE))
    assert (found.verdict, found.duties) == (Verdict.COUNTED, (31,))
    # Being away is as true as it was, and 3 is help in a drill, too.
    assert told("演练 0", alert()).verdict is Verdict.COUNTED
    assert told("演练 3", alert(status=Status.EXERCISE)).kind is ReplyKind.HELP


def test_an_answer_by_a_number_that_has_moved_counts_for_whom_it_names() -> None:
    both = alert(persons=(WANG, LI), duties=(GRID_3, LIS_GRID), moved=True)
    found = told("1", both)
    assert verdict(found) == (Verdict.UNCLEAR, "number-moved")
    assert (found.alert_id, found.persons, found.duties) == (b"A7", (1, 2), ())
    found = told("1 李大江", both)
    assert (found.verdict, found.persons, found.duties) == (Verdict.COUNTED, (2,), (34,))
    found = told("1", both._replace(moved=False))
    assert (found.verdict, found.duties) == (Verdict.COUNTED, (31, 34))


def test_what_was_told_in_the_moment_of_an_answer_had_come() -> None:
    over, newer = ended("A6", 70, 75), alert("A7", 71)
    assert verdict(told("1", over, newer)) == (Verdict.AMBIGUOUS, "told-meanwhile")
    # Words that are no answer are shown with the alert that runs.
    assert told("什么情况", over, newer).alert_id == b"A7"


HOURS = 3_600_000
NOW = START + 2_000 * HOURS
CODES = ("A7", "A73", "B2", "C1", "C13")
SAID = (
    "1",
    "2",
    "0",
    "3",
    "收到",
    "救命",
    "A7 1",
    "A73",
    "B2 2 35",
    "C1",
    "王小明收到",
    "什么",
    "TD",
)


@st.composite
def pasts(draw: st.DrawFn) -> list[Candidate]:
    """What somebody was told of in months: alerts long over, of late, and under way."""
    made = []
    extensions = draw(st.sampled_from((("",), ("07", "09"))))  # a route's, or of none
    for code in draw(st.lists(st.sampled_from(CODES), unique=True, min_size=1)):
        end = draw(st.sampled_from((None, 0, 1, 71, 73, 143, 144, 145, 500, 1_500)))
        began = draw(st.sampled_from((0, 1, 24, 80))) + (end or 0)
        made.append(
            alert(
                code,
                open=end is None,
                ended_at=None if end is None else NOW - end * HOURS,
                told_at=NOW - began * HOURS,
                heard=draw(st.booleans()),
                severity=draw(st.integers(1, 4)),
                status=draw(st.sampled_from((Status.ACTUAL, Status.EXERCISE))),
                extension=draw(st.sampled_from(extensions)),
            )
        )
    return made


@given(
    past=pasts(),
    text=st.sampled_from(SAID),
    extension=st.sampled_from(("", "07", "08")),
    ago=st.sampled_from((0, 1, 24, 72)),
    elsewhere=st.booleans(),
)
def test_what_is_long_over_changes_nothing_where_it_need_not_be_read(
    past: list[Candidate], text: str, extension: str, ago: int, *, elsewhere: bool
) -> None:
    recent = [c for c in past if c.ended_at is None or c.ended_at >= NOW - RECENT_S * 1000]
    reply, at = parse(text, ["王小明"]), NOW - ago * HOURS
    if is_of_recent(reply, extension, recent, received_at=at):
        found = [
            correlate(reply, extension, those, received_at=at, elsewhere=elsewhere)
            for those in (past, recent)
        ]
        assert found[0] == found[1]


def test_most_answers_need_nothing_that_is_long_over() -> None:
    recent = [alert("A7")]
    for text in ("1", "2 35", "收到", "A7 1", "什么"):
        assert is_of_recent(parse(text, ["王小明"]), "", recent, received_at=at(1))
    for text in ("3", "救命", "B2 1", "A73"):
        assert not is_of_recent(parse(text, ["王小明"]), "", recent, received_at=at(1))
    assert not is_of_recent(parse("1", []), "", recent, received_at=at(-10))
    assert not is_of_recent(parse("1", []), "", [], received_at=at(1))
    assert not is_of_recent(parse("A7 1", []), "07", recent, received_at=at(1))
