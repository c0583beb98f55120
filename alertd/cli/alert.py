"""`alertd alert …`: drafted, approved, followed by others, looked at."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from alertd.cli import show
from alertd.cli.client import Client, connect
from alertd.cli.drafts import Wording, headcount, short_form
from alertd.cli.figures import areas_of, board_lines, head_line
from alertd.cli.options import Alert, As, Json
from alertd.cli.watch import watch
from alertd.cli.words import LANGUAGE, _, listed, word
from alertd.errors import InvalidInputError
from alertd.i18n import N_
from alertd.settings import load
from rosters.words import role_name

Work = Callable[[Client], Coroutine[Any, Any, None]]
Yes = Annotated[bool, typer.Option("--yes", help=_("Issue at once where nobody else is needed."))]
Told = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE")]
Why = Annotated[str, typer.Option(help=_("Why; without names and numbers. On record."))]
_SUFFIXES: Final = {".xml": "application/cap+xml", ".json": "application/cap+json"}

app = typer.Typer()


def _run(
    work: Work,
    acting_as: str | None = None,
    *,
    server_only: bool = False,
    reads_only: bool = False,
) -> None:
    async def connected() -> None:
        async with connect(
            load(), acting_as=acting_as, server_only=server_only, reads_only=reads_only
        ) as client:
            await work(client)

    asyncio.run(connected())


@app.command("issue", help=_("Draft an alert and show whom it reaches; with --yes issue it."))
def issue(  # noqa: D103 - its help says it
    *,
    template: Annotated[str, typer.Option(help=_("A message template, such as typhoon."))] = "",
    colour: Annotated[str, typer.Option(help=_("red, orange, yellow or blue."))] = "",
    area: Annotated[list[str] | None, typer.Option(help=_("An area's code; repeatable."))] = None,
    role: Annotated[
        list[str] | None, typer.Option(help=_("A role, such as grid_leader; repeatable."))
    ] = None,
    status: Annotated[str, typer.Option(help=_("Actual, Exercise or Test."))] = "Actual",
    told: Told = None,
    level: Annotated[str | None, typer.Option(help=_("Response level I, II, III or IV."))] = None,
    event: Annotated[str | None, typer.Option(help=_("The event's name."))] = None,
    storm: Annotated[str, typer.Option(help=_("The storm it belongs to."))] = "",
    valid_min: Annotated[int | None, typer.Option(help=_("For how many minutes."))] = None,
    route: Annotated[
        list[str] | None, typer.Option(help=_("Of a drill's plan: by this route only; repeatable."))
    ] = None,
    simulated: Annotated[bool, typer.Option(help=_("By simulated routes only."))] = False,
    cap_file: Annotated[
        Path | None, typer.Option("--cap", help=_("A CAP 1.2 alert, XML or JSON, in their place."))
    ] = None,
    yes: Yes = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    form = Wording(
        template=template,
        colour=colour,
        areas=area or [],
        roles=role or [],
        status=status,
        told=told or [],
        level=level,
        event=event,
        storm=storm,
        valid_min=valid_min,
        routes=route,
        simulated=simulated,
    )
    body = _cap_of(cap_file) if cap_file else {"body": {**short_form(form), "issue": yes}}

    async def work(client: Client) -> None:
        made = await client.post("/api/v1/alerts", **body)
        await _drafted(client, made, as_json=as_json)

    _run(work, acting_as, server_only=yes)


def _cap_of(file: Path) -> dict[str, Any]:
    """A CAP alert's file as a request's body."""
    kind = _SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise InvalidInputError("A CAP alert's file is named .xml or .json.", field="--cap")
    try:
        return {"content": file.read_bytes(), "headers": {"Content-Type": kind}}
    except OSError as error:
        raise InvalidInputError(f"{file.name} can't be read: {error.strerror}.") from None


async def _drafted(client: Client, made: dict[str, Any], *, as_json: bool) -> None:
    """Show a draft and whom it reaches; on a terminal ask whether it should go."""
    show.answer(made, as_json=as_json, human=lambda: headcount(made))
    if as_json or made["state"] != "draft":
        return
    code = made["short_code"]
    asked = client.is_server and made["status"] != "Actual" and sys.stdin.isatty()
    if asked and typer.confirm(_("Issue it now?")):
        await _approve(client, code, break_glass=False, as_json=False)
        return
    show.line(
        _("It is a draft. To issue it: {command}").format(command=f"alertd alert approve {code}")
    )
    if made["status"] == "Actual":
        show.line(_("An Actual alert needs a second person: --as NAME, or the console."))


@app.command("approve", help=_("Agree to an alert, so that it is issued."))
def approve(  # noqa: D103 - its help says it
    alert: Alert,
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help=_("Alone: it waits, and is on record as such."))
    ] = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def work(client: Client) -> None:
        await _approve(client, alert, break_glass=break_glass, as_json=as_json)

    _run(work, acting_as, server_only=True)


async def _approve(client: Client, alert: str, *, break_glass: bool, as_json: bool) -> None:
    body = {"break_glass": break_glass}
    state = await client.post(f"/api/v1/alerts/{alert}/approve", body)

    def human() -> None:
        values = {"code": state["short_code"], "at": show.moment(state["issue_at"])}
        if state["state"] == "approved":
            show.line(_("{code} is approved and goes out at {at}.").format(**values))
        else:
            show.line(_("{code} is issued.").format(**values))

    show.answer(state, as_json=as_json, human=human)


@app.command("update", help=_("Draft the alert that takes another's place."))
def update(  # noqa: D103 - its help says it
    alert: Alert,
    template: Annotated[str, typer.Option(help=_("Another message template."))] = "",
    colour: Annotated[str, typer.Option(help=_("red, orange, yellow or blue."))] = "",
    area: Annotated[list[str] | None, typer.Option(help=_("Other areas; repeatable."))] = None,
    role: Annotated[list[str] | None, typer.Option(help=_("Other roles; repeatable."))] = None,
    told: Told = None,
    level: Annotated[str | None, typer.Option(help=_("Response level I, II, III or IV."))] = None,
    valid_min: Annotated[int | None, typer.Option(help=_("For how many minutes."))] = None,
    yes: Yes = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def work(client: Client) -> None:
        before = await client.get(f"/api/v1/alerts/{alert}")
        form = Wording.of(
            before,
            template=template,
            colour=colour,
            areas=area,
            roles=role,
            told=told,
            level=level,
            valid_min=valid_min,
        )
        body = {**short_form(form), "issue": yes}
        made = await client.post(f"/api/v1/alerts/{alert}/update", body)
        await _drafted(client, made, as_json=as_json)

    _run(work, acting_as, server_only=yes)


def _following(kind: str) -> Callable[..., None]:
    def follow(
        alert: Alert,
        told: Told = None,
        yes: Yes = False,
        acting_as: As = None,
        as_json: Json = False,
    ) -> None:
        async def work(client: Client) -> None:
            body: dict[str, Any] = {"issue": yes}
            if told:
                body["params"] = Wording(told=told).params
            made = await client.post(f"/api/v1/alerts/{alert}/{kind}", body)
            await _drafted(client, made, as_json=as_json)

        _run(work, acting_as, server_only=yes)

    return follow


app.command("watch", help=_("Show an alert's board, live, until it is over."))(watch)
app.command("cancel", help=_("Draft what withdraws an alert."))(_following("cancel"))
app.command("all-clear", help=_("Draft what says that the danger is over."))(
    _following("all-clear")
)
app.command("correct", help=_("Draft what corrects an alert."))(_following("correction"))


@app.command("discard", help=_("Throw away a draft, or stop broken glass before it goes out."))
def discard(alert: Alert, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help says it
    async def work(client: Client) -> None:
        state = await client.post(f"/api/v1/alerts/{alert}/discard")
        said = _("{code} is thrown away; nobody was told.").format(code=state["short_code"])
        show.answer(state, as_json=as_json, human=lambda: show.line(said))

    _run(work, acting_as)


def _halting(how: str) -> Callable[..., None]:
    def halt(alert: Alert, why: Why, acting_as: As = None, as_json: Json = False) -> None:
        async def work(client: Client) -> None:
            body = {"reason": why}
            state = await client.post(f"/api/v1/alerts/{alert}/halt/{how}", body)
            show.answer(state, as_json=as_json, human=lambda: show.line(_(_HALTED[how])))

        _run(work, acting_as, server_only=True)

    return halt


_HALTED = {
    "pause": N_("Paused: nothing of it is sent but calls for help, until it is resumed."),
    "resume": N_("It goes on."),
    "stop": N_("Stopped for good. Tell those who have it: alertd alert correct."),
}

app.command("pause", help=_("Hold back what hasn't left yet, but for calls for help."))(
    _halting("pause")
)
app.command("resume", help=_("Let a paused alert go on."))(_halting("resume"))
app.command("stop", help=_("Withdraw what hasn't left yet, for good."))(_halting("stop"))


@app.command("show", help=_("Show an alert and how far it has come."))
def show_alert(  # noqa: D103 - its help says it
    alert: Alert,
    as_cap: Annotated[bool, typer.Option("--cap", help=_("As CAP 1.2 XML."))] = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def work(client: Client) -> None:
        if as_cap:
            sys.stdout.write(await client.text(f"/api/v1/alerts/{alert}", _SUFFIXES[".xml"]))
            return
        full = await client.get(f"/api/v1/alerts/{alert}")
        found = await client.get(f"/api/v1/alerts/{alert}/board")
        show.answer(
            {**full, "board": found["board"]}, as_json=as_json, human=lambda: _shown(full, found)
        )

    _run(work, acting_as, reads_only=True)


def _shown(full: dict[str, Any], found: dict[str, Any]) -> None:
    view = found["alert"]
    show.line(head_line(view))
    rows = [
        (_("areas"), listed(areas_of(view, full["cap"]))),
        (_("roles"), listed(role_name(role, LANGUAGE) for role in view["roles"])),
        (_("written by"), view["created_by"]),
        (_("approved by"), view["approved_by"] or ""),
        (_("issued"), show.moment(view["issued_at"])),
        (_("until"), show.moment(view["expires_at"])),
    ]
    show.table(("", ""), rows)
    for line in board_lines(found):
        show.line(line)


@app.command("list", help=_("List alerts, the newest first."))
def list_alerts(  # noqa: D103 - its help says it
    running: Annotated[
        bool, typer.Option("--running", help=_("Only drafts and alerts under way."))
    ] = False,
    status: Annotated[str | None, typer.Option(help=_("Actual, Exercise or Test."))] = None,
    limit: Annotated[int, typer.Option(help=_("At most so many."))] = 50,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def work(client: Client) -> None:
        page = await client.get(
            "/api/v1/alerts", running=running, status=status, limit=min(max(limit, 1), 500)
        )
        heads = (_("code"), _("state"), _("status"), _("issued"), _("headline"))
        rows = [
            (
                each["short_code"],
                word("state", each["state"]),
                word("status", each["status"]),
                show.moment(each["issued_at"]),
                each["headline"],
            )
            for each in page["items"]
        ]
        show.answer(page, as_json=as_json, human=lambda: show.table(heads, rows))

    _run(work, acting_as, reads_only=True)


@app.command("ack", help=_("Enter an answer that came by phone, radio, runner or on paper."))
def ack(  # noqa: D103 - its help says it
    alert: Alert,
    person: Annotated[str | None, typer.Option(help=_("Whose answer: the roster's id."))] = None,
    duty: Annotated[
        str | None, typer.Option(metavar="UNIT:ROLE", help=_("Or for which duty."))
    ] = None,
    kind: Annotated[
        str, typer.Option(help=_("received, on_post, done, help or unavailable."))
    ] = "received",
    count: Annotated[int | None, typer.Option(help=_("With done: so many."))] = None,
    of: Annotated[int | None, typer.Option(help=_("With done: of so many."))] = None,
    via: Annotated[str, typer.Option(help=_("phone, radio, runner or paper."))] = "phone",
    note: Annotated[str, typer.Option(help=_("Anything else, without names and numbers."))] = "",
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    if (person is None) == (duty is None):
        raise InvalidInputError(
            "Say whose answer it is: --person or --duty.",
            hint="alertd alert ack A7 --duty 330281001001001:grid_leader --kind received",
        )
    body: dict[str, Any] = {"kind": kind, "count": count, "of": of, "via": via, "note": note}
    if duty is not None:
        unit, _colon, role = duty.partition(":")
        body["duty"] = {"unit_code": unit, "role": role}
    if person is not None:
        body["person_id"] = person

    async def work(client: Client) -> None:
        made = await client.post(f"/api/v1/alerts/{alert}/acks", body)

        def human() -> None:
            show.line(_("Entered as answer {no}.").format(no=made["no"]))
            if made["late"]:
                show.line(
                    _(
                        "This alert is over: what is entered counts late, and answers no alert"
                        " that took its place."
                    )
                )
            if not made["asked"]:
                show.line(_("The alert asks nothing of them: no unit is covered by it."))
                show.line(
                    _("Where they answer for somebody else, name the duty: --duty UNIT:ROLE.")
                )

        show.answer(made, as_json=as_json, human=human)

    _run(work, acting_as)
