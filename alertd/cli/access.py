"""`alertd access …`: who may act, with which role; secrets are shown once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

import typer

from alertd.cli import show
from alertd.cli.client import Client, connect
from alertd.cli.options import As, Json
from alertd.cli.words import _, word
from alertd.settings import load

Name = Annotated[str, typer.Argument(metavar="NAME", help=_("The principal's name."))]
_SCOPES: Final = ("read", "draft", "approve", "pause", "answer", "call", "help")

app = typer.Typer()


def _asked(
    ask: Callable[[Client], Coroutine[Any, Any, Any]],
    acting_as: str | None = None,
    *,
    reads_only: bool = False,
) -> Any:
    async def connected() -> Any:
        async with connect(load(), acting_as=acting_as, reads_only=reads_only) as client:
            return await ask(client)

    return asyncio.run(connected())


@app.command("list", help=_("List everybody who may act."))
def list_principals(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    found = _asked(lambda client: client.get("/api/v1/principals"), acting_as, reads_only=True)
    heads = (_("name"), _("role"), _("unit"), _("shut out"))
    rows = [
        (
            p["name"],
            word("role", p["role"]),
            p["unit_code"] or _("the whole city"),
            show.moment(p["disabled_at"]),
        )
        for p in found
    ]
    show.answer(found, as_json=as_json, human=lambda: show.table(heads, rows))


@app.command("add", help=_("Let somebody in, with a password for one sign-in."))
def add(  # noqa: D103 - its help says it
    name: Name,
    role: Annotated[
        str,
        typer.Option(
            help=_("administrator, duty_officer, approver, area_administrator, viewer or auditor.")
        ),
    ] = "duty_officer",
    unit: Annotated[
        str | None, typer.Option(help=_("Only in this unit and below, by its code."))
    ] = None,
    person: Annotated[
        str | None, typer.Option(help=_("Who it is in the roster; a Test reaches them."))
    ] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    body = {"name": name, "role": role, "unit_code": unit, "person_id": person}
    made = _asked(lambda client: client.post("/api/v1/principals", body), acting_as)
    text = _("{name} signs in with the one-time password {password}").format(
        name=made["name"], password=made["one_time_password"]
    )
    show.answer(made, as_json=as_json, human=lambda: show.line(text))


@app.command("token", help=_("Make somebody's API token; it is shown once."))
def token(  # noqa: D103 - its help says it
    name: Name,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=_("What it is good for; repeatable. Else: what an alert needs.")),
    ] = None,
    label: Annotated[str, typer.Option(help=_("What it is for."))] = "cli",
    valid_days: Annotated[int, typer.Option(help=_("For how many days."))] = 90,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    body = {
        "principal": name,
        "label": label,
        "scopes": scope or list(_SCOPES),
        "valid_days": valid_days,
    }
    made = _asked(lambda client: client.post("/api/v1/tokens", body), acting_as)
    show.answer(made, as_json=as_json, human=lambda: show.line(made["token"]))


@app.command("password", help=_("Give somebody a new password for one sign-in."))
def password(  # noqa: D103 - its help says it
    name: Name,
    revoke_tokens: Annotated[
        bool,
        typer.Option(
            "--revoke-tokens", help=_("End their tokens, too; programs that use one stop.")
        ),
    ] = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    path = f"/api/v1/principals/{name}/password?revoke_tokens={str(revoke_tokens).lower()}"
    made = _asked(lambda client: client.post(path), acting_as)
    lines = [
        _("{name} signs in with the one-time password {password}").format(
            name=made["name"], password=made["one_time_password"]
        ),
        _("Where they were signed in they are signed out."),
    ]
    if made["tokens"]:
        lines.append(
            _(
                "Their tokens still work ({n}): if somebody else may know the old password, end"
                " them, too."
            ).format(n=made["tokens"])
            + " (--revoke-tokens)"
        )

    def human() -> None:
        for line in lines:
            show.line(line)

    show.answer(made, as_json=as_json, human=human)


@app.command("disable", help=_("Shut somebody out at once."))
def disable(name: Name, acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    done = _asked(lambda client: client.post(f"/api/v1/principals/{name}/disable"), acting_as)
    text = _("{name} is shut out.").format(name=done["name"])
    show.answer(done, as_json=as_json, human=lambda: show.line(text))
