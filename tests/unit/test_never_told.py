"""Whoever was never told isn't silent: counted apart, from the journal and on the board."""

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.decide.plan import ANSWERED, MUTED
from alertd.decide.settle import BY_HAND
from alertd.decide.told import Sign, Standing, held_by, in_words, runs, sign, standing
from alertd.i18n import LANGUAGES, translator
from alertd.model import FOREVER, Channel, DeliveryState, RequirementState, duty_of
from alertd.report.figures import Figures
from alertd.report.make import gather
from alertd.report.names import Names, with_holders
from alertd.report.page import page
from alertd.report.sheet import sheet
from alertd.report.silent import never, unwoken
from alertd.report.summary import summary
from alertd.store import tables as t
from alertd.store.reads import alerts, board, situation, unanswered
from alertd.store.reads.report_rows import MASKED
from channels.base import Accepted, Fault, Outgoing, SendError
from tests.city import ROUTES, City, accepts, sms_route
from tests.unit.fact_story import BASE, GRID, S, Story
from tests.unit.roster_moves import id_of, import_anew
from tests.unit.test_report_by_hand import climb, duty

LEADERS = ("grid_leader",)
SLOW = (sms_route(in_flight=1, burst=1, rate_per_s=0.1), *ROUTES[1:])  # a modem: six a minute
NEW = "+8613900000001"


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path, routes=SLOW)


def report(city: City, no: int) -> Figures:
    with city.store.read() as connection:
        return gather(connection, no).figures


def told(city: City, no: int) -> Any:
    """The section; both of its sums are whole, and of what the rest of the report counts."""
    found = report(city, no)
    telling = found.telling
    assert telling is not None
    for each in (telling.people, telling.duties):
        known = each.answered + each.otherwise + each.silent + each.perhaps
        assert each.of == known + sum(each.never.values()), each
    assert telling.people.of == found.targets.people
    (first,) = found.stages
    assert (telling.duties.of, telling.duties.answered) == (first.asked, first.covered)
    assert len(telling.never) == telling.duties.untold
    return telling


def phones_of(city: City, duty_no: int) -> set[str]:
    h = t.holding.c
    query = select(h.person_no).where(h.duty_no == duty_no, h.to_version == FOREVER)
    return {city.phone_of(row.person_no) for row in city.rows(query.where(h.address_no > 0))}


def test_an_alert_that_ends_before_most_were_told(city: City) -> None:
    """Held against what telephones saw, and not against what our own tables say."""
    no = city.issue()
    city.forward(minutes=1, tick_s=10)
    city.reply(city.sent[-1].address, "1")
    city.forward(minutes=19, tick_s=10)
    silent = {duty_of(row.no) for row in city.rows(exhausted())}
    city.issue("all-clear", "red", references=[city.reference(no)])
    city.forward(minutes=3, tick_s=10)
    code, id_of_alert = city.one(
        select(t.alert.c.short_code, t.alert.c.id).where(t.alert.c.no == no)
    )
    heard = {message.address for message in city.sent if message.short_code == code}
    found = told(city, no)
    r = t.requirement.c
    duties = {
        duty_of(row.no): row.state == RequirementState.COVERED
        for row in city.rows(select(r.no, r.state).where(r.no.between(no << 32, (no + 1) << 32)))
    }
    untold = {each for each in duties if phones_of(city, each).isdisjoint(heard)}
    assert untold
    assert {duty_of(number) for number, _ in found.never} == untold
    assert {why for _, why in found.never} <= {"ended-first", "no-message"}
    assert found.duties.silent == len(duties) - len(untold) - found.duties.answered
    assert found.people.answered == 1
    assert found.people.silent == len(heard & first_phones(city, no)) - 1
    with city.store.read() as connection:
        view = alerts.alert(connection, id_of_alert).view
        seen = situation.situation(connection, view, "", city.now)
        rows = unanswered.unanswered(connection, no, limit=1_000).items
        towns = [
            board.board(connection, no, path=row.path, whole=False).untold
            for row in connection.execute(
                select(t.unit.c.path).where(t.unit.c.level == "subdistrict")
            )
        ]
    assert seen.figures.untold == len(silent & untold) == report(city, no).unwoken_untold
    assert {duty_of(row.no): bool(row.untold) for row in rows if row.exhausted} == {
        each: each in untold for each in silent
    }
    assert sum(n or 0 for n in towns) == seen.figures.untold
    assert 0 < max(n or 0 for n in towns) < seen.figures.untold


