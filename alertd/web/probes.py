"""Probes for machines: is it alive, does it do its work, how does it stand."""

import asyncio

from fastapi import APIRouter, Response

from alertd.web.deps import Given
from alertd.web.metrics import exposition
from alertd.web.ready import Readiness, is_short, readiness

router = APIRouter(tags=["probes"])


@router.get("/healthz")
async def healthz(deps: Given) -> dict[str, str]:
    """200 while the process answers at all; `space` says whether the disk has room for new work."""
    return {"status": "ok", "space": "short" if is_short(deps) else "enough"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(deps: Given, response: Response) -> Readiness:
    """200 while alerts can be taken in and go out; else 503 with the reasons."""
    found = await readiness(deps)
    response.status_code = 200 if found.ready else 503
    response.headers["Cache-Control"] = "no-store"
    return found


@router.get("/metrics", response_class=Response)
async def metrics(deps: Given) -> Response:
    """Prometheus' text format; no names, no numbers."""
    text = await asyncio.to_thread(exposition, deps)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
