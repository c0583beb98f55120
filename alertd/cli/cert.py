"""`alertd cert`: certificates with which browsers on the office's own network trust the console."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from alertd.cli import show
from alertd.cli.certificates import SERVER_DAYS, expires_at, fingerprint, make
from alertd.cli.client import connect, running
from alertd.cli.options import As, Json
from alertd.cli.words import LANGUAGE, _
from alertd.clock import machine_ms
from alertd.errors import AlertdError
from alertd.i18n import sentence
from alertd.settings import Settings, load
from alertd.store import migrate

_FOLDER: Final = "tls"


def cert(  # noqa: D103 - its help says it
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME…",
            help=_("Host names and addresses by which browsers reach this server."),
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help=_("Else tls in the data folder.")),
    ] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    settings = load()
    folder = (to or settings.data_dir / _FOLDER).expanduser().absolute()
    at = datetime.fromtimestamp(machine_ms() / 1000, settings.zone)
    files = make(folder, names, office=f"alertd {settings.signature_en}", now=at)
    try:
        asyncio.run(_on_record(settings, acting_as))
    except AlertdError as error:  # a server may not come up without it
        why = sentence(LANGUAGE, error.message)
        show.note(_("That it was made isn't on record: {why}").format(why=why))
    shown = {
        "authority": str(files.authority),
        "server": str(files.server),
        "server_key": str(files.server_key),
        "names": names,
        "expires_at": expires_at(files.server).isoformat(),
        "authority_sha256": fingerprint(files.authority),
    }

    def human() -> None:
        show.line(
            _("Written to {folder}; good for {days} days.").format(folder=folder, days=SERVER_DAYS)
        )
        show.line(_("In alertd.toml, then start alertd anew:"))
        show.line(f'  tls_cert = "{files.server}"')
        show.line(f'  tls_key = "{files.server_key}"')
        show.line(f'  public_base_url = "https://{names[0]}:{settings.port}"')
        show.line(
            _("Give {authority} to every browser as a trusted authority, once; compare:").format(
                authority=files.authority
            )
        )
        show.line(f"  SHA-256 {shown['authority_sha256']}")
        show.line(_("Whoever has authority.key can forge any site for these browsers: keep it."))

    show.answer(shown, as_json=as_json, human=human)


async def _on_record(settings: Settings, acting_as: str | None) -> None:
    """Where there is a city: as a rule its first certificate is made before that."""
    if running(settings.data_dir) is None and not migrate.current(settings.store_url):
        return
    async with connect(settings, acting_as=acting_as, reads_only=True) as client:
        await client.post("/api/v1/record/handed-out", {"what": "certificate"})
