"""Two alerts at once by one modem of six messages a minute: who hears what first."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.model import FURTHER, MINUTE_MS, Precedence, Status, priority_of
from alertd.store import tables as t
from alertd.store.fold.recipients import QUERIES
from alertd.store.fold.scope import scope_of
from channels.base import Accepted, Fault, Outgoing, SendError
from tests.city import ROUTES, START, City, sms_route

LEADERS = ("grid_leader",)
PER_MIN = 6
SLOW = (sms_route(in_flight=1, burst=1, rate_per_s=PER_MIN / 60), *ROUTES[1:])
GONE = SendError(Fault.DEAD, "no-such-number")


@dataclass(frozen=True, slots=True)
class Left:
    """A text that left the modem, so many minutes after the start."""

    at: float
    to: str
    kind: str
    code: str
    status: str


@dataclass
class Modem:
    """A city with one modem, and what has left it."""

    directory: Path
    left: list[Left] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.city = City(self.directory, routes=SLOW, behave=self._send)

    def _send(self, message: Outgoing) -> Accepted | SendError:
        if not message.address.startswith("+"):
            return Accepted("speaker or group")
        at = (self.city.now - START) / MINUTE_MS
        row = Left(at, message.address, message.kind, message.short_code, message.status)
        self.left.append(row)
        return GONE if message.address in self.dead else Accepted("ref")

    def forward(self, minutes: float) -> None:
        self.city.forward(minutes=minutes, tick_s=10)

    def code(self, no: int) -> str:
        return str(self.city.one(select(t.alert.c.short_code).where(t.alert.c.no == no)).short_code)

    def times(self, no: int, kind: str = "alert") -> list[float]:
        code = self.code(no)
        return [row.at for row in self.left if (row.code, row.kind) == (code, kind)]

    def each(self) -> dict[str, list[tuple[str, str]]]:
        """What came to each telephone, in its order: (code, kind)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self.left:
            found.setdefault(row.to, []).append((row.code, row.kind))
        return found


@pytest.fixture
def modem(tmp_path: Path) -> Modem:
    return Modem(tmp_path)


def test_a_second_red_is_told_before_the_first_one_is_chased(modem: Modem) -> None:
    """366 people, nobody answers. It took 163 minutes until the first of them heard of it."""
    first = modem.city.issue()
    modem.forward(30)
    second = modem.city.issue("rainstorm", "red")
    modem.forward(95)
    n = len(modem.times(first))
    assert n == len(modem.times(second)) == 366
    assert max(modem.times(first)) <= n / PER_MIN
    assert max(modem.times(second)) <= 2 * n / PER_MIN
    chasing = [row.at for row in modem.left if row.kind in {"reminder", "takeover", "digest"}]
    assert min(chasing) > max(modem.times(second))


def test_a_red_overtakes_a_yellow_that_is_half_out(modem: Modem) -> None:
    yellow = modem.city.issue("rainstorm", "yellow")
    modem.forward(30)
    red = modem.city.issue("typhoon", "red")
    modem.forward(62)
    assert len(modem.times(red)) == 366
    assert max(modem.times(red)) <= 30 + 366 / PER_MIN + 0.2
    # Not one text of the yellow one between; what is left of it comes afterwards.
    assert not [at for at in modem.times(yellow) if 30.2 < at < max(modem.times(red))]


def test_who_answers_for_a_unit_is_asked_again_before_other_roles_are_told(modem: Modem) -> None:
    no = modem.city.issue(roles=(*LEADERS, "volunteer"))
    modem.forward(20)
    reminded, told = modem.times(no, "reminder"), modem.times(no)
    assert reminded
    assert [at for at in told if at > min(reminded)], "the volunteers wait for the reminders"


def test_a_post_with_a_dead_number_is_handed_over_before_the_next_alert(
    modem: Modem,
) -> None:
    city = modem.city
    alternates = dict(city.leaders(rank=2))
    duty, person = next(each for each in city.leaders() if each[0] in alternates)
    c, a = t.contact.c, t.address.c
    numbers = select(a.cipher).join(t.contact, c.address_no == a.no).where(c.person_no == person)
    vault = city.store.vault
    modem.dead |= {vault.open(row.cipher, context="address") for row in city.rows(numbers)}
    first = city.issue(roles=LEADERS)
    modem.forward(2)
    second = city.issue("rainstorm", "red", roles=LEADERS)
    modem.forward(20)
    code = modem.code(first)
    taken = [
        row.at
        for row in modem.left
        if (row.kind, row.code, row.to) == ("takeover", code, city.phone_of(alternates[duty]))
    ]
    assert taken
    assert min(taken) < min(modem.times(second)), "that post has heard nothing at all"