def exhausted() -> Any:
    r = t.requirement.c
    return select(r.no).where(r.state == int(RequirementState.EXHAUSTED))


def first_phones(city: City, no: int) -> set[str]:
    """The telephones of those whom the selection named."""
    d = t.delivery.c
    mine = select(d.recipient_no).where(d.message_no == (no << 32) + 1, d.recipient_kind == 1)
    return {city.phone_of(row.recipient_no) for row in city.rows(mine)}


def test_while_it_is_under_way_they_wait_and_all_are_told_in_the_end(city: City) -> None:
    no = city.issue(roles=LEADERS)
    city.forward(minutes=1, tick_s=10)
    waits = told(city, no)
    assert set(waits.people.never) == {"waits"}
    assert waits.people.untold + waits.people.silent == waits.people.of > waits.people.silent > 0
    city.forward(minutes=12, tick_s=10)
    after = told(city, no)
    assert (after.people.untold, after.duties.untold, after.never) == (0, 0, ())
    assert after.people.silent == after.people.of


def test_a_later_alert_that_took_its_place_is_named(city: City) -> None:
    no = city.issue(roles=LEADERS)
    city.forward(seconds=20, tick_s=10)
    city.issue(roles=LEADERS, references=[city.reference(no)])
    assert set(told(city, no).people.never) == {"superseded"}


@pytest.mark.parametrize(
    ("result", "people"),
    [
        (SendError(Fault.DEAD, "no-such-number"), "all-failed"),
        (None, "perhaps"),  # the gateway hangs: nobody can tell, so nobody is called never told
    ],
)
def test_what_became_of_the_tries_is_said(
    result: SendError | None, people: str, tmp_path: Path
) -> None:
    theirs = set[str]()

    def behave(message: Outgoing) -> Accepted | SendError | None:
        return result if message.address in theirs else accepts(message)

    city = City(tmp_path, behave=behave)
    (_, person), *_ = city.leaders()
    c, a = t.contact.c, t.address.c
    mine = select(a.cipher).join(t.contact, c.address_no == a.no).where(c.person_no == person)
    theirs |= {city.store.vault.open(row.cipher, context="address") for row in city.rows(mine)}
    no = city.issue(roles=LEADERS)
    found = told(city, no).people
    assert (found.perhaps, found.never) == ((1, {}) if people == "perhaps" else (0, {people: 1}))


def test_whoever_called_for_help_and_said_no_more_spoke(city: City) -> None:
    no = city.issue(roles=LEADERS)
    city.forward(seconds=20, tick_s=10)
    city.reply(city.sent[-1].address, "3")
    found = told(city, no).people
    assert (found.answered, found.otherwise) == (0, 1)


def test_whoever_came_to_a_post_since_was_told_for_it(tmp_path: Path) -> None:
    """By the roster of the issue nobody who holds that post could be told."""
    dead = set[str]()

    def behave(message: Outgoing) -> Accepted | SendError:
        gone = SendError(Fault.DEAD, "no-such-number")
        return gone if message.address in dead else accepts(message)

    city = City(tmp_path, behave=behave)
    (post, person), *_ = city.leaders()
    dead |= phones_of(city, post)
    no = city.issue(roles=LEADERS)
    assert [duty_of(number) for number, _ in told(city, no).never] == [post]
    import_anew(
        city,
        lambda row: (
            row | {"person_id": "NEW-1", "name": "新网格长", "phone": NEW, "phone2": ""}
            if row["person_id"] == id_of(city, person)
            else row
        ),
    )
    city.forward(minutes=1, seconds=1)
    assert city.to(NEW)
    assert told(city, no).never == ()


