"""What loudspeakers play, for them to fetch; each sound is named by its content.

Nobody signs in here: a name can't be guessed, the command that holds it is signed, and what it
holds is said aloud in the street.
"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from starlette.responses import FileResponse

from alertd.web.deps import Given
from channels.loudspeaker.speech.store import SEASON, SoundStore

router = APIRouter(include_in_schema=False)

_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}


@router.get(f"/audio/{SEASON}")
async def season(deps: Given) -> Response:
    """The names of the sounds that loudspeakers should have before they are needed."""
    found = await asyncio.to_thread(SoundStore(deps.settings.data_dir / "audio").season_document)
    return Response(found, media_type="application/json")


@router.get("/audio/{name}.wav")
async def sound(deps: Given, name: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
    """One sound."""
    path = await asyncio.to_thread(SoundStore(deps.settings.data_dir / "audio").path, name)
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, media_type="audio/wav", headers=_FOR_EVER)
