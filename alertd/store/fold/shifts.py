"""Who is on duty, as conditions on holdings; the hours are those of `rosters.shifts`.

Whoever is off duty stands down while another principal of the same duty is on duty and can be
reached; never otherwise, so that hours nobody kept up don't leave a duty to nobody.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, literal, or_

from alertd.store import tables as t
from alertd.store.fold.scope import in_force, one_of
from rosters.words import PERSONAL_ROLES


def on_duty(holding: Any, minute: int) -> ColumnElement[bool]:
    """Whether a holding's shift covers a minute of the local day; without a shift it does.

    Args:
        holding: The table or an alias of it.
        minute: 0 to 1,439.
    """
    c, now = holding.c, literal(minute)
    begun, lasts = c.shift_from <= now, c.shift_to > now
    return or_(
        c.shift_from.is_(None),
        and_(c.shift_from < c.shift_to, begun, lasts),
        and_(c.shift_from >= c.shift_to, or_(begun, lasts)),
    )


def hours(c: Any) -> tuple[ColumnElement[int | None], ColumnElement[int | None]]:
    """A shift's beginning and end; none for what comes with a person, not with a post.

    Nobody stands in for a party member.
    """
    by_post = ~one_of(c.role, PERSONAL_ROLES)
    return case((by_post, c.shift_from)), case((by_post, c.shift_to))


def stood_down(version: Any, minute: int | None) -> ColumnElement[bool]:
    """Whether the holding is a principal's who is off duty, and another is there in their place.

    Args:
        version: Of the roster.
        minute: Of the local day; None: shifts aren't looked at.
    """
    if minute is None:
        return false()
    h, other = t.holding, t.holding.alias()
    there = exists().where(
        other.c.duty_no == h.c.duty_no,
        other.c.rank == 1,
        other.c.address_no.is_not(None),
        in_force(other, version),
        on_duty(other, minute),
    )
    # Most have no hours, and are asked nothing further.
    return and_(
        h.c.shift_from.is_not(None),
        h.c.rank == 1,
        ~one_of(h.c.role, PERSONAL_ROLES),
        ~on_duty(h, minute),
        there,
    )
