"""An edit by hand against the stored roster: what it touches, and what it leaves there.

Only the units that an edit can touch are read, staged and compared: what it costs doesn't
grow with the city. The part with the edit over it is planned, shown and applied as an import.
"""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, select

from alertd.model import FOREVER
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.roster.known import Scope
from alertd.store.roster.part import Part
from alertd.store.roster.source import contacts_of
from alertd.store.roster.values import Stored
from alertd.store.vault import Vault
from rosters.edits import Act, Around, Edit, overlaid
from rosters.model import Holding, RosterRow
from rosters.problems import FileReport, quote


class Edited(Part):
    """A part of a roster with an edit over it.

    Args:
        stored: In force, unmasked.
        scope: As `scope_of` has it.
        edit: Without an error; it makes no unit, and changes no loudspeaker and no group.
    """

    def __init__(self, stored: Stored, scope: Scope, edit: Edit) -> None:
        super().__init__(stored, scope)
        self._edit = edit

    def rows(self) -> Iterator[RosterRow]:
        """Every holding in the part as the edit leaves it."""
        return overlaid(super().rows(), self._edit)


def scope_of(connection: Connection, around: Around, acts: Iterable[Act]) -> Scope:
    """The part of the roster that acts can touch: of the units around them, everything."""
    u = t.unit.c
    paths: dict[int, str] = {}
    for batch in batches(around.units):
        query = select(u.no, u.path).where(u.code.in_(batch), u.to_version == FOREVER)
        paths.update((no, path) for no, path in connection.execute(query))
    return Scope(
        codes={code for path in paths.values() for code in path.split("/") if code},
        unit_nos=tuple(paths),
        person_ids={act.person_id for act in acts},
    )


def around(connection: Connection, vault: Vault, acts: Sequence[Act]) -> Around:
    """As much of the roster in force as acts can touch."""
    stored = Stored(connection, vault, masked=False)
    named = _persons(connection, [act.person_id for act in acts])
    duties = people.duties_of(connection, named).values()
    codes = {act.post[0] for act in acts} | {duty.unit_code for each in duties for duty in each}
    units = stored.units_of(codes - {""})
    held: list[Holding] = [
        holding for each in stored.holdings(units).values() for _, holding in each
    ]
    return Around(
        people={person.person_id: person for person in stored.people(named).values()},
        units={unit.code: (unit, facts) for unit, facts in units.values()},
        holdings=held,
    )


def warn_of_shared_phones(connection: Connection, vault: Vault, edit: Edit) -> None:
    """Add a warning to an edit for each number of it that somebody else has too."""
    c, p = t.contact.c, t.person.c
    for person in edit.people.values():
        for _, _, _, address in contacts_of(person):
            no = addresses.find(connection, vault, address)
            if no is None:
                continue
            others = connection.execute(
                select(p.person_id)
                .join(t.contact, c.person_no == p.no)
                .where(
                    c.address_no == no,
                    c.to_version == FOREVER,
                    p.to_version == FOREVER,
                    p.person_id.not_in(list(edit.people)),
                )
                .order_by(p.no)
                .limit(1)
            ).scalars()
            for other in others:
                report = FileReport(quote(person.person_id, code=True), edit.problems)
                report.warn(0, "phone", "phone-held", other=quote(other, code=True))


def _persons(connection: Connection, person_ids: Iterable[str]) -> list[int]:
    c = t.person.c
    found: list[int] = []
    for batch in batches(dict.fromkeys(person_ids)):
        query = select(c.no).where(c.person_id.in_(batch), c.to_version == FOREVER)
        found.extend(connection.execute(query).scalars())
    return found
