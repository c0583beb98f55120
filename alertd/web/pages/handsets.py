"""The simulated phones of a sample city: what they show, and to answer from one by hand."""

from typing import Final

from fastapi import APIRouter, Request, Response

from alertd.engine.authority import require
from alertd.errors import InvalidInputError, NotFoundError
from alertd.web.deps import Deps, Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to
from drills.world import World

router = APIRouter(prefix="/handsets", include_in_schema=False)

ANSWERS: Final = ("1", "2 35", "4", "3", "0", "开会中稍后联系")
_MOST: Final = 200


def _phones(deps: Deps) -> World:
    if deps.phones is None:
        raise NotFoundError("The phones here are real.")
    return deps.phones


@router.get("")
async def show(request: Request, deps: Given, signed: Visitor) -> Response:
    """What phones showed last, the newest first."""
    require(signed.actor, "answer", [""])
    messages = await _phones(deps).latest()
    return page(
        request, deps, "handsets/list.html", signed=signed, messages=messages, answers=ANSWERS
    )


@router.post("/reply")
async def reply(deps: Given, signed: Sender, form: Form) -> Response:
    """Have a phone answer; it goes the way of every reply, by the gateway's hook."""
    require(signed.actor, "answer", [""])
    phone, text = form.get("phone", "").strip(), form.get("text", "").strip()[:_MOST]
    if not phone or not text:
        raise InvalidInputError("Say from which phone, and what.", field="text")
    await _phones(deps).say(phone, text)
    return back_to("/handsets")
