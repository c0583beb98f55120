"""From a plan to the alert that it sends, and to those that follow it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alertd import cap, messages
from alertd.decide.plan import Route, Terms, Way, resolve
from alertd.engine.accept import Draft
from alertd.engine.turn import LiveAlert, Turn
from alertd.messages import ShortForm
from alertd.messages.template import Template
from alertd.store.reads import alerts as reads
from alertd.store.reads.units import names_of_areas
from drills.plan import Plan, Sent
from drills.script import routes_lost

INJECT: Final = "drill-inject"
ENDED: Final = "drill-end"
INTERRUPTED: Final = "drill-interrupted"
TEXTS: Final = (INJECT, ENDED, INTERRUPTED)
"""The templates that a drill freezes beside those of every alert."""


@dataclass(frozen=True, slots=True)
class Office:
    """Whose alerts a drill's are."""

    sender: str
    sender_name: str = ""


def form_of(plan: Plan) -> dict[str, Any]:
    """The short form of a plan's alert."""
    template, colour = template_of(plan.alert)
    params: Mapping[str, Any] = plan.alert.params
    if plan.alert.headline:
        params = {"text": plan.alert.headline}
    return {
        "template": template,
        "colour": colour,
        "areas": list(plan.alert.areas),
        "roles": list(plan.alert.roles),
        "status": "Exercise",
        "params": dict(params),
        "valid_min": plan.alert.valid_min,
    }


def template_of(sent: Sent) -> tuple[str, str]:
    """The template without its colour, and the colour."""
    colours = set(cap.Colour)
    given = sent.colour or (sent.policy if sent.policy in colours else cap.Colour.BLUE)
    stem, _, colour = sent.template.rpartition("-")
    if stem and colour in colours:
        return stem, colour
    return sent.template or "notice", str(given)


def draft_of(turn: Turn, office: Office, plan: Plan, drill_no: int) -> Draft:
    """The alert of a drill that begins now.

    Raises:
        InvalidInputError: The plan doesn't fit the templates, the roster or the routes of now.
    """
    ways = resolve(turn.routes.values(), plan.channels)
    level = plan.alert.climb_to.level
    return Draft(
        alert=_compose(turn, office, form_of(plan)),
        routes=open_routes(turn.routes, ways),
        simulated=not any(
            way is Way.REAL and not turn.routes[name].simulated for name, way in ways.items()
        ),
        policy=plan.alert.policy or None,
        event=plan.name,
        drill=Terms(
            drill=drill_no,
            ways=ways,
            climb_to=level.value if level else None,
            lost=routes_lost(plan),
        ),
        texts=TEXTS,
    )


def open_routes(routes: Mapping[str, Route], ways: Mapping[str, Way]) -> tuple[str, ...]:
    """The routes that a plan lets messages out by; by the others nothing is handed over."""
    return tuple(
        name
        for name, way in sorted(ways.items())
        if way is Way.REAL or (way is Way.SIMULATED and routes[name].simulated)
    )


def notice_of(turn: Turn, office: Office, alert: LiveAlert, template: str) -> Draft:
    """The alert that ends a drill and tells so everybody who was told by it; approved with it."""
    known = cap.from_json(reads.alert(turn.connection, alert.id).cap)
    form = {
        "template": template,
        "colour": str(cap.colour(known) or cap.Colour.BLUE),
        "areas": list(cap.area_codes(known)),
        "roles": list(cap.roles(known)),
        "status": "Exercise",
        "event": {info.language: info.event for info in known.info},
    }
    return Draft(
        alert=_compose(
            turn,
            office,
            form,
            references=[known.identity],
            template=_words(turn, alert, template),
        ),
        routes=None if alert.leave.routes is None else tuple(sorted(alert.leave.routes)),
        simulated=alert.leave.simulated,
        policy=alert.policy.name if alert.policy.name in turn.library.policies else None,
        prepared=True,
    )


def _words(turn: Turn, alert: LiveAlert, name: str) -> Template:
    """As they were frozen with its plan; a drill without one is ended in the words of now."""
    frozen = alert.templates.get(name)
    return Template.from_dict(frozen) if frozen else turn.library.templates.get(name)


def _compose(
    turn: Turn,
    office: Office,
    form: Mapping[str, Any],
    *,
    references: Sequence[cap.Reference] = (),
    template: Template | None = None,
) -> cap.Alert:
    short = ShortForm.from_dict({key: value for key, value in form.items() if value is not None})
    return messages.compose(
        short,
        template or turn.library.templates.select(short.template, short.colour),
        identifier=f"alertd-{turn.ids.uuid().hex()}",
        sender=office.sender,
        sent_at=turn.now,
        zone=turn.library.zone,
        sender_name=office.sender_name,
        area_names=names_of_areas(turn.connection, short.areas),
        references=references,
    )
