"""Write a planned roster: rows that changed are closed and written anew, the rest is untouched.

What these are is found when the roster is planned, and written down in the scratch database.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, update

from alertd.model import FOREVER, Channel
from alertd.store import addresses
from alertd.store import tables as t
from alertd.store.addresses import Sealed
from alertd.store.batches import batches, execute_many
from alertd.store.prepared import number_rows, rows_among
from alertd.store.roster.stage import Stage

_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one table.

    Args:
        table: The store's table.
        columns: What `write` selects, by name.
        changed: Keys of staged rows that come into force: new ones, and those that changed.
        write: Those rows whole, from `w`, the keys.
        closed: Keys of rows that cease to be: those that changed and those that left.
        key: The columns that `closed` selects.
    """

    table: Table
    columns: str
    changed: str
    write: str
    closed: str
    key: str = "no"


# An address that the store doesn't know yet has a number of its own until it is written: below 0,
# so that it is none of those that are held now, and not NULL, which is nobody's.
_NUMBER = "coalesce(a.no, -a.rowid)"
_FIRST_SMS = f"""
LEFT JOIN contact c ON c.person_id = n.person_id AND c.channel = {int(Channel.SMS)} AND c.rank = 1
LEFT JOIN address a ON a.blind = c.blind
"""

_STEPS = (
    Step(
        table=t.unit,
        columns="no id code official_code name level parent_no path households vulnerable "
        "should_transfer shelter fingerprint",
        changed="""
        SELECT n.code FROM unit n LEFT JOIN old_unit o ON o.code = n.code
        WHERE o.live IS NOT 1 OR o.print <> n.print OR o.path <> n.path ORDER BY n.no
        """,
        write="""
        SELECT n.no, n.id, n.code, n.official_code, n.name, n.level, n.parent_no, n.path,
            n.households, n.vulnerable, n.should_transfer, n.shelter, n.print
        FROM {w} w CROSS JOIN unit n ON n.code = w.code
        """,
        closed="""
        SELECT o.no FROM old_unit o LEFT JOIN unit n ON n.code = o.code
        WHERE o.live AND (n.code IS NULL OR o.print <> n.print OR o.path <> n.path) ORDER BY o.no
        """,
    ),
    Step(
        table=t.person,
        columns="no id person_id name language party_member channels fingerprint",
        changed="""
        SELECT n.person_id FROM person n LEFT JOIN old_person o ON o.person_id = n.person_id
        WHERE o.live IS NOT 1 OR o.print <> n.print ORDER BY n.no
        """,
        write="""
        SELECT n.no, n.id, n.person_id, n.name, n.language, n.party_member, n.channels, n.print
        FROM {w} w CROSS JOIN person n ON n.person_id = w.person_id
        """,
        closed="""
        SELECT o.no FROM old_person o LEFT JOIN person n ON n.person_id = o.person_id
        WHERE o.live AND (n.person_id IS NULL OR o.print <> n.print) ORDER BY o.no
        """,
    ),
    Step(
        table=t.duty,
        columns="no id unit_no role post",
        changed="""
        SELECT n.unit_no, n.role, n.post FROM duty n LEFT JOIN old_duty o
            ON o.unit_no = n.unit_no AND o.role = n.role AND o.post = n.post
        WHERE o.live IS NOT 1 ORDER BY n.no
        """,
        write="""
        SELECT n.no, n.id, n.unit_no, n.role, n.post FROM {w} w CROSS JOIN duty n
            ON n.unit_no = w.unit_no AND n.role = w.role AND n.post = w.post
        """,
        closed="""
        SELECT o.no FROM old_duty o LEFT JOIN duty n
            ON n.unit_no = o.unit_no AND n.role = o.role AND n.post = o.post
        WHERE o.live AND n.no IS NULL ORDER BY o.no
        """,
    ),
    Step(
        table=t.holding,
        columns="person_no duty_no rank unit_no role shift_from shift_to verified_at note "
        "fingerprint address_no",
        changed=f"""
        SELECT n.duty_no, n.person_id, p.no AS person_no
        FROM part n JOIN person p ON p.person_id = n.person_id {_FIRST_SMS}
        LEFT JOIN old_part o ON o.duty_no = n.duty_no AND o.person_no = p.no
        WHERE o.print IS NOT n.print OR o.address_no IS NOT {_NUMBER} ORDER BY p.no, n.duty_no
        """,  # noqa: S608 - our own words
        write=f"""
        SELECT w.person_no, n.duty_no, n.rank, n.unit_no, n.role, n.shift_from, n.shift_to,
            n.verified_at, n.note, n.print, a.no
        FROM {{w}} w CROSS JOIN part n ON n.duty_no = w.duty_no AND n.person_id = w.person_id
        {_FIRST_SMS}
        """,  # noqa: S608 - the same
        closed=f"""
        SELECT o.person_no, o.duty_no FROM old_part o LEFT JOIN person p ON p.no = o.person_no
        LEFT JOIN part n ON n.duty_no = o.duty_no AND n.person_id = p.person_id {_FIRST_SMS}
        WHERE n.print IS NOT o.print OR {_NUMBER} IS NOT o.address_no
        ORDER BY o.person_no, o.duty_no
        """,  # noqa: S608 - the same
        key="person_no duty_no",
    ),
    Step(
        table=t.contact,
        columns="person_no channel rank address_no",
        changed=f"""
        SELECT n.person_id, n.channel, n.rank, p.no AS person_no
        FROM contact n JOIN person p ON p.person_id = n.person_id
        JOIN address a ON a.blind = n.blind
        LEFT JOIN old_contact o
            ON o.person_no = p.no AND o.channel = n.channel AND o.rank = n.rank
        WHERE o.address_no IS NOT {_NUMBER} ORDER BY p.no, n.channel, n.rank
        """,  # noqa: S608 - the same
        write="""
        SELECT w.person_no, n.channel, n.rank, a.no FROM {w} w CROSS JOIN contact n
            ON n.person_id = w.person_id AND n.channel = w.channel AND n.rank = w.rank
        JOIN address a ON a.blind = n.blind
        """,
        closed=f"""
        SELECT o.person_no, o.channel, o.rank FROM old_contact o
        LEFT JOIN person p ON p.no = o.person_no LEFT JOIN contact n
            ON n.person_id = p.person_id AND n.channel = o.channel AND n.rank = o.rank
        LEFT JOIN address a ON a.blind = n.blind
        WHERE {_NUMBER} IS NOT o.address_no ORDER BY o.person_no, o.channel, o.rank
        """,  # noqa: S608 - the same
        key="person_no channel rank",
    ),
    Step(
        table=t.terminal,
        columns="no id terminal_id unit_no name lon lat volume fingerprint",
        changed="""
        SELECT n.terminal_id FROM terminal n LEFT JOIN old_terminal o
            ON o.terminal_id = n.terminal_id
        WHERE o.live IS NOT 1 OR o.print <> n.print ORDER BY n.no
        """,
        write="""
        SELECT n.no, n.id, n.terminal_id, u.no, n.name, n.lon, n.lat, n.volume, n.print
        FROM {w} w CROSS JOIN terminal n ON n.terminal_id = w.terminal_id
        JOIN unit u ON u.code = n.unit_code
        """,
        closed="""
        SELECT o.no FROM old_terminal o LEFT JOIN terminal n ON n.terminal_id = o.terminal_id
        WHERE o.live AND (n.print IS NULL OR o.print <> n.print) ORDER BY o.no
        """,
    ),
    Step(
        table=t.chat_group,
        columns="no id group_key unit_no kind address_no secret_cipher fingerprint",
        changed="""
        SELECT n.group_key FROM chat_group n LEFT JOIN old_chat_group o
            ON o.group_key = n.group_key
        WHERE o.live IS NOT 1 OR o.print <> n.print ORDER BY n.no
        """,
        write="""
        SELECT n.no, n.id, n.group_key, u.no, n.kind, a.no, n.secret_cipher, n.print
        FROM {w} w CROSS JOIN chat_group n ON n.group_key = w.group_key
        JOIN unit u ON u.code = n.unit_code JOIN address a ON a.blind = n.blind
        """,
        closed="""
        SELECT o.no FROM old_chat_group o LEFT JOIN chat_group n ON n.group_key = o.group_key
        WHERE o.live AND (n.print IS NULL OR o.print <> n.print) ORDER BY o.no
        """,
    ),
)


