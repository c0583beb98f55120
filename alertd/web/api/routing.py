"""How each of the API's routers is made: under one address, and with errors that look alike."""

from fastapi import APIRouter

from alertd.web.bodies import StrictRoute
from alertd.web.problem import RESPONSES

API = "/api/v1"


def api_router(tag: str, prefix: str = "") -> APIRouter:
    """A router whose routes are under `/api/v1` and `prefix`, shown as `tag` in the docs.

    Its routes are whole as they are made: an application takes them as they stand.
    """
    return APIRouter(
        prefix=API + prefix, tags=[tag], route_class=StrictRoute, responses=dict(RESPONSES)
    )
