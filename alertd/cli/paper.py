"""`alertd paper …`: call sheets, door lists and posters to print, and sheets entered back."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from alertd.cli import show, situation
from alertd.cli.client import Client, connect
from alertd.cli.options import As, Json
from alertd.cli.words import _, told, word
from alertd.errors import InvalidInputError
from alertd.settings import load
from alertd.whole import in_place_of

Alert = Annotated[str, typer.Option("--alert", help=_("The alert's short code or id."))]
Unit = Annotated[
    str, typer.Option("--unit", help=_("A unit's code: for it and the grids below it."))
]
Out = Annotated[Path | None, typer.Option("--out", help=_("The PDF to write."))]
Everybody = Annotated[
    bool, typer.Option("--everybody/--unanswered", help=_("Whether those who answered are on it."))
]

app = typer.Typer()


def _run(work: Callable[[Client], Coroutine[Any, Any, None]], acting_as: str | None) -> None:
    async def connected() -> None:
        async with connect(load(), acting_as=acting_as) as client:
            await work(client)

    asyncio.run(connected())


def _print(
    kind: str,
    alert: str,
    unit: str,
    out: Path | None,
    acting_as: str | None,
    *,
    everybody: bool,
    as_json: bool,
) -> None:
    file = out or Path(f"{alert}-{kind}-{unit}.pdf")

    async def work(client: Client) -> None:
        body = {"unit_code": unit, "everybody": everybody}
        path = f"/api/v1/alerts/{quote(alert, safe='')}/paper/{kind}"
        pdf, sheets = await client.printed(path, body)
        try:
            await asyncio.to_thread(_write, file, pdf)
        except OSError as error:
            raise InvalidInputError(f"{file} can't be written to: {error.strerror}.") from None

        def human() -> None:
            show.line(str(file))
            for sheet in sheets:
                show.line(f"  {told(_('sheet'), sheet)}")

        show.answer({"file": str(file), "sheets": sheets}, as_json=as_json, human=human)

    _run(work, acting_as)


def _write(file: Path, pdf: bytes) -> None:
    with in_place_of(file) as draft:
        draft.write_bytes(pdf)


@app.command("call-sheet", help=_("Who calls whom, with numbers for those who may see them."))
def call_sheet(  # noqa: D103 - its help says it
    alert: Alert,
    unit: Unit,
    out: Out = None,
    everybody: Everybody = True,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    _print("call-sheet", alert, unit, out, acting_as, everybody=everybody, as_json=as_json)


@app.command("door-list", help=_("Which doors to knock at, in walking order."))
def door_list(  # noqa: D103 - its help says it
    alert: Alert,
    unit: Unit,
    out: Out = None,
    everybody: Everybody = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    _print("door-list", alert, unit, out, acting_as, everybody=everybody, as_json=as_json)


@app.command("poster", help=_("The alert in large type for the notice board."))
def poster(  # noqa: D103 - its help says it
    alert: Alert, unit: Unit, out: Out = None, acting_as: As = None, as_json: Json = False
) -> None:
    _print("poster", alert, unit, out, acting_as, everybody=True, as_json=as_json)


@app.command("show", help=_("A sheet's rows, and what was entered of each."))
def show_sheet(  # noqa: D103 - its help says it
    sheet: Annotated[str, typer.Argument(metavar="SHEET")],
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def work(client: Client) -> None:
        found = await client.get(f"/api/v1/sheets/{quote(sheet, safe='')}")
        heads = (_("No."), _("Where"), _("Who"), _("Entered"))
        rows = [
            (row["row"], row["unit_name"], row["name"], _mark(row["result"]))
            for row in found["rows"]
        ]
        title = f"{found['sheet']} {found['alert']} {found['unit_name']}"
        show.answer(found, as_json=as_json, human=lambda: show.table(heads, rows, title))

    _run(work, acting_as)


def _mark(result: str) -> str:
    """The letter on paper, and what it stands for."""
    return f"{result.upper()} {word('result', result)}" if result else ""


@app.command("situation", help=_("How an alert stands now, on one page: PDF and HTML."))
def stands(  # noqa: D103 - its help says it
    alert: Annotated[str, typer.Argument(metavar="ALERT", help=_("The alert's short code or id."))],
    out: Annotated[Path | None, typer.Option("--out", help=_("The folder to write to."))] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    situation.write(alert, out, acting_as, as_json=as_json)


@app.command("enter", help=_("Enter what came back on a sheet, such as: K7M-4QX '3y 4n 7h'"))
def enter(  # noqa: D103 - its help says it
    sheet: Annotated[str, typer.Argument(metavar="SHEET")],
    marks: Annotated[
        list[str],
        typer.Argument(
            metavar="ROWS...",
            help=_(
                "Rows with their results: y reached, p on post, n nobody, h help, r refuses,"
                " u not on duty, x entered by mistake."
            ),
        ),
    ],
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def work(client: Client) -> None:
        path = f"/api/v1/sheets/{quote(sheet, safe='')}/marks"
        done = await client.post(path, {"marks": " ".join(marks)})
        heads = (_("No."), _("Result on paper"), _("Entered"))
        rows = [
            (row["row"], _mark(row["result"]), word("entry", row["outcome"]))
            for row in done["rows"]
        ]

        def human() -> None:
            show.table(heads, rows, done["sheet"])
            if done["late"]:
                show.line(
                    _(
                        "This alert is over: what is entered counts late, and answers no alert"
                        " that took its place."
                    )
                )

        show.answer(done, as_json=as_json, human=human)

    _run(work, acting_as)
