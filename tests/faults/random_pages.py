"""What comes back in a random week but by SMS: taps on one's own page, lists on paper."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from alertd.decide.sheets import Mark, Result, sheet_code
from alertd.engine import taps
from alertd.model import FOREVER, AckKind, RecipientKind, alert_of, numbers_of
from alertd.report.paper import sheets
from alertd.report.paper.values import Head
from alertd.store import tables as t
from alertd.store.links import LENGTH
from alertd.store.reads import alerts as reads
from alertd.store.reads import calling
from alertd.store.reads.own_page import alert_ending_in
from alertd.store.reads.paper import Asked, asked, unit_heads
from alertd.web.commands import paper
from tests.city import OFFICER
from tests.faults.random_acts import answered
from tests.faults.random_world import LINK, World
from tests.faults.week_promises import hold

KINDS = (AckKind.RECEIVED, AckKind.RECEIVED, AckKind.ON_POST, AckKind.DONE, *AckKind)
_TOKEN = re.compile(f"{re.escape(LINK)}([0-9A-Za-z]{{{LENGTH}}})")


def tap(world: World) -> None:
    """Somebody opens the link of a message that they got, now or long after, and answers."""
    linked = [(h, found[1]) for h in world.handed if (found := _TOKEN.search(h.message.text))]
    if not linked:
        return
    dice, city = world.dice, world.city
    handed, token = dice.choice(linked)
    with city.store.read() as connection:
        found = city.store.vault.links.read(token, partial(alert_ending_in, connection))
    if found is None:
        hold(handed.forgotten, "a link that was sent is known", handed.message)
        return
    alert_id, person = found
    d = t.delivery.c
    rows = city.rows(
        select(d.recipient_kind, d.recipient_no).where(d.id == handed.message.delivery)
    )
    hold(rows or handed.forgotten, "what was sent is on record", handed.message)
    mine = all(tuple(row) == (int(RecipientKind.PERSON), person) for row in rows)
    hold(mine, "a link is of whoever it was sent to", rows, person)
    no = alert_of(handed.message.delivery)
    hold(city.one(select(t.alert.c.id).where(t.alert.c.no == no)).id == alert_id, "and its alert's")
    world.replies += 1
    tapped_at = city.now - dice.choice([0, 40_000, 4_000_000, -4_000_000])
    tapped = taps.Tap(
        alert_id=alert_id,
        person_no=person,
        key=f"k{dice.randint(1, 30) if dice.random() < 0.1 else world.replies}",
        raw="tap",
        tapped_at=tapped_at if dice.random() < 0.4 else None,
    )
    kind = dice.choice(KINDS)
    some: dict[str, Any] = {"count": 3, "of": dice.choice([3, 4])} if kind is AckKind.DONE else {}
    world.say(f"   {kind.name} by {person} of alert {no}, {some}")
    for _ in range(dice.choice([1, 1, 2])):  # a telephone may send one twice
        answered(world, partial(taps.answer, tap=tapped, kind=kind, **some))


def print_doors(world: World) -> None:
    """A list of doors to knock at, or of people to call; whoever hasn't answered is on it."""
    old = [each for each in world.alerts() if each.issued_at is not None]
    if not old:
        return
    dice, city = world.dice, world.city
    alert = dice.choice(old)
    r = t.requirement.c
    units_asked = select(r.unit_no).where(r.no.between(*numbers_of(alert.no))).order_by(r.no)
    if not (asking := city.rows(units_asked)):
        return
    u = t.unit.c
    one = city.rows(select(u.path).where(u.no == dice.choice(asking).unit_no).order_by(u.path))
    pieces = one[-1].path.split("/")[:-1]
    path = "/".join(pieces[: dice.randint(1, len(pieces))]) + "/"
    at = city.rows(select(u.no, u.path).where(u.path == path, u.to_version == FOREVER))
    if not at:
        return
    with city.store.read() as connection:
        full = reads.alert(connection, alert.id)
        rows = asked(connection, full, path, limit=999)
        heads = unit_heads(connection, full, path) if rows else []
        tree = calling.tree(connection, rows, full.policy["ladder_roles"])
    calls = sheets.Calls(tree=tree, numbers={}) if dice.random() < 0.5 else None
    if waiting := [row for row in rows if row.state != "covered"]:
        _hand_out(world, alert, path, heads, waiting, calls)


def _hand_out(
    world: World,
    alert: Any,
    path: str,
    heads: Sequence[Any],
    rows: list[Asked],
    calls: sheets.Calls | None,
) -> None:
    city = world.city
    parts = sheets.parts(heads, rows, leads=calls.tree.leads if calls else frozenset())
    made = [(sheet_code(world.dice.randbytes(16)), part) for part in parts]
    head = Head(
        language="en",
        status="Actual",
        short_code=alert.short_code,
        headline="",
        colour="red",
        severity=1,
        issued_at=alert.issued_at,
        at=city.now,
        by="officer",
        office="",
        zone=city.zone,
    )
    data, whose = sheets.call_sheets(made, calls, head) if calls else sheets.door_lists(made, head)
    lines = sum(
        len(group["rows"]) for sheet in data["sheets"] for group in sheet.get("groups", [sheet])
    )
    placed = {_place(row) for _, part in made for row in part.rows}
    hold(placed == {_place(row) for row in rows}, "whoever is silent is on a sheet", placed)
    asked_on = {pair for numbered in whose for pair in numbered}
    wanted = {(row.duty_no, one.person_no) for row in rows for one in row.holders}
    first = {row.duty_no for row in rows if row.holders} - {duty for duty, _ in asked_on}
    missing = wanted - asked_on if calls else first
    hold(not missing, "each of them has a line", missing)
    hold(lines >= len(rows) - sum(not row.holders for row in rows), "and each line", lines)
    printed = paper.Printed(
        kind=paper.CALLS if calls else paper.DOORS,
        unit_no=heads[0].no,
        path=path,
        sheets=[
            (code, part.head.no, numbered)
            for (code, part), numbered in zip(made, whose, strict=True)
        ],
    )
    world.say(f"   for {heads[0].code} of alert {alert.no}: {[code for code, _ in made]}")
    world.hand_in(partial(paper.record, actor=OFFICER, alert_id=alert.id, made=printed))


def _place(row: Asked) -> tuple[int, str, int]:
    return row.unit_no, row.role, row.duty_no


def paper_comes_back(world: World) -> None:
    """Some rows of a sheet, perhaps of hours ago; perhaps for a second time."""
    dice, city = world.dice, world.city
    c = t.sheet.c
    if not city.rows(select(c.code)):
        print_doors(world)
    if not (printed := city.rows(select(c.code, c.asked).order_by(c.code))):
        return
    sheet = dice.choice(printed)
    rows = sheet.asked.count("[") - 1
    if not rows:
        return
    some = sorted(dice.sample(range(1, rows + 1), dice.randint(1, min(rows, 4))))
    marks = [Mark(row, dice.choice([Result.REACHED, Result.REACHED, *Result])) for row in some]
    at = city.now - dice.choice([0, 600_000, 7_200_000])
    world.say(f"   {sheet.code}: {[f'{mark.row}{mark.result}' for mark in marks]}")
    enter = partial(paper.enter, actor=OFFICER, code=sheet.code, marks=marks)
    answered(world, partial(enter, occurred_at=at if dice.random() < 0.5 else None))
