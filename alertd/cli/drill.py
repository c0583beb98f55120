"""`alertd drill …`: plans of drills, the calendar, and a drill under way."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from alertd.cli import drill_score, show
from alertd.cli.client import Client, connect
from alertd.cli.drill_learn import learn_people
from alertd.cli.options import As, Json
from alertd.cli.simulate import simulate
from alertd.cli.words import LANGUAGE, _, word
from alertd.errors import InvalidInputError
from alertd.settings import load

Ask = Callable[[Client], Coroutine[Any, Any, Any]]
PlanName = Annotated[
    str, typer.Argument(metavar="PLAN", help=_("The plan's name, or its file, saved first."))
]
File = Annotated[Path, typer.Argument(metavar="FILE", help=_("The plan's TOML; - for stdin."))]
DrillNo = Annotated[int, typer.Argument(metavar="NO", help=_("The drill's number."))]
Why = Annotated[str, typer.Option(help=_("Why; without names and numbers. On record."))]

app = typer.Typer()
plan_app = typer.Typer(help=_("Plans of drills."))
app.add_typer(plan_app, name="plan")
drill_score.register(app)
app.command("learn", help=_("What past drills show of how people answer, as rules."))(learn_people)
app.command("simulate", help=_("Play a plan in many simulated nights, nobody woken."))(simulate)


def _asked(
    ask: Ask,
    acting_as: str | None = None,
    *,
    server_only: bool = False,
    reads_only: bool = False,
) -> Any:
    async def connected() -> Any:
        async with connect(
            load(), acting_as=acting_as, server_only=server_only, reads_only=reads_only
        ) as client:
            return await ask(client)

    return asyncio.run(connected())


@plan_app.command("list", help=_("List the city's plans, and the shipped examples."))
def list_plans(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    found = _asked(lambda client: client.get("/api/v1/drill-plans"), acting_as)
    heads = (_("plan"), _("owner"), _("saved"), _("example"))
    rows = [(p["name"], p["owner"], show.moment(p["saved_at"]), p["shipped"]) for p in found]
    show.answer(found, as_json=as_json, human=lambda: show.table(heads, rows))


@plan_app.command("show", help=_("Show a plan as its TOML."))
def show_plan(  # noqa: D103 - its help says it
    name: Annotated[str, typer.Argument(metavar="PLAN", help=_("The plan's name."))],
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    found = _asked(lambda client: client.get(_plan_path(name)), acting_as)
    show.answer(found, as_json=as_json, human=lambda: _whole(found["toml"]))


@plan_app.command("check", help=_("Check a plan against the roster, templates and routes."))
def check_plan(file: File, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    body = {"toml": _text(file)}
    found = _asked(lambda client: client.post("/api/v1/drill-plans/check", body), acting_as)
    show.answer(found, as_json=as_json, human=lambda: show.line(_checked(found)))


@plan_app.command("save", help=_("Check a plan and save it, in place of the one of its name."))
def save_plan(file: File, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    body = {"toml": _text(file)}
    found = _asked(lambda client: client.post("/api/v1/drill-plans", body), acting_as)
    show.answer(found, as_json=as_json, human=lambda: show.line(_checked(found)))


@plan_app.command("remove", help=_("Take a plan away; drills made from it keep theirs."))
def remove_plan(  # noqa: D103 - its help says it
    name: Annotated[str, typer.Argument(metavar="PLAN", help=_("The plan's name."))],
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    found = _asked(lambda client: client.post(f"{_plan_path(name)}/remove"), acting_as)
    text = _("{name} was removed.").format(name=name)
    show.answer(found, as_json=as_json, human=lambda: show.line(text))


@app.command("run", help=_("Begin a drill now; one that reaches people waits for a second person."))
def run(plan: PlanName, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    _begin(plan, "now", acting_as, as_json=as_json)


@app.command("schedule", help=_("Put a drill into the calendar, at its plan's date or window."))
def schedule(plan: PlanName, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    _begin(plan, "planned", acting_as, as_json=as_json)


def _begin(plan: str, when: str, acting_as: str | None, *, as_json: bool) -> None:
    file = Path(plan)
    text = _text(file) if file.suffix == ".toml" else None

    async def ask(client: Client) -> Any:
        name = plan
        if text is not None:
            name = (await client.post("/api/v1/drill-plans", {"toml": text}))["name"]
        return await client.post("/api/v1/drills", {"plan": name, "when": when})

    found = _asked(ask, acting_as, server_only=True)
    show.answer(found, as_json=as_json, human=lambda: _drill_lines(found))


@app.command("calendar", help=_("What is to be held, and what is under way."))
def calendar(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    found = _asked(lambda client: client.get("/api/v1/drills/calendar"), acting_as, reads_only=True)
    show.answer(found, as_json=as_json, human=lambda: _table(found))


@app.command("list", help=_("All drills, the newest first."))
def list_drills(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    found = _asked(
        lambda client: client.get("/api/v1/drills", limit=100), acting_as, reads_only=True
    )["items"]
    show.answer(found, as_json=as_json, human=lambda: _table(found))


@app.command("show", help=_("Show a drill, with the log of its control."))
def show_drill(no: DrillNo, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    found = _asked(lambda client: client.get(f"/api/v1/drills/{no}"), acting_as, reads_only=True)
    show.answer(found, as_json=as_json, human=lambda: _drill_lines(found))


@app.command("agree", help=_("Agree, as the second person, to a drill that reaches people."))
def agree(no: DrillNo, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    found = _asked(lambda client: client.post(f"/api/v1/drills/{no}/agree"), acting_as)
    show.answer(found, as_json=as_json, human=lambda: _drill_lines(found))


@app.command("call-off", help=_("Take a drill out of the calendar before it has begun."))
def call_off(  # noqa: D103 - its help says it
    no: DrillNo, reason: Why, acting_as: As = None, as_json: Json = False
) -> None:
    body = {"reason": reason}
    found = _asked(lambda client: client.post(f"/api/v1/drills/{no}/call-off", body), acting_as)
    show.answer(found, as_json=as_json, human=lambda: _drill_lines(found))


@app.command("stop", help=_("End the drill under way; everybody who was told by it is told so."))
def stop(  # noqa: D103 - its help says it
    reason: Why,
    no: Annotated[
        int | None, typer.Option(help=_("The drill's number; else the one under way."))
    ] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def ask(client: Client) -> Any:
        number = no
        if number is None:
            found = await client.get("/api/v1/drills/calendar")
            going = [each["no"] for each in found if each["state"] in {"drafted", "running"}]
            number = going[0] if going else None
        if number is None:
            raise InvalidInputError("No drill is under way.")
        return await client.post(f"/api/v1/drills/{number}/stop", {"reason": reason})

    found = _asked(ask, acting_as, server_only=True)
    show.answer(found, as_json=as_json, human=lambda: _drill_lines(found))


def _whole(text: str) -> None:
    sys.stdout.write(text)


def _plan_path(name: str) -> str:
    return f"/api/v1/drill-plans/{quote(name, safe='')}"


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InvalidInputError(f"{file.name} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{file.name} isn't UTF-8 text.") from None


def _checked(found: dict[str, Any]) -> str:
    text = _("{name} holds.").format(name=found["name"])
    wakes = _("It reaches people: a second person must agree.")
    said = wakes if found["wakes_people"] else _("It wakes nobody.")
    return f"{text}{said}" if LANGUAGE == "zh-CN" else f"{text} {said}"


def _table(found: list[dict[str, Any]]) -> None:
    heads = (_("no."), _("plan"), _("state"), _("when"), _("owner"), _("alert"))
    show.table(
        heads,
        [
            (
                d["no"],
                d["plan"],
                word("drill", d["state"]),
                _when(d),
                d["owner"],
                d["short_code"] or "",
            )
            for d in found
        ],
    )


def _when(drill: dict[str, Any]) -> str:
    if drill["started_at"]:
        return show.moment(drill["started_at"])
    opens = show.moment(drill["opens_at"])
    return f"{opens} – {show.moment(drill['closes_at'])}" if drill["blind"] else opens


def _drill_lines(drill: dict[str, Any]) -> None:
    _table([drill])
    if drill["reason"]:
        show.line(_("why: {reason}").format(reason=word("hindrance", drill["reason"])))
    for line in drill["log"]:
        show.line(f"{show.moment(line['at'])}  {_said(line)}")


def _said(line: dict[str, Any]) -> str:
    if line["event"] == "inject":
        return _("told: {text}").format(text=line["text"]) if line["told"] else line["text"]
    what = line["route"] or line["area"] or ""
    text = _("failed: {kind} {what}") if line["event"] == "lost" else _("mended: {kind} {what}")
    return text.format(kind=word("loss", line["kind"]), what=what).rstrip()
