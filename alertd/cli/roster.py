"""`alertd roster …`: a sample, checks, what would change, import, export."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from alertd.cli import roster_lines, show
from alertd.cli.client import PATIENCE_S, Client, connect
from alertd.cli.options import As, Groups, Json, People, Terminals, roster_files, today
from alertd.cli.words import LANGUAGE, _
from alertd.errors import InvalidInputError, ProblemsError
from alertd.settings import load
from alertd.whole import in_place_of
from drills.sample_city import counted
from rosters.export import Style, write_groups, write_people, write_terminals
from rosters.export import roster_files as usual_files
from rosters.parse import Checked, RosterFiles, check
from rosters.problems import Severity
from rosters.sample import GROUP_URL, sample_groups, sample_rows, sample_terminals
from rosters.sample_plan import Plan

_S_A_MB: Final = 15.0  # on a busy machine 400,000 people, 70 MB, took eight minutes
_FILES: Final = ("people", "terminals", "groups")

app = typer.Typer()


@app.command(
    "sample", help=_("Write a plausible city's roster files; the same seed, the same city.")
)
def sample(  # noqa: D103 - its help says it
    out: Annotated[Path, typer.Argument(help=_("The folder to write to."))] = Path("roster-sample"),
    seed: Annotated[int, typer.Option(help=_("The same seed makes the same city."))] = 7,
    scale: Annotated[float, typer.Option(help=_("1 for Yuyao; 0.05 to 100."))] = 1.0,
    day: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help=_("As of this day; else today."))
    ] = None,
    group_url: Annotated[
        str, typer.Option(help=_("The chat groups' webhook, with {group_id} in it."))
    ] = GROUP_URL,
    as_json: Json = False,
) -> None:
    plan, date = Plan(seed, scale), _day(day)
    style = Style(language=LANGUAGE, unmasked=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        files = usual_files(out)
        with show.counting(_("Writing {folder}").format(folder=out), plan.people) as told:
            with in_place_of(files.people) as draft:
                rows = write_people(counted(sample_rows(plan, date), told), draft, style)
            with in_place_of(out / "terminals.csv") as draft:
                terminals = write_terminals(sample_terminals(plan), draft, style)
            with in_place_of(out / "groups.csv") as draft:
                groups = write_groups(sample_groups(plan, group_url), draft, style)
    except OSError as error:
        raise InvalidInputError(f"{out} can't be written to: {error.strerror}.") from None
    found = {
        "files": [str(path) for _kind, path in files.each()],
        "rows": rows,
        "people": plan.people,
        "terminals": terminals,
        "groups": groups,
    }
    text = _("{people:,} people in {rows:,} rows, {terminals:,} loudspeakers, {groups:,} groups")
    show.answer(found, as_json=as_json, human=lambda: show.line(text.format(**found)))


def _day(text: str | None) -> Any:
    import datetime as dt  # noqa: PLC0415 - for a given day only

    if text is None:
        return today()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("A day is written YYYY-MM-DD.", field="--day") from None


@app.command("check", help=_("Find all that is wrong with roster files; changes nothing."))
def check_files(  # noqa: D103 - its help says it
    people: People, terminals: Terminals = None, groups: Groups = None, as_json: Json = False
) -> None:
    files = roster_files(people, terminals, groups)
    with show.working(_("Checking {file}").format(file=files.people.name)):
        checked = check(files, today=today())
    if checked.ok or as_json:
        show.answer(_checked(checked), as_json=as_json, human=lambda: _all_right(checked))
    if not checked.ok:
        if as_json:
            raise typer.Exit(ProblemsError.exit_code)
        checked.require_ok(LANGUAGE)


def _checked(checked: Checked) -> dict[str, Any]:
    return {
        "ok": checked.ok,
        "counts": dict(checked.counts),
        **{
            f"{severity.value}s": [
                {
                    "file": problem.file,
                    "line": problem.line,
                    "field": problem.field,
                    "code": problem.code,
                    "text": problem.text(LANGUAGE),
                }
                for problem in checked.problems.of(severity)
            ]
            for severity in Severity
        },
        "totals": {severity.value: checked.problems.counts[severity] for severity in Severity},
    }


def _all_right(checked: Checked) -> None:
    roster_lines.counted(checked.counts)
    for severity in (Severity.WARNING, Severity.NOTE):
        roster_lines.listed(checked.problems.lines(severity, LANGUAGE))
    show.line(_("Nothing stands in the way of an import."))


@app.command("diff", help=_("Show what an import would change; changes nothing."))
def diff(  # noqa: D103 - its help says it
    people: People,
    terminals: Terminals = None,
    groups: Groups = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    files = roster_files(people, terminals, groups)
    found = asyncio.run(_upload(files, "", acting_as, dry_run=True))
    show.answer(found, as_json=as_json, human=lambda: roster_lines.changed(found))


@app.command("import", help=_("Make roster files the roster in force, as a new version."))
def import_files(  # noqa: D103 - its help says it
    people: People,
    terminals: Terminals = None,
    groups: Groups = None,
    why: Annotated[str, typer.Option(help=_("For the record."))] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("As `diff` does."))] = False,
    leaving: Annotated[
        int | None,
        typer.Option(
            help=_("How many leave or change: asked for where it is a fifth, or all of a kind.")
        ),
    ] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    files = roster_files(people, terminals, groups)
    found = asyncio.run(_upload(files, why, acting_as, dry_run=dry_run, leaving=leaving))

    def human() -> None:
        roster_lines.changed(found)
        if found["version"] is not None:
            show.line(_("Imported as version {version}.").format(version=found["version"]))
        elif not found["dry_run"]:
            show.line(_("Nothing has changed: version {base} stays in force.").format(**found))

    show.answer(found, as_json=as_json, human=human)


async def _upload(
    files: RosterFiles,
    why: str,
    acting_as: str | None,
    *,
    dry_run: bool,
    leaving: int | None = None,
) -> dict[str, Any]:
    with ExitStack() as stack:
        parts = {}
        for kind, path in files.each():
            try:
                parts[kind.value] = (path.name, stack.enter_context(path.open("rb")))
            except OSError as error:
                raise InvalidInputError(
                    f"{path.name} can't be read: {error.strerror}.", field=kind.value
                ) from None
        query: dict[str, Any] = {"dry_run": dry_run}
        if leaving is not None:
            query["leaving"] = leaving
        async with connect(load(), acting_as=acting_as) as client:
            with show.working(_("Comparing with the roster in force")):
                found: dict[str, Any] = await client.post(
                    "/api/v1/roster",
                    params=query,
                    data={"why": why},
                    files=parts,
                    timeout=patience_s(files),
                )
    return found


def patience_s(files: RosterFiles) -> float:
    """How long an import's answer is waited for: it is checked and compared in one request."""
    size = sum(path.stat().st_size for _, path in files.each())
    return PATIENCE_S + size / 1e6 * _S_A_MB


@app.command("export", help=_("Write the roster in force to files; phone numbers masked."))
def export(  # noqa: D103 - its help says it
    out: Annotated[Path, typer.Argument(help=_("The folder to write to."))],
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help=_("With phone numbers and secrets; on record."))
    ] = False,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidInputError(f"{out} can't be written to: {error.strerror}.") from None
    paths = [out / f"{name}.csv" for name in _FILES]
    asyncio.run(_download(paths, acting_as, unmasked=unmasked))

    def human() -> None:
        for path in paths:
            show.line(str(path))

    show.answer({"files": [str(path) for path in paths]}, as_json=as_json, human=human)


async def _download(paths: list[Path], acting_as: str | None, *, unmasked: bool) -> None:
    async with connect(load(), acting_as=acting_as, reads_only=True) as client:
        await _each(client, paths, unmasked=unmasked)


async def _each(client: Client, paths: list[Path], *, unmasked: bool) -> None:
    for path in paths:
        with show.working(_("Writing {folder}").format(folder=path)):
            await client.download("/api/v1/roster/export", path, file=path.stem, unmasked=unmasked)
