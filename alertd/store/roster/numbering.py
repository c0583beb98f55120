"""Give every staged row its number and id: those it had, or new ones in the hierarchy's order.

An alert is expanded in ranges of duty numbers, so neighbours in the city are neighbours here: units
in the order of their paths, a unit's duties from the leading role down. The order is a function of
the roster alone.
"""

import json

from alertd.errors import InvalidInputError, TooLargeError
from alertd.i18n import N_
from alertd.model import STAGE_SHIFT
from alertd.store.identity import Ids
from alertd.store.roster.stage import Stage
from rosters.words import PERSONAL_ROLES, ROLES

_NAMED = 5

_PATHS = """
WITH RECURSIVE tree (code, path) AS (
    SELECT code, code || '/' FROM unit WHERE parent_code = ''
    UNION ALL
    SELECT u.code, tree.path || u.code || '/' FROM tree JOIN unit u ON u.parent_code = tree.code
)
UPDATE unit SET path = tree.path FROM tree WHERE tree.code = unit.code
"""

_DUTIES = """
INSERT OR IGNORE INTO duty (unit_no, role, post)
SELECT u.no, said.value, h.post
FROM holding h JOIN unit u ON u.code = h.unit_code, json_each(h.roles) said
"""

# A rank that no role of the holding could keep is none, or it would differ from what was written.
_RANKS = """
UPDATE holding SET rank = 1 WHERE rank <> 1 AND NOT EXISTS (
    SELECT 1 FROM json_each(holding.roles) said LEFT JOIN role r ON r.role = said.value
    WHERE NOT (ifnull(r.personal, 0) AND said.value <> holding.post)
)
"""

_PARTS = """
INSERT INTO part
SELECT d.no, h.person_id, u.no, d.role,
    CASE WHEN r.personal AND d.role <> h.post THEN 1 ELSE h.rank END,
    h.shift_from, h.shift_to, h.verified_at, h.note, h.print
FROM holding h JOIN unit u ON u.code = h.unit_code, json_each(h.roles) said
JOIN duty d ON d.unit_no = u.no AND d.role = said.value AND d.post = h.post
LEFT JOIN role r ON r.role = d.role
"""

# Of each table: the known keep number and id, the new are numbered behind the last there ever was.
_NUMBERED = {
    "unit": (
        "UPDATE unit SET no = o.no, id = o.id FROM old_unit o WHERE o.code = unit.code",
        """
        UPDATE unit SET no = ? + n.place, id = new_id() FROM (
            SELECT code, row_number() OVER (ORDER BY path) AS place FROM unit WHERE no IS NULL
        ) n WHERE n.code = unit.code
        """,
    ),
    "duty": (
        """
        UPDATE duty SET no = o.no, id = o.id FROM old_duty o
        WHERE o.unit_no = duty.unit_no AND o.role = duty.role AND o.post = duty.post
        """,
        """
        UPDATE duty SET no = ? + n.place, id = new_id() FROM (
            SELECT d.unit_no, d.role, d.post, row_number() OVER (
                ORDER BY u.path, r.place IS NULL, r.place, d.role, d.post
            ) AS place
            FROM duty d JOIN unit u ON u.no = d.unit_no LEFT JOIN role r ON r.role = d.role
            WHERE d.no IS NULL
        ) n WHERE n.unit_no = duty.unit_no AND n.role = duty.role AND n.post = duty.post
        """,
    ),
    "person": (
        """
        UPDATE person SET no = o.no, id = o.id FROM old_person o
        WHERE o.person_id = person.person_id
        """,
        """
        UPDATE person SET no = ? + n.place, id = new_id() FROM (
            SELECT p.person_id, row_number() OVER (
                ORDER BY min(part.duty_no), p.person_id
            ) AS place
            FROM person p JOIN part ON part.person_id = p.person_id
            WHERE p.no IS NULL GROUP BY p.person_id
        ) n WHERE n.person_id = person.person_id
        """,
    ),
    "terminal": (
        """
        UPDATE terminal SET no = o.no, id = o.id FROM old_terminal o
        WHERE o.terminal_id = terminal.terminal_id
        """,
        """
        UPDATE terminal SET no = ? + n.place, id = new_id() FROM (
            SELECT x.terminal_id, row_number() OVER (ORDER BY u.path, x.terminal_id) AS place
            FROM terminal x JOIN unit u ON u.code = x.unit_code WHERE x.no IS NULL
        ) n WHERE n.terminal_id = terminal.terminal_id
        """,
    ),
    "chat_group": (
        """
        UPDATE chat_group SET no = o.no, id = o.id FROM old_chat_group o
        WHERE o.group_key = chat_group.group_key
        """,
        """
        UPDATE chat_group SET no = ? + n.place, id = new_id() FROM (
            SELECT x.group_key, row_number() OVER (ORDER BY u.path, x.group_key) AS place
            FROM chat_group x JOIN unit u ON u.code = x.unit_code WHERE x.no IS NULL
        ) n WHERE n.group_key = chat_group.group_key
        """,
    ),
}