@pytest.mark.parametrize("after_min", [0.5, 2, 4])
def test_an_update_is_the_last_that_anybody_reads(after_min: float, modem: Modem) -> None:
    city = modem.city
    first = city.issue(roles=LEADERS)
    modem.forward(after_min)
    update = city.issue(roles=LEADERS, references=[city.reference(first)])
    modem.forward(15)
    old, new = modem.code(first), modem.code(update)
    for texts in modem.each().values():
        codes = [code for code, _ in texts]
        assert codes.count(new) >= 1
        assert old not in codes[codes.index(new) :]
    assert len(modem.times(update)) == len(city.leaders())


@pytest.mark.parametrize("ends", ["all-clear", "cancel"])
@pytest.mark.parametrize("after_min", [0.5, 2, 6])
def test_the_end_reaches_those_who_were_told_and_nobody_else(
    ends: str, after_min: float, modem: Modem
) -> None:
    """Beside another alert, which goes on."""
    city = modem.city
    first = city.issue(roles=LEADERS)
    other = city.issue("rainstorm", "red", roles=LEADERS)
    modem.forward(after_min)
    end = city.issue(ends, "red", references=[city.reference(first)])
    modem.forward(30)
    old, new, beside = modem.code(first), modem.code(end), modem.code(other)
    heard = 0
    for texts in modem.each().values():
        codes = [code for code, _ in texts if code != beside]
        assert (old in codes) == (new in codes)
        if new in codes:
            heard += 1
            assert set(codes[: codes.index(new)]) == {old}
            assert codes[codes.index(new) :] == [new]
    assert 0 < heard <= len(city.leaders())
    assert len(modem.times(other)) == len(city.leaders())


def test_a_drill_waits_for_a_real_alert_that_is_out(modem: Modem) -> None:
    city = modem.city
    drill = city.issue(roles=LEADERS, status="Exercise")
    modem.forward(1)
    real = city.issue("rainstorm", "yellow", roles=LEADERS, areas=["330281001"])
    modem.forward(1)
    assert modem.times(real)
    until = max(modem.times(real))
    assert not [at for at in modem.times(drill) if 1.2 < at < until]


def test_an_answer_counts_for_the_alert_that_was_read(modem: Modem) -> None:
    """A bare 1 while the second alert still waits for the modem means the first."""
    city = modem.city
    first = city.issue(roles=LEADERS)
    modem.forward(1)
    reader = modem.left[0].to
    city.issue("rainstorm", "red", roles=LEADERS)
    city.reply(reader, "1")
    (ack,) = city.rows(select(t.ack.c.alert_no))
    assert ack.alert_no == first


def test_who_is_asked_which_alert_they_meant_is_asked_soon(modem: Modem) -> None:
    """Not after all that the modem has to thank for: their ladder climbs meanwhile."""
    city = modem.city
    first = city.issue(roles=LEADERS)
    second = city.issue("rainstorm", "red", roles=LEADERS)
    modem.forward(7.2)
    assert len(modem.times(second)) == len(city.leaders())
    thanked = [row.to for row in modem.left if row.code == modem.code(first)][:15]
    for phone in thanked[1:]:
        city.reply(phone, f"{modem.code(first)} 1")
        city.reply(phone, f"{modem.code(second)} 1")
    city.reply(thanked[0], "1")
    asked_at = (city.now - START) / MINUTE_MS
    modem.forward(40)
    ((at, code),) = [
        (row.at, row.code)
        for row in modem.left
        if (row.to, row.kind) == (thanked[0], "confirmation")
    ]
    assert code in {modem.code(first), modem.code(second)}
    assert at - asked_at < min(modem.times(first, "confirmation")) - asked_at


def test_a_fact_of_before_gives_the_places_that_it_gave(modem: Modem) -> None:
    """A journal is folded again as it was, though the queue has a place more since."""
    values = {
        "version": 1,
        "paths": [],
        "everywhere": True,
        "everyone": True,
        "minute": 0,
        "roles": ["grid_leader", "volunteer"],
        "ladder_roles": ["grid_leader"],
    }

    def places(**more: bool) -> set[int]:
        query, _ = QUERIES["people"](scope_of(values | more), Status.ACTUAL, None)
        wanted = query.params(after=0, upto=1 << 28)
        *_, precedence, _place, _depth = query.selected_columns
        with modem.city.store.read() as connection:
            rows = connection.execute(wanted).all()
        at = list(query.selected_columns).index(precedence)
        return {row[at] for row in rows}

    assert places() == {0, 1, 2}
    assert places(further=True) == {int(each) for each in Precedence} == {0, 2, 3}
    assert priority_of(1) < priority_of(1, FURTHER) < priority_of(1, Precedence.OTHERS)
