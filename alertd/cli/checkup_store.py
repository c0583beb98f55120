"""The database as doctor sees it: version, clock, roster, who may approve. Only reads."""

import time
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from alertd.bootstrap import open_vault
from alertd.cli import keys
from alertd.cli.findings import Finding, Health, of_error
from alertd.cli.words import _
from alertd.engine.authority import Actor, may
from alertd.errors import AlertdError
from alertd.settings import Settings
from alertd.store import access, migrate, roster
from alertd.store import tables as t
from alertd.store.database import Store

_DAY_MS: Final = 86_400_000
_ROSTER_DAYS: Final = 90  # DOMAIN: verified more than 90 days ago is worth a warning
_SKEW_MS: Final = 120_000
_TWO: Final = 2


def store_findings(settings: Settings) -> list[Finding]:
    """What there is to say about the database and what is in it."""
    what = _("database")
    try:
        version, head = migrate.current(settings.store_url), migrate.head()
        if version is None:
            return [Finding(what, Health.LOOK, _("none yet; the first start makes it"))]
        if version != head:
            text = _("version {version}; the next start brings it to {head}")
            return [Finding(what, Health.LOOK, text.format(version=version, head=head))]
        return [
            Finding(what, Health.WELL, _("version {version}").format(version=version)),
            *_inside(settings),
        ]
    except AlertdError as error:
        return [of_error(what, error)]
    except (OSError, SQLAlchemyError) as error:
        text = _("It can't be read ({error}).").format(error=type(error).__name__)
        return [Finding(what, Health.BROKEN, text)]


def _inside(settings: Settings) -> list[Finding]:
    store = Store(settings.store_url, open_vault(settings.data_dir), node=settings.node)
    try:
        with store.read() as connection:
            now = time.time_ns() // 1_000_000
            return [_clock(connection, now), _roster(connection, now), *_people(connection)]
    finally:
        store.close()


def _clock(connection: Connection, now: int) -> Finding:
    """Facts from the future say that the clock was set back: due times would be late by so much."""
    last = connection.execute(select(func.max(t.journal.c.recorded_at))).scalar() or 0
    if last > now + _SKEW_MS:
        text = _("The clock is {seconds} s behind the last fact on record.")
        behind = text.format(seconds=f"{(last - now) // 1000:,}")
        return Finding(_("clock"), Health.BROKEN, behind)
    return Finding(_("clock"), Health.WELL, _("not behind the last fact on record"))


def _roster(connection: Connection, now: int) -> Finding:
    versions = roster.versions(connection)
    if not versions:
        text = _("none: nobody would be told; alertd roster import brings one")
        return Finding(_("roster"), Health.LOOK, text)
    newest = versions[0]
    days = max(0, now - newest.created_at) // _DAY_MS
    text = _("version {version}, {days} days old, {people} people").format(
        version=newest.version, days=days, people=f"{newest.counts.get('people', 0):,}"
    )
    return Finding(_("roster"), Health.LOOK if days > _ROSTER_DAYS else Health.WELL, text)


def _people(connection: Connection) -> Iterator[Finding]:
    known = [p for p in access.principals(connection) if p.disabled_at is None]
    approving = [p for p in known if p.name != keys.PRINCIPAL and _may_approve(p)]
    what = _("two persons")
    if len(approving) < _TWO:
        text = _("{count} may approve; an Actual alert needs an author and a second person")
        yield Finding(what, Health.LOOK, text.format(count=len(approving)))
    else:
        yield Finding(what, Health.WELL, _("{count} may approve").format(count=len(approving)))
    if unchanged := [p.name for p in known if p.must_change]:
        text = _("still with a one-time password: {names}").format(names=", ".join(unchanged))
        yield Finding(_("passwords"), Health.LOOK, text)


def _may_approve(principal: access.Principal) -> bool:
    actor = Actor(
        no=principal.no, id=principal.id, name=principal.name, role=principal.role, path=""
    )
    return may(actor, "approve")
