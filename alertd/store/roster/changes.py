"""What an import would change, counted in full and listed in part."""

from collections.abc import Sequence

from alertd.store.roster.stage import Stage
from rosters.diff import Change, Diff, Kind, What

# Each side as (kind, key, print), with keys as `rosters.diff.sort_key` makes them. A unit's
# fingerprint is 16 bytes of the unit and then 16, or none, of what is known of it.
_NEW = (
    "SELECT 'new', 'unit', code, substr(print, 1, 16) FROM unit",
    "SELECT 'new', 'facts', code, substr(print, 17) FROM unit WHERE length(print) > 16",
    "SELECT 'new', 'person', person_id, print FROM person",
    """
    SELECT 'new', 'holding',
        unit_code || char(31) || post || char(31) || person_id || char(31) || on_duty_from, print
    FROM holding
    """,
    "SELECT 'new', 'terminal', terminal_id, print FROM terminal",
    "SELECT 'new', 'group', group_key, print FROM chat_group",
)
_OLD = (
    "SELECT 'old', 'unit', code, substr(print, 1, 16) FROM old_unit WHERE live",
    """
    SELECT 'old', 'facts', code, substr(print, 17) FROM old_unit
    WHERE live AND length(print) > 16
    """,
    "SELECT 'old', 'person', person_id, print FROM old_person WHERE live",
    """
    SELECT DISTINCT 'old', 'holding',
        u.code || char(31) || d.post || char(31) || p.person_id || char(31) ||
        iif(h.shift_from IS NULL, '', printf('%02d:%02d', h.shift_from / 60, h.shift_from % 60)),
        h.print
    FROM old_part h JOIN old_duty d ON d.no = h.duty_no JOIN old_unit u ON u.no = d.unit_no
    JOIN old_person p ON p.no = h.person_no
    """,
    "SELECT 'old', 'terminal', terminal_id, print FROM old_terminal WHERE live",
    "SELECT 'old', 'group', group_key, print FROM old_chat_group WHERE live",
)

_ALONE = """
FROM side mine LEFT JOIN side other
    ON other.age = ? AND other.kind = mine.kind AND other.key = mine.key
WHERE mine.age = ? AND other.key IS NULL
"""
_DIFFERENT = """
FROM side mine JOIN side other
    ON other.age = ? AND other.kind = mine.kind AND other.key = mine.key
WHERE mine.age = ? AND other.print <> mine.print
"""
_FOUND = {
    What.ADDED: (_ALONE, ("old", "new")),
    What.CHANGED: (_DIFFERENT, ("old", "new")),
    What.LEFT: (_ALONE, ("new", "old")),
}


def count_changes(stage: Stage, limit: int) -> Diff:
    """Compare both sides; the first `limit` of each kind and each way are listed by their keys."""
    for side in (*_NEW, *_OLD):
        stage.db.execute(f"INSERT INTO side {side}")
    diff = Diff(limit)
    for what, (where, ages) in _FOUND.items():
        counts = f"SELECT mine.kind, count(*) {where} GROUP BY mine.kind"
        for kind, count in list(stage.rows(counts, ages)):
            diff.counts[Kind(kind), what] = count
            diff.listed += _listed(stage, Kind(kind), what, 0, limit)
    return diff


def list_changes(
    stage: Stage, counted: Diff, order: Sequence[tuple[Kind, What]], *, first: int, limit: int
) -> Diff:
    """A part of all changes, one kind and one way after the other.

    Args:
        stage: Compared.
        counted: As `count_changes` found it.
        order: Of the kinds and ways.
        first: How many changes to pass over.
        limit: At most so many.
    """
    part = Diff(limit, counts=counted.counts)
    for kind, what in order:
        count = counted.counts[kind, what]
        wanted = limit - len(part.listed)
        if wanted and first < count:
            part.listed += _listed(stage, kind, what, first, wanted)
        first = max(0, first - count)
    return part


def _listed(stage: Stage, kind: Kind, what: What, first: int, limit: int) -> list[Change]:
    where, ages = _FOUND[what]
    query = f"SELECT mine.key {where} AND mine.kind = ? ORDER BY mine.key LIMIT ? OFFSET ?"
    rows = stage.rows(query, (*ages, str(kind), limit, first))
    return [Change(kind, what, tuple(key.split("\x1f"))) for (key,) in rows]
