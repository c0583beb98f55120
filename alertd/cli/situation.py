"""`alertd paper situation`: how an alert stands now, on one page."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import quote

from alertd.cli import show
from alertd.cli.client import connect
from alertd.errors import InvalidInputError
from alertd.settings import load

_FORMS: Final = ("pdf", "html")


def write(alert: str, out: Path | None, acting_as: str | None, *, as_json: bool) -> None:
    """Write both faces into a folder, without which: here."""
    folder = out or Path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"{folder} can't be written to: {error.strerror}.") from None
    files = asyncio.run(_download(alert, folder, acting_as))

    def human() -> None:
        for file in files:
            show.line(str(file))

    show.answer({"files": [str(file) for file in files]}, as_json=as_json, human=human)


async def _download(alert: str, folder: Path, acting_as: str | None) -> list[Path]:
    made = []
    async with connect(load(), acting_as=acting_as, reads_only=True) as client:
        for form in _FORMS:
            file = folder / f"situation-{alert}.{form}"
            path = f"/api/v1/alerts/{quote(alert, safe='')}/situation"
            await client.download(path, file, format=form)
            made.append(file)
    return made