def test_what_waited_when_a_backup_came_back_may_have_left() -> None:
    story = with_people()
    story.tell("restored", {"taken_at": 0, "waiting": {}}, alert_no=0)
    found = story.figures().telling
    assert found is not None
    assert (found.people.perhaps, found.people.untold) == (1, 2)


def test_unknown_is_neither_told_nor_never_told() -> None:
    story = with_people()
    story.claim(Channel.SMS, 3)
    story.settle(3, state=S.UNKNOWN, reason="timeout")
    found = story.figures().telling
    assert found is not None
    assert (found.people.perhaps, found.people.silent, found.people.untold) == (1, 1, 2)
    assert (found.duties.perhaps, found.duties.silent, found.duties.untold) == (1, 1, 3)


def with_people() -> Story:
    """Six duties: taken, taken and answered, waiting, dead, muted, and held by nobody."""
    story = Story()
    story.draft()
    story.issue()
    story.select(1, [[1, 5]], [[1, GRID, 6, 0]], people=people(), holders=duties())
    story.claim(Channel.SMS, 1, 2, 4)
    story.settle(1, 2, state=S.ACCEPTED)
    story.settle(4, state=S.FAILED, reason="no-such-number")
    story.settle(5, state=S.CANCELLED, reason=MUTED)
    story.ack(1, 102, [12], after_s=5, units=[GRID])
    return story


def people() -> list[list[int]]:
    return [[BASE + 1, 101, 5]]


def duties() -> str:
    return "11:101 12:102 13:103 14:104 15:105 16:0"


def test_by_hand() -> None:
    story = with_people()
    for number in (11, 13):
        last = climb(duty(number), ["door_knock"], RequirementState.EXHAUSTED, [GRID])
        story.tell("climbed", {"items": [last]})
    figures = story.figures()
    found = figures.telling
    assert found is not None
    why = {"waits": 1, "all-failed": 1, "left-out": 1}
    assert found.people.never == why
    assert (found.people.of, found.people.answered, found.people.silent) == (5, 1, 1)
    assert found.duties.never == why | {"no-message": 1}
    assert (found.duties.of, found.duties.answered, found.duties.silent) == (6, 1, 1)
    assert found.never == (
        (duty(13), "waits"),
        (duty(14), "all-failed"),
        (duty(15), "left-out"),
        (duty(16), "no-message"),
    )
    assert figures.unwoken_untold == 1  # of 11 and 13 the second
    assert (figures.sources["telling"]["claimed"], figures.sources["telling"]["acked"]) == (1, 1)


def test_a_journal_that_does_not_say_whose_a_message_is_says_so() -> None:
    story = Story()
    story.draft()
    story.issue()
    story.select(1, [[1, 5]], [[1, GRID, 5, 0]])
    found = story.figures()
    assert (found.telling, found.why_never, found.unwoken_untold) == (None, None, 0)
    lines = {line.label: line.value for group in summary(found, str, UTC) for line in group.lines}
    assert lines["Never told"] == "the record of then doesn't say whom"
    say = translator("en")
    names = Names({}, {})
    assert never(found, names, say, "en") == []
    assert "Never told:" not in page(found, names, (), language="en", zone=UTC)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_has_them_apart(language: str, city: City) -> None:
    no = city.issue()
    city.forward(minutes=20, tick_s=10)
    say = translator(language)
    with city.store.read() as connection:
        made = gather(connection, no)
        names = with_holders(connection, made.names, made.figures, MASKED, 1_000)
    figures = made.figures
    assert figures.telling is not None
    silent = unwoken(figures, names, say, language)
    words = [line.told for line in silent]
    assert words.count(say("told")) == len(silent) - figures.unwoken_untold
    waits = say("never told: {why}").format(why=say("waits for its turn"))
    assert 0 < words.count(waits) < len(silent)
    lines = never(figures, names, say, language)
    assert len(lines) == figures.telling.duties.untold
    assert all(line.code and line.place and line.role for line in lines)
    assert len({line.name for line in lines}) > 1
    table = sheet(figures, names, language=language, zone=UTC).decode("utf-8-sig")
    assert say("Never told") in table
    assert table.count(say("waits for its turn")) >= len(lines)
    text = page(figures, names, (), language=language, zone=UTC)
    assert say("Never told: nothing of the alert has left for them") in text


