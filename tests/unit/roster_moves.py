"""What changes in mid-alert: numbers, who holds a duty; and an alert that is half written down."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Connection, select, update

from alertd.engine import approving
from alertd.model import FOREVER, Channel
from alertd.store import addresses, dialect
from alertd.store import tables as t
from alertd.store.identity import SequentialIds
from alertd.store.roster import import_roster
from rosters.export import roster_files
from rosters.parse import check
from tests.city import SECOND, City

SMS = int(Channel.SMS)


def put_in_charge(city: City, person_no: int, duty_no: int) -> None:
    """Somebody long there takes a duty."""
    h = t.holding.c
    mine = select(h.address_no).where(h.person_no == person_no).limit(1)
    address = city.one(mine).address_no
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(
            update(t.holding)
            .where(h.duty_no == duty_no, h.rank == 1)
            .values(person_no=person_no, address_no=address)
        )


def new_number(city: City, person_no: int, number: str) -> None:
    """A person's first number is another one from now on."""
    c, h = t.contact.c, t.holding.c
    first = (c.person_no == person_no, c.channel == SMS, c.rank == 1, c.to_version == FOREVER)
    with city.store.transaction(city.now) as tx:
        connection = tx.connection
        no = addresses.intern(connection, tx.vault, "phone", [number])[number]
        connection.execute(update(t.contact).where(*first).values(to_version=2))
        _reach(connection, person_no, 1, 2, no)
        connection.execute(update(t.holding).where(h.person_no == person_no).values(address_no=no))
        version = {"version": 2, "created_at": city.now, "by": "test", "why": "test"}
        known = dialect.insert_new(connection, t.roster_version)
        connection.execute(known, version | {"digest": "", "counts": "{}"})


def numberless(city: City, *, but: str = "grid_leader") -> None:
    """Nobody has a number but the principals of one role."""
    h, c = t.holding.c, t.contact.c
    kept = select(h.person_no).where(h.role == but, h.rank == 1, h.to_version == FOREVER)
    with city.store.transaction(city.now) as tx:
        gone = c.person_no.not_in(kept) & (c.to_version == FOREVER)
        tx.connection.execute(update(t.contact).where(gone).values(to_version=c.from_version))
        unreached = update(t.holding).where(h.person_no.not_in(kept)).values(address_no=None)
        tx.connection.execute(unreached)


def hand_on(city: City, person_no: int, other: int) -> str:
    """A person's number is another person's from now on; returns it."""
    number = city.phone_of(person_no)
    new_number(city, person_no, "+8613900000001")
    new_number(city, other, number)
    return number


def share_number(city: City, person_no: int, other: int) -> str:
    """A person's first number is another's first, too, in place of their own; returns it."""
    c, h = t.contact.c, t.holding.c
    first = (c.channel == SMS, c.rank == 1, c.to_version == FOREVER)
    no = city.one(select(c.address_no).where(c.person_no == person_no, *first)).address_no
    with city.store.transaction(city.now) as tx:
        theirs = update(t.contact).where(c.person_no == other, *first)
        tx.connection.execute(theirs.values(address_no=no))
        tx.connection.execute(update(t.holding).where(h.person_no == other).values(address_no=no))
    return city.phone_of(person_no)


def import_anew(city: City, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Import the roster's files again with each row changed; None: without it."""
    files = roster_files(city.directory / "roster")
    with files.people.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for each in csv.DictReader(lines) if (row := change(each)) is not None]
    with files.people.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    ids = SequentialIds("anew", at=city.now)
    with city.store.transaction(city.now) as tx:
        source = check(files, today=date(2025, 10, 9))
        import_roster(tx, source, ids=ids, by="test", why="test", now=city.now)


def id_of(city: City, person_no: int) -> str:
    """Somebody's id in the roster's files."""
    p = t.person.c
    return str(city.one(select(p.person_id).where(p.no == person_no)).person_id)


def second_number(city: City, person_no: int, number: str) -> None:
    """A person's second number; perhaps somebody else's, too."""
    c = t.contact.c
    with city.store.transaction(city.now) as tx:
        no = addresses.intern(tx.connection, tx.vault, "phone", [number])[number]
        further = t.contact.delete().where(c.person_no == person_no, c.channel == SMS, c.rank > 1)
        tx.connection.execute(further)
        _reach(tx.connection, person_no, 2, 1, no)


def _reach(connection: Any, person_no: int, rank: int, since: int, address_no: int) -> None:
    row = {"person_no": person_no, "channel": SMS, "rank": rank, "from_version": since}
    connection.execute(t.contact.insert(), row | {"to_version": FOREVER, "address_no": address_no})


def move_unit(city: City, unit_no: int, parent_no: int | None) -> str:
    """A unit, with all below it, is below another now, or gone; returns its path."""
    with city.store.transaction(city.now) as tx:
        return moved(tx.connection, unit_no, parent_no)


def moved(connection: Connection, unit_no: int, parent_no: int | None) -> str:
    """As `move_unit`, in a transaction of somebody else's."""
    c = t.unit.c
    live = select(t.unit).where(c.to_version == FOREVER)
    rows = {row.no: row._asdict() for row in connection.execute(live)}
    before = rows[unit_no]["path"]
    path = f"{rows[parent_no]['path']}{rows[unit_no]['code']}/" if parent_no else before
    inside = [row for row in rows.values() if row["path"].startswith(before)]
    here = (c.no.in_([row["no"] for row in inside]), c.to_version == FOREVER)
    connection.execute(update(t.unit).where(*here).values(to_version=2))
    for row in inside if parent_no else ():
        anew = {"from_version": 2, "path": path + row["path"].removeprefix(before)}
        parent = {"parent_no": parent_no} if row["no"] == unit_no else {}
        connection.execute(t.unit.insert(), row | anew | parent)
    return path


def unit_of(city: City, duty_no: int) -> Any:
    """The unit that a duty is held in."""
    u, d = t.unit.c, t.duty.c
    query = select(t.unit).join(t.duty, d.unit_no == u.no)
    return city.one(query.where(d.no == duty_no, u.to_version == FOREVER))


def asked(city: City, alert_no: int = 1, *, role: str = "grid_leader") -> list[tuple[int, int]]:
    """(duty, person) of the grid leaders, or others, whom an alert asks."""
    found = city.leaders(role)
    return [pair for pair in found if city.requirement_or_none(pair[0], alert_no) is not None]


@contextmanager
def in_a_hurry(city: City) -> Iterator[None]:
    """What is handed in meanwhile is taken in a step of its own, and nothing is waited for."""
    vars(city)["settle"] = lambda: None
    try:
        yield
    finally:
        del vars(city)["settle"]


def issue_until_told(city: City, phone: str, **options: Any) -> int:
    """Issue an alert, and step only until a phone has its message: the expansion is under way."""
    drafted = city.draft(**options)
    approve = partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
    inputs = [approve]
    before = len(city.to(phone))
    while len(city.to(phone)) == before:
        handovers = city.engine.step(city.now, inputs).handovers
        city.sent += [message for handover in handovers for message in handover.messages]
        inputs = []
    return int(drafted["no"])
