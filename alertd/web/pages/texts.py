"""What alerts say, and how silence is climbed: templates and policies, as they are now."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from alertd import cap, messages
from alertd.engine.authority import require
from alertd.errors import AlertdError, NotFoundError
from alertd.messages import ShortForm
from alertd.messages.template import Template
from alertd.store.reads import units
from alertd.web.api.alerts import writing_of
from alertd.web.deps import Deps, Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor

router = APIRouter(include_in_schema=False)

_CODE = "A1"  # an example's


@router.get("/templates")
async def templates(request: Request, deps: Given, signed: Visitor) -> Response:
    """Every template: those that an operator issues, and what the system says by itself."""
    require(signed.actor, "read")
    found = list(deps.library.templates)
    return page(
        request,
        deps,
        "texts/templates.html",
        signed=signed,
        issued=[each for each in found if each.kind == "alert"],
        others=[each for each in found if each.kind != "alert"],
    )


@router.get("/templates/{name}")
async def template(request: Request, deps: Given, signed: Visitor, name: str) -> Response:
    """One template: an example of every text, with its SMS parts; or its source."""
    require(signed.actor, "read")
    found = deps.library.templates.get(name)
    examples, problem = await asyncio.to_thread(partial(_examples, deps, found))
    return page(
        request,
        deps,
        "texts/template.html",
        signed=signed,
        message=found,
        examples=examples,
        problem=problem,
    )


def _examples(deps: Deps, template: Template) -> tuple[list[Any], AlertdError | None]:
    """Every text of an alert's template, by its values' examples; none for the others."""
    if template.kind != "alert":
        return [], None
    try:
        with deps.store.read() as connection:
            root = units.children(connection, None).items
            if not root:
                raise NotFoundError("There is no roster yet: an example needs an area.")
            alert = writing_of(deps).compose(
                connection,
                _short(template, root[0].code),
                identifier="example",
                now=deps.now(),
                template=template,
            )
    except AlertdError as error:
        return [], error
    params = messages.alert_params(alert, code=_CODE, zone=deps.library.zone)
    signatures = deps.settings.signatures
    return messages.preview(template, params, status="Actual", signatures=signatures), None


def _short(template: Template, area: str) -> ShortForm:
    return ShortForm(
        template=template.name,
        colour=template.colour or cap.Colour.RED,
        areas=(area,),
        status="Actual",
        params={name: param.example for name, param in template.params.items()},
    )


@router.get("/policies")
async def policies(request: Request, deps: Given, signed: Visitor) -> Response:
    """Every escalation policy, rung by rung."""
    require(signed.actor, "read")
    order = [colour.value for colour in cap.Colour]
    found = sorted(
        deps.library.policies.values(),
        key=lambda policy: (
            order.index(policy.name) if policy.name in order else len(order),
            policy.name,
        ),
    )
    return page(request, deps, "texts/policies.html", signed=signed, policies=found)