def number(stage: Stage, ids: Ids) -> None:
    """Number everything that was loaded.

    Args:
        stage: Loaded, with what is known.
        ids: Gives what is new its identity.

    Raises:
        InvalidInputError: A unit has no way up to the root, or something names an unknown unit.
        TooLargeError: More duties than a requirement's number has room for.
    """
    db = stage.db
    db.create_function("new_id", 0, ids.uuid)
    db.execute("CREATE INDEX unit_parent ON unit (parent_code)")
    db.execute(_PATHS)
    _require_units(stage)
    _number(stage, "unit")
    db.execute("CREATE UNIQUE INDEX unit_no ON unit (no)")
    db.execute("UPDATE unit SET parent_no = p.no FROM unit p WHERE p.code = unit.parent_code")
    db.executemany(
        "INSERT INTO role VALUES (?, ?, ?)",
        [(role, place, role in PERSONAL_ROLES) for place, role in enumerate(ROLES)],
    )
    _merge_shifts(stage)
    db.execute(_RANKS)
    db.execute(
        """
        UPDATE holding SET print =
            fingerprint(post, rank, roles, on_duty_from, shift_to, verified_at, note)
        """
    )
    db.execute(_DUTIES)
    _number(stage, "duty")
    if stage.one("SELECT ifnull(max(no), 0) FROM duty") >= 1 << STAGE_SHIFT:
        raise TooLargeError(f"A roster may have at most {(1 << STAGE_SHIFT) - 1} duties.")
    db.execute(_PARTS)
    db.execute("CREATE INDEX part_person ON part (person_id, duty_no)")
    _number(stage, "person")
    db.execute("CREATE UNIQUE INDEX person_no ON person (no)")
    _number(stage, "terminal")
    _number(stage, "chat_group")


def _number(stage: Stage, table: str) -> None:
    known, new = _NUMBERED[table]
    stage.db.execute(known)
    stage.db.execute(new, (stage.last[table],))


def _require_units(stage: Stage) -> None:
    """What `rosters` checks in files holds for every source: nothing hangs in the air."""
    lost = "SELECT code FROM unit WHERE path IS NULL ORDER BY code LIMIT ?"
    _refuse(N_("Units without a way up to the root: {codes}."), stage, lost)
    for table in ("holding", "terminal", "chat_group"):
        unknown = f"""
        SELECT DISTINCT unit_code FROM {table}
        WHERE unit_code NOT IN (SELECT code FROM unit) ORDER BY unit_code LIMIT ?
        """  # noqa: S608 - our own names
        _refuse(N_("Units that are named but not there: {codes}."), stage, unknown)


def _refuse(sentence: str, stage: Stage, query: str) -> None:
    codes = [code for (code,) in stage.rows(query, (_NAMED,))]
    if codes:
        raise InvalidInputError(sentence.format(codes=", ".join(codes)), field="roster")


def _merge_shifts(stage: Stage) -> None:
    """Make one row of a person's several shifts in one duty: on duty always.

    A duty has a person once. Who is asked outside a shift can say so; who isn't asked can't.
    """
    several = """
    SELECT unit_code, post, person_id, min(rank), json_group_array(roles), max(verified_at),
        max(note)
    FROM holding GROUP BY unit_code, post, person_id HAVING count(*) > 1
    """
    for *key, rank, roles, verified_at, note in list(stage.rows(several)):
        together = sorted({role for each in json.loads(roles) for role in json.loads(each)})
        stage.db.execute(
            "DELETE FROM holding WHERE unit_code = ? AND post = ? AND person_id = ?", key
        )
        stage.db.execute(
            "INSERT INTO holding VALUES (?, ?, ?, '', ?, ?, NULL, NULL, ?, ?, NULL)",
            (*key, rank, json.dumps(together, ensure_ascii=False), verified_at, note),
        )