SIGNS: list[tuple[DeliveryState, str, bool, Sign]] = [
    (S.PENDING, "", False, Sign.WAITS),
    (S.PENDING, "timeout", True, Sign.WAITS | Sign.PERHAPS),
    (S.SENDING, "", False, Sign.PERHAPS),
    (S.ACCEPTED, "", False, Sign.LEFT),
    (S.ACCEPTED, BY_HAND, False, Sign.WAITS),
    (S.DELIVERED, "", False, Sign.LEFT),
    (S.UNKNOWN, "timeout", False, Sign.PERHAPS),
    (S.FAILED, "no-such-number", False, Sign.FAILED),
    (S.FAILED, "no-route", False, Sign.NO_ROUTE),
    (S.FAILED, "number-changed", False, Sign(0)),
    (S.FAILED, "outside-plan", False, Sign.LEFT_OUT),
    (S.CANCELLED, "", False, Sign.ENDED),
    (S.CANCELLED, ANSWERED, False, Sign(0)),
    (S.CANCELLED, "timeout", True, Sign.ENDED | Sign.PERHAPS),
    (S.EXPIRED, "", False, Sign.ENDED),
]


@pytest.mark.parametrize(("state", "reason", "marked", "says"), SIGNS)
def test_what_a_message_says(state: DeliveryState, reason: str, marked: bool, says: Sign) -> None:
    assert sign(state, reason, marked=marked) == says


@pytest.mark.parametrize(
    ("signs", "stands"),
    [
        (Sign.LEFT | Sign.FAILED | Sign.WAITS, Standing.TOLD),
        (Sign.PERHAPS | Sign.WAITS, Standing.PERHAPS),
        (Sign.WAITS | Sign.FAILED, Standing.WAITS),
        (Sign.ENDED | Sign.FAILED, Standing.ENDED),
        (Sign.FAILED | Sign.NO_ROUTE, Standing.FAILED),
        (Sign.NO_ROUTE | Sign.LEFT_OUT, Standing.NO_ROUTE),
        (Sign.LEFT_OUT | Sign.RECIPIENT, Standing.LEFT_OUT),
        (Sign.RECIPIENT, Standing.NO_MESSAGE),
    ],
)
def test_how_somebody_stands(signs: Sign, stands: Standing) -> None:
    assert standing(signs, superseded=False) is stands
    assert stands.never == (stands not in {Standing.TOLD, Standing.PERHAPS})
    later = Standing.SUPERSEDED if stands is Standing.ENDED else stands
    assert standing(signs, superseded=True) is later


def test_runs_join_what_goes_along() -> None:
    pairs = [(7, 3), (8, 4), (9, 5), (10, 9), (12, 11), (13, 0), (14, 0)]
    assert runs(pairs) == [[7, 3, 3], [10, 9, 1], [12, 11, 1], [13, 0, 1], [14, 0, 1]]
    assert runs([]) == []


def test_who_holds_what_is_read_in_words_and_as_journals_had_it_before() -> None:
    pairs = [(7, 3), (8, 4), (9, 5), (9, 0), (10, 9), (13, 0), (14, 0)]
    assert in_words(pairs) == "7:3 8:4 9:5 9:0 10:9 13:0 14:0"
    assert list(held_by(in_words(pairs))) == pairs
    assert list(held_by(runs(pairs))) == pairs
    assert list(held_by("")) == list(held_by([])) == []
