"""Plans of a city: checked against what is really there, saved, found, taken away."""

from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import Any, Final

from sqlalchemy import Connection

from alertd.engine.authority import Actor, require
from alertd.engine.library import Library
from alertd.engine.turn import Turn
from alertd.errors import AlertdError, InvalidInputError, NotFoundError
from alertd.i18n import N_
from alertd.messages.marks import guard_drill_words
from alertd.store import access, roster
from alertd.store.reads import drills as reads
from alertd.store.reads.units import path_of
from drills import plan as plans
from drills.alerting import template_of
from drills.mistakes import line_of, refuse
from drills.plan import Inject, Plan
from drills.toml import lines_of

_SHIPPED: Final = "plans"


def shipped() -> dict[str, Plan]:
    """The example plans, by name."""
    return {each.name: each for each in by_file().values()}


def by_file() -> dict[str, Plan]:
    """The same, by the names of their files."""
    folder = resources.files("drills") / _SHIPPED
    files = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return {
        file.name.removesuffix(".toml"): plans.parse(file.read_text(encoding="utf-8"))
        for file in files
        if file.name.endswith(".toml")
    }


def find(connection: Connection, name: str, *, path: str = "") -> Plan:
    """The city's own plan of that name, or the shipped one; raises NotFoundError."""
    try:
        return plans.from_dict(dict(reads.plan(connection, name, path=path).content))
    except NotFoundError:
        examples = shipped()
        if name in examples:
            return examples[name]
        raise


def read(connection: Connection, library: Library, routes: Any, text: str) -> Plan:
    """A plan from its TOML, checked against the roster, the templates and the routes.

    Raises:
        PlanError: Every mistake is named by key and line.
    """
    plan = plans.parse(text)
    check(connection, library, routes, plan, lines_of(text))
    return plan


def check(
    connection: Connection,
    library: Library,
    routes: Mapping[str, Any],
    plan: Plan,
    lines: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """Hold a plan against what is there; returns the paths of the units that it is about.

    Raises:
        PlanError: Something that it names isn't there; all of it is named.
    """
    where = lines or {}
    wrong = [
        *_wrong_alert(connection, library, plan),
        *_wrong_routes(routes, plan),
        *_wrong_injects(connection, plan),
        *_too_late(library, plan),
        *_wrong_owner(connection, plan),
    ]
    if wrong:
        raise refuse([(key, line_of(key, where), reason) for key, reason in wrong])
    return roster.paths_for(connection, roster.current_version(connection), plan.alert.areas)


def save(turn: Turn, actor: Actor, plan: Plan) -> None:
    """Write a plan down, in place of the one of that name.

    Raises:
        PlanError: As `check`.
        ForbiddenError: The actor may not draft, or not there; or not where the old one is.
    """
    turn.require_room()
    paths = check(turn.connection, turn.library, turn.routes, plan)
    require(actor, "draft", paths)
    _require_old(turn, actor, plan.name)
    content = plans.to_dict(plan)
    owner = content.pop("owner", "")
    body = {
        "name": plan.name,
        "content": content,
        "paths": list(paths),
        "owner": owner_of(turn.connection, owner, actor).hex(),
        "by": actor.id.hex(),
    }
    turn.record("drill.plan-saved", body, source=actor.source)


def remove(turn: Turn, actor: Actor, name: str) -> None:
    """Take a plan away; drills that were made from it keep theirs.

    Raises:
        NotFoundError: There is no such plan of the city's own.
        ForbiddenError: The actor may not draft, or not there.
    """
    found = reads.plan(turn.connection, name)
    require(actor, "draft", found.paths)
    body = {"name": name, "by": actor.id.hex()}
    turn.record("drill.plan-removed", body, source=actor.source)


def owner_of(connection: Connection, name: str, actor: Actor) -> bytes:
    """The owner's id; whoever saves a plan without an owner is."""
    found = access.find_principal(connection, name) if name else None
    return found.id if found else actor.id


def _require_old(turn: Turn, actor: Actor, name: str) -> None:
    try:
        old = reads.plan(turn.connection, name)
    except NotFoundError:
        return
    require(actor, "draft", old.paths)


def _wrong_alert(connection: Connection, library: Library, plan: Plan) -> Iterator[tuple[str, str]]:
    version = roster.current_version(connection)
    template, colour = template_of(plan.alert)
    yield from _tried(
        "alert.areas", lambda: roster.paths_for(connection, version, plan.alert.areas)
    )
    yield from _tried(
        "alert.roles", lambda: roster.roles_for(connection, version, plan.alert.roles)
    )
    key = "alert.template" if plan.alert.template else "alert.headline"
    yield from _tried(key, lambda: library.templates.select(template, colour))
    if plan.alert.policy:
        yield from _tried("alert.policy", lambda: library.policy(plan.alert.policy))
    if plan.alert.headline:
        yield from _tried(key, lambda: guard_drill_words(plan.alert.headline, "Exercise"))


def _wrong_routes(routes: Mapping[str, Any], plan: Plan) -> Iterator[tuple[str, str]]:
    known = ", ".join(sorted(routes)) or "–"
    for name in plan.channels:
        if name not in routes:
            reason = N_("is no route here; there are: {known}").format(known=known)
            yield f"channels.{name}", reason
    for number, loss in enumerate(plan.losses):
        if loss.route is not None and loss.route not in routes:
            reason = N_("is no route here; there are: {known}").format(known=known)
            yield f"losses[{number}].route", reason


def _wrong_injects(connection: Connection, plan: Plan) -> Iterator[tuple[str, str]]:
    version = roster.current_version(connection)
    try:
        paths = roster.paths_for(connection, version, plan.alert.areas)
    except InvalidInputError:
        return  # said already
    for number, inject in enumerate(plan.injects):
        at = f"injects[{number}]"
        yield from _tried(f"{at}.text", _guarded(inject))
        for code in inject.to:
            unit = path_of(connection, code)
            if unit is None:
                yield (
                    f"{at}.to",
                    N_("names a unit that isn't in the roster: {code}").format(code=code),
                )
            elif not any(unit.startswith(path) for path in paths):
                reason = N_("names a unit outside the drill's areas: {code}").format(code=code)
                yield f"{at}.to", reason


def _too_late(library: Library, plan: Plan) -> Iterator[tuple[str, str]]:
    """What of the script would never come: its alert runs out before."""
    try:
        template = library.templates.select(*template_of(plan.alert))
    except AlertdError:
        return  # said already
    until = plan.alert.valid_min or template.valid_min
    reason = N_("comes when the drill is over: it holds for {minutes} minutes").format(
        minutes=until
    )
    for number, inject in enumerate(plan.injects):
        if inject.at_min >= until:
            yield f"injects[{number}].at_min", reason
    for number, loss in enumerate(plan.losses):
        if loss.from_min >= until:
            yield f"losses[{number}].from_min", reason


def _guarded(inject: Inject) -> Callable[[], object]:
    return lambda: guard_drill_words(inject.text, "Exercise")


def _wrong_owner(connection: Connection, plan: Plan) -> Iterator[tuple[str, str]]:
    found = access.find_principal(connection, plan.owner) if plan.owner else None
    if plan.owner and (found is None or found.disabled_at is not None):
        yield "owner", N_("is no account here")


def _tried(key: str, does: Callable[[], object]) -> Iterator[tuple[str, str]]:
    try:
        does()
    except AlertdError as error:
        reason = N_("isn't right: {reason}").format(reason=error.message.rstrip("."))
        yield key, reason
