"""`alertd record`: who did what and when, from the journal."""

import asyncio
from typing import Annotated, Any, Final

import typer

from alertd.cli import show
from alertd.cli.client import Client, connect
from alertd.cli.options import As, Json
from alertd.cli.words import _, word
from alertd.report.fact_words import figure
from alertd.report.values import days
from alertd.settings import load

_PAGE: Final = 500


def record(  # noqa: D103 - its help says it
    since: Annotated[str, typer.Option(metavar="DATE", help=_("From this day on."))] = "",
    until: Annotated[
        str, typer.Option(metavar="DATE", help=_("… up to the end of this day."))
    ] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help=_("Only what this account did."))] = "",
    about: Annotated[
        str,
        typer.Option(
            help=_("all, rights, alerts, answers, drills, roster, handed-out or machine.")
        ),
    ] = "all",
    everything: Annotated[
        bool,
        typer.Option(
            "--everything", help=_("Also what the engine and the routes did by themselves.")
        ),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help=_("At most so many lines."))] = 100,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    settings = load()
    first, last = days(since, until, settings.zone)
    asked: dict[str, Any] = {"about": about, "people": not everything}
    asked |= {"by": by} if by else {}
    asked |= {} if first is None else {"since": first}
    asked |= {} if last is None else {"until": last}

    async def read() -> list[dict[str, Any]]:
        async with connect(settings, acting_as=acting_as, reads_only=True) as client:
            return await _pages(client, asked, limit)

    lines = asyncio.run(read())
    heads = (_("When"), _("Who"), _("What"), _("Alert"), _("Figures"))
    show.answer(
        lines, as_json=as_json, human=lambda: show.table(heads, [_row(line) for line in lines])
    )


async def _pages(client: Client, asked: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """The newest lines, page by page."""
    lines: list[dict[str, Any]] = []
    before: str | None = None
    while len(lines) < limit:
        more = asked if before is None else asked | {"before": before}
        page = await client.get("/api/v1/record", **more, limit=min(_PAGE, limit - len(lines)))
        lines += page["items"]
        before = page["next"]
        if before is None:
            break
    return lines


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    figures = (
        f"{word('figure', name)} {figure(_, name, value, show.moment)}"
        for name, value in line["figures"].items()
    )
    return (
        show.moment(line["recorded_at"]),
        word("source", line["by"]),
        word("fact", line["kind"]),
        line["alert"],
        " · ".join(figures),
    )
