"""The database as doctor sees it: version, clock, roster, who may approve. Only reads."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from alertd.cli import keys
from alertd.cli.checkup_answers import early_findings, witness_findings
from alertd.cli.findings import Finding, Health, age, of_error
from alertd.cli.trouble import of_database, of_file
from alertd.cli.words import _
from alertd.clock import POSTGRESQLS, machine_ms
from alertd.decide.timekeeping import Why, resume, standing
from alertd.engine.authority import Actor, may
from alertd.errors import AlertdError
from alertd.provision import address_key, refuse_empty
from alertd.settings import Settings
from alertd.store import access, dialect, lived, migrate, people, roster
from alertd.store.backup.checking import require_key
from alertd.store.departure import refuse_departed
from alertd.store.home import lacks_since, refuse_copy
from alertd.store.reads.units import group_kinds
from alertd.store.shape import refuse_unlike
from alertd.web.ready import LACKS, SHOWN_MS

_DAY_MS: Final = 86_400_000
_ROSTER_DAYS: Final = 90  # DOMAIN: verified more than 90 days ago is worth a warning
_TWO: Final = 2
_MIDNIGHT: Final = 0  # who is on duty doesn't matter where it is asked whether anybody can be told


def store_findings(settings: Settings) -> list[Finding]:
    """What there is to say about the database and what is in it."""
    what = _("database")
    try:
        version, head = migrate.current(settings.store_url), migrate.head()
        refuse_empty(settings)
        if version is None:
            migrate.refuse_unfit(settings.store_url)
            return [Finding(what, Health.LOOK, _("none yet; the first start makes it"))]
        if not migrate.is_known(version):
            return [of_error(what, migrate.newer())]
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
        trouble = of_file(error) if isinstance(error, OSError) else of_database(error)
        return [of_error(what, trouble) if trouble else Finding(what, Health.BROKEN, text)]


def _inside(settings: Settings) -> list[Finding]:
    engine = dialect.reader(settings.store_url)
    try:
        with engine.begin() as connection:
            machine = machine_ms()
            refuse_unlike(connection)
            refuse_departed(connection)
            refuse_copy(connection, machine)
            shared = not dialect.is_sqlite(settings.store_url)
            now = connection.exec_driver_sql(POSTGRESQLS).scalar_one() if shared else machine
            return [
                _key(connection, settings),
                _clock(connection, now, settings),
                *_other_clock(machine, now),
                *_taken_over(connection, now),
                _roster(connection, now),
                *desk_findings(connection),
                *_groups(connection, settings),
                *_people(connection),
                *early_findings(connection, now),
                *witness_findings(connection),
            ]
    finally:
        engine.dispose()


def _key(connection: Connection, settings: Settings) -> Finding:
    what = _("addresses' key")
    try:
        require_key(connection, address_key(settings))
    except AlertdError as error:
        return of_error(what, error)
    return Finding(what, Health.WELL, _("opens what is in the database"))


def _clock(connection: Connection, now: int, settings: Settings) -> Finding:
    """What a start now would go by, and so what it would tell people to do."""
    what, known = _("clock"), lived.lived(connection, settings.node)
    under_way = lived.under_way(connection)
    gap_ms = settings.clock_gap_s * 1000
    found = resume(known, now, under_way=under_way, gap_ms=gap_ms)
    if found.believed:
        return Finding(what, Health.WELL, _("agrees with what this node has lived through"))
    behind = found.why is Why.BEHIND
    text = (
        _("{seconds} s behind what this node has lived through, which it goes on from.")
        if behind
        else _("{seconds} s ahead with alerts under way: a start would go on from the time before.")
    )
    told = text.format(seconds=f"{abs(now - found.at) // 1000:,}")
    hint = _("Put the machine's clock right, or say that it is right: alertd clock accept.")
    return Finding(what, Health.BROKEN, f"{told} {hint}")


def _other_clock(machine: int, now: int) -> Iterator[Finding]:
    """A third witness, who isn't gone by: one of the two clocks is wrong."""
    if standing(now, machine) is not Why.WALL:
        text = _(
            "this machine's is {seconds} s off the database's, which all who share it go by:"
            " put the wrong one right"
        )
        told = text.format(seconds=f"{(machine - now) // 1000:+,}")
        yield Finding(_("clock"), Health.LOOK, told)


def _taken_over(connection: Connection, now: int) -> Iterator[Finding]:
    since = lacks_since(connection)
    if since is not None and now - since < SHOWN_MS:
        yield Finding(_("database"), Health.LOOK, _(LACKS))


def _roster(connection: Connection, now: int) -> Finding:
    versions = roster.versions(connection)
    if not versions:
        text = _("none: nobody would be told; alertd roster import brings one")
        return Finding(_("roster"), Health.LOOK, text)
    newest = versions[0]
    days = max(0, now - newest.created_at) // _DAY_MS
    text = _("version {version}, imported {when}, {people} people").format(
        version=newest.version, when=age(days), people=f"{newest.counts.get('people', 0):,}"
    )
    return Finding(_("roster"), Health.LOOK if days > _ROSTER_DAYS else Health.WELL, text)


def desk_findings(connection: Connection) -> Iterator[Finding]:
    """Whether a roster has a duty desk that can be told: there silence and cries for help end."""
    desk, there = people.desk_within_reach(connection, _MIDNIGHT)
    if there or not roster.versions(connection):
        return
    text = (
        _("nobody holds '{role}' at the top: no last rung and no call for help has anywhere to go")
        if desk is None
        else _("nobody of '{role}' has a number: no last rung and no call for help reaches them")
    )
    yield Finding(_("duty desk"), Health.LOOK, text.format(role=people.DUTY_DESK_ROLE))


def _groups(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Chat groups, mailboxes and boards that no route is for: their type is their kind's name."""
    types = {route.type for route in settings.routes.values()}
    missing = [kind for kind in group_kinds(connection) if kind not in types]
    if missing and types:
        text = _("no route reaches groups of the kinds: {kinds}").format(kinds=", ".join(missing))
        yield Finding(_("routes"), Health.LOOK, text)


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