def find_rows(stage: Stage) -> None:
    """Write down in the stage what `write_rows` is to close and to write.

    The comparison is the long part, and takes no writer: replies and ladders don't wait for it.
    """
    for step in _STEPS:
        stage.db.execute(f"CREATE TABLE {_changed(step)} AS {step.changed}")
        stage.db.execute(f"CREATE TABLE {_closed(step)} AS {step.closed}")


def write_rows(connection: Connection, stage: Stage, version: int) -> None:
    """Bring the store's tables to the staged roster as `version`."""
    _write_addresses(connection, stage)
    for step in _STEPS:
        _close(connection, stage, step, version)
        _write(connection, stage, step, version)


def _changed(step: Step) -> str:
    return f"changed_{step.table.name}"


def _closed(step: Step) -> str:
    return f"closed_{step.table.name}"


def _write_addresses(connection: Connection, stage: Stage) -> None:
    # Should a first try have been rolled back, its numbers went with it.
    stage.db.execute("UPDATE address SET no = NULL WHERE cipher IS NOT NULL")
    query = "SELECT blind, kind, cipher, tail FROM address WHERE no IS NULL ORDER BY rowid LIMIT ?"
    while rows := list(stage.rows(query, (_AT_ONCE,))):
        new = {blind: Sealed(*kept) for blind, *kept in rows}
        # The engine may have met one of them since (a reply from a number then unknown): then
        # that one's number is what comes back.
        found = addresses.insert(connection, new)
        stage.db.executemany(
            "UPDATE address SET no = ? WHERE blind = ?",
            [(no, blind) for blind, no in found.items()],
        )


def _close(connection: Connection, stage: Stage, step: Step, version: int) -> None:
    """One statement for thousands of rows.

    Inside a savepoint SQLite goes at the end of each UPDATE through all that it has put aside since
    the savepoint began: with one for each row a large city's import stood still for minutes.
    """
    c, keys = step.table.c, step.key.split()
    statement = (
        update(step.table)
        .where(c.to_version == FOREVER)
        .where(rows_among(connection.dialect.name, [c[key] for key in keys], "gone"))
        .values(to_version=version)
    )
    closed = f"SELECT {', '.join(keys)} FROM {_closed(step)} ORDER BY rowid"  # noqa: S608 - ours
    for rows in batches(stage.rows(closed), _AT_ONCE):
        connection.execute(statement, {"gone": number_rows(rows)})


def _write(connection: Connection, stage: Stage, step: Step, version: int) -> None:
    names = [*step.columns.split(), "from_version", "to_version"]
    write = f"{step.write.format(w=_changed(step))} ORDER BY w.rowid"
    rows = ((*row, version, FOREVER) for row in stage.rows(write))
    execute_many(connection, step.table.insert(), names, rows)
