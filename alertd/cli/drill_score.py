"""`alertd drill score|todo|mended|ledger|dark`: what drills have shown, and what is left to do."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from alertd.cli import show
from alertd.cli.client import connect
from alertd.cli.options import Alert, As, Json
from alertd.cli.words import LANGUAGE, _, told
from alertd.errors import InvalidInputError
from alertd.i18n import translator
from alertd.report.readiness import kind_word
from alertd.report.values import rate_text
from alertd.report.words import level_word, role_word, word
from alertd.settings import load
from alertd.store.reads.ledger import In
from drills.score.words import cause_word, figure_word, kind_word_of, mark_word, verdict_word

_SAY = translator(LANGUAGE)
_MOST_SHOWN = 30
_MOST_LISTED = 500

Against = Annotated[
    str | None, typer.Option("--against", metavar="ALERT", help=_("The drill to compare it with."))
]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help=_("Write it as CSV to this file."))
]
Unit = Annotated[
    str | None, typer.Option("--unit", metavar="CODE", help=_("This unit and below only."))
]
Months = Annotated[
    int, typer.Option("--months", min=1, max=120, help=_("Longer ago than so many months is dark."))
]


def register(app: typer.Typer) -> None:
    """Put the commands into `alertd drill`."""
    app.command("score", help=_("Score a drill, beside its plan's marks and the last drill."))(
        score
    )
    app.command("todo", help=_("What drills have shown to be wrong, and who has to mend it."))(todo)
    app.command("mended", help=_("Say that something on the to-do list is mended."))(mended)
    app.command("ledger", help=_("For each duty, when and how it was last really reached."))(ledger)
    app.command("dark", help=_("The grids that nobody was reached in for too long."))(dark)


def score(  # noqa: D103 - its help says it
    alert: Alert,
    against: Against = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help=_("Ask for the marks of this plan's TOML.")),
    ] = None,
    put: Annotated[
        bool, typer.Option("--record", help=_("Put the score and the to-do list on record."))
    ] = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    path = f"/api/v1/alerts/{alert}/score"
    text = _read(plan)

    async def asked() -> Any:
        async with connect(load(), acting_as=acting_as) as client:
            if text is None and not put:
                return await client.get(path, against=against)
            return await client.post(path, {"against": against, "plan": text, "record": put})

    found = asyncio.run(asked())
    show.answer(found, as_json=as_json, human=lambda: _score_lines(found))


def _read(plan: Path | None) -> str | None:
    if plan is None:
        return None
    try:
        return plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidInputError(f"{plan} can't be read.", field="plan") from None


def _score_lines(found: Mapping[str, Any]) -> None:
    name = f"{found['short_code']} {found['plan']}".rstrip()
    show.line(told(name, verdict_word(_SAY, found["result"])))
    if found["followed_by"]:
        show.line(" ".join((_("went on as"), *found["followed_by"])))
    if found["cut_short"]:
        minutes = _minutes(found["ran_ms"])
        show.line(
            _(
                "Cut short after {minutes} min: this is the part that ran. What had no time yet is"
                " neither missed nor to be mended."
            ).format(minutes=minutes)
        )
    marks = [
        (
            mark_word(_SAY, mark["name"]),
            figure(mark["name"], mark["wanted"]),
            figure(mark["name"], mark["measured"]),
            verdict_word(_SAY, mark["verdict"]),
        )
        for mark in found["marks"]
    ]
    if marks:
        show.table((_("mark"), _("wanted"), _("measured"), ""), marks)
    levels = [
        (
            level_word(LANGUAGE, row["level"]),
            _share(row["people"]),
            row["asked"],
            *(_share(row[name]) for name in ("reached", "answered", "on_time", "on_post")),
            _minutes(row["answer"]["median"]),
            _minutes(row["answer"]["p90"]),
        )
        for row in found["levels"]
    ]
    head = (
        _("level"),
        _("people reached"),
        _("asked"),
        _("reached"),
        _("answered"),
        _("answered on time"),
        _("on post"),
    )
    show.table((*head, _("median, min"), _("90%, min")), levels)
    if found["against"]:
        before = found["against"]
        rows = [
            (
                figure_word(_SAY, each["name"]),
                figure(each["name"], each["before"]),
                figure(each["name"], each["now"]),
                {True: _("better"), False: _("worse"), None: ""}[each["better"]],
            )
            for each in before["changes"]
        ]
        show.table(
            (_("beside {code}").format(code=before["short_code"]), _("then"), _("now"), ""), rows
        )
    counts = [(kind_word_of(_SAY, kind), n) for kind, n in found["counts"].items() if n]
    if counts:
        show.table((_("to mend"), _("count")), counts)
    else:
        show.line(told(_("to mend"), _("nothing")))


def todo(  # noqa: D103 - its help says it
    every: Annotated[bool, typer.Option("--all", help=_("What is mended, too."))] = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def asked() -> Any:
        async with connect(load(), acting_as=acting_as) as client:
            state = "any" if every else "open"
            return await client.get("/api/v1/readiness/todo", state=state, limit=500)

    found = asyncio.run(asked())

    def human() -> None:
        rows = [
            (
                item["no"],
                kind_word_of(_SAY, item["kind"]),
                _what(item),
                item["unit_name"],
                cause_word(_SAY, item["kind"], item["cause"]),
                item["owner_name"] or _("the plan's owner"),
                show.moment(item["due_at"])[:10],
                _("mended") if item["closed_at"] else _("open"),
            )
            for item in found["items"]
        ]
        head = (
            _("no."),
            _("kind"),
            _("what"),
            _("where"),
            _("why"),
            _("who mends it"),
            _("mend by"),
            "",
        )
        show.table(head, rows)
        if found["next"]:
            show.note(_("There is more."))

    show.answer(found, as_json=as_json, human=human)


def _what(item: Mapping[str, Any]) -> str:
    if item["kind"] == "mark":
        return mark_word(_SAY, item["subject"])
    if item["kind"] in {"silent", "vacant", "no-contact"}:
        return role_word(LANGUAGE, item["subject"])
    return " ".join(part for part in (item["subject_name"], item["subject"]) if part)


def mended(  # noqa: D103 - its help says it
    no: Annotated[int, typer.Argument(metavar="NO", min=1, help=_("Its number in the list."))],
    note: Annotated[
        str, typer.Option("--note", help=_("What was done, without names and numbers."))
    ] = "",
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def asked() -> Any:
        async with connect(load(), acting_as=acting_as) as client:
            return await client.post(f"/api/v1/readiness/todo/{no}/close", {"note": note})

    found = asyncio.run(asked())
    show.answer(found, as_json=as_json, human=lambda: show.line(_("mended")))


async def _listed(
    what: str, csv: Path | None, unit: str | None, acting_as: str | None, given: dict[str, Any]
) -> Any:
    """A list of readiness; or the file that it was written to, whole, where one is named."""
    path = f"/api/v1/readiness/{what}"
    async with connect(load(), acting_as=acting_as, reads_only=True) as client:
        if csv is None:
            return await client.get(path, unit=unit, **given)
        more = {"unit": unit} if unit else {}
        await client.download(path, csv, format="csv", **given, **more)
        return {"file": str(csv)}


def ledger(  # noqa: D103 - its help says it
    csv: Csv = None,
    unit: Unit = None,
    only_dark: Annotated[
        bool, typer.Option("--dark", help=_("Only what was not reached for so long."))
    ] = False,
    months: Months = 12,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    given: dict[str, Any] = {"dark": str(only_dark).lower(), "months": months}
    if csv is None:
        given["limit"] = _MOST_LISTED
    found = asyncio.run(_listed("ledger", csv, unit, acting_as, given))

    def human() -> None:
        if csv is not None:
            show.line(str(csv))
            return
        rows = [
            (
                entry["unit_code"],
                entry["unit_name"],
                role_word(LANGUAGE, entry["role"]),
                entry["holders"],
                *_last(entry["last"]),
            )
            for entry in found["items"]
        ]
        show.table((_("unit code"), _("unit"), _("duty"), _("holders"), *_last_head()), rows)
        if found["next"]:
            show.note(_("There is more: --csv writes it whole."))

    show.answer(found, as_json=as_json, human=human)


def dark(  # noqa: D103 - its help says it
    csv: Csv = None,
    unit: Unit = None,
    months: Months = 12,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    found = asyncio.run(_listed("dark-grids", csv, unit, acting_as, {"months": months}))

    def human() -> None:
        if csv is not None:
            show.line(str(csv))
            return
        rows = [
            (
                grid["unit_code"],
                grid["unit_name"],
                grid["parent_name"],
                grid["held"],
                *_last(grid["last"]),
            )
            for grid in found
        ]
        show.table((_("unit code"), _("grid"), _("community"), _("holders"), *_last_head()), rows)
        show.note(_("{n} dark grids").format(n=len(found)))

    show.answer(found, as_json=as_json, human=human)


def _last_head() -> tuple[str, ...]:
    return _("last reached"), _("in what"), _("alert"), _("by what")


def _last(last: Mapping[str, Any] | None) -> tuple[str, ...]:
    if last is None:
        return _("never"), "", "", ""
    kind = kind_word(_SAY, In(last["kind"]))
    return show.moment(last["at"]), kind, last["alert"], word(_SAY, last["via"])


def figure(name: str, value: float | None) -> str:
    """A mark's or a figure's value: minutes and counts as they are, shares in per cent."""
    if value is None:
        return "–"
    if name.endswith("_min") or name in {"per_person", "defects"}:
        return f"{value:g}"
    return rate_text(value)


def _share(share: Mapping[str, Any]) -> str:
    return "–" if share["rate"] is None else rate_text(share["rate"])


def _minutes(ms: int | None) -> str:
    return "–" if ms is None else f"{ms / 60_000:.1f}"
