"""Makes paper: reads what stands on it, draws it, puts it on record, and only then hands it out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from sqlalchemy import Connection

from alertd.decide.sheets import sheet_code
from alertd.engine.authority import Actor, may, require
from alertd.engine.telling import planned
from alertd.engine.turn import load_alert
from alertd.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError
from alertd.i18n import N_, translator
from alertd.report.paper import poster, sheets
from alertd.report.paper.values import Head
from alertd.report.typeset import TEMPLATES, typeset_apart
from alertd.store.reads import alerts, calling
from alertd.store.reads import paper as reads
from alertd.store.reads.sheets import known
from alertd.store.reads.units import path_of, persons_inside
from alertd.web.commands import paper as commands
from alertd.web.deps import Deps

Kind = Literal["call-sheet", "door-list", "poster"]
KINDS: Final[Sequence[Kind]] = ("call-sheet", "door-list", "poster")
_TEMPLATES: Final = {
    "call-sheet": "call_sheet.typ",
    "door-list": "door_list.typ",
    "poster": "poster.typ",
}
_DRAWS: Final = 5
MOST_ASKED: Final = 6_000  # duties on the paper of one print: a town's


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants printed.

    Args:
        alert: Its id or short code.
        unit_code: For this unit and the grids below it.
        everybody: Those who answered, too.
    """

    kind: Kind
    alert: str
    unit_code: str
    language: str
    everybody: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Paper, ready to be printed: a file name, a PDF, and the numbers of its sheets."""

    name: str
    pdf: bytes
    sheets: tuple[str, ...]


async def make(deps: Deps, actor: Actor, wanted: Wanted) -> Paper:
    """Make it; that it was handed out is on disk when this returns.

    Raises:
        NotFoundError: No such alert or unit in the actor's area, or nothing to print.
        ForbiddenError: The actor may not.
        TooLargeError: More than is printed at once.
        TypesettingError: It can't be drawn.
    """
    template = TEMPLATES / _TEMPLATES[wanted.kind]
    async with deps.drawing:
        alert_id, code, data, printed = await asyncio.to_thread(_gather, deps, actor, wanted)
        # Paper is for the eye: tags for screen readers make a town's sheets 6 times as large.
        draw = partial(typeset_apart, template, data, at=deps.now(), tagged=False)
        pdf = await asyncio.to_thread(draw)
    await deps.runner.submit(partial(commands.record, actor=actor, alert_id=alert_id, made=printed))
    name = f"{code}-{wanted.kind}-{wanted.unit_code}.pdf"
    return Paper(name=name, pdf=pdf, sheets=tuple(one for one, _, _ in printed.sheets))


def _gather(
    deps: Deps, actor: Actor, wanted: Wanted
) -> tuple[bytes, str, dict[str, Any], commands.Printed]:
    with deps.store.read() as connection:
        alert_id = alerts.find(connection, wanted.alert, path=actor.path)
        full = alerts.alert(connection, alert_id, path=actor.path)
        if full.view.issued_at is None:
            raise ConflictError("Nobody has been told of this alert.")
        path = path_of(connection, wanted.unit_code)
        if path is None or not path.startswith(actor.path):
            raise NotFoundError("There is no such unit.", field="unit_code")
        require(actor, "read", [path])
        draw = _poster if wanted.kind == "poster" else _sheets
        data, printed = draw(deps, actor, connection, full, wanted, path)
        return alert_id, full.view.short_code, data, printed


def head_of(deps: Deps, actor: Actor | None, full: alerts.FullAlert, language: str) -> Head:
    """What paper says of its alert and of itself."""
    view = full.view
    return Head(
        language=language,
        status=view.status,
        short_code=view.short_code,
        headline=view.headlines.get(language, view.headline),
        colour=view.colour,
        severity=view.severity,
        issued_at=view.issued_at,
        at=deps.now(),
        by=actor.name if actor else "",
        office=deps.settings.issuers.get(language, ""),
        zone=deps.settings.zone,
    )


def _sheets(
    deps: Deps,
    actor: Actor,
    connection: Connection,
    full: alerts.FullAlert,
    wanted: Wanted,
    path: str,
) -> tuple[dict[str, Any], commands.Printed]:
    rows = _asked(connection, full, path, everybody=wanted.everybody)
    heads = reads.unit_heads(connection, full, path)
    tree = calling.tree(connection, rows, full.policy.get("ladder_roles", ()))
    calls = wanted.kind == "call-sheet"
    parts = sheets.parts(heads, rows, leads=tree.leads if calls else frozenset())
    made = list(zip(_free_codes(deps, connection, len(parts)), parts, strict=True))
    head = head_of(deps, actor, full, wanted.language)
    shown: tuple[int, ...] = ()
    if calls:
        with_numbers = _calls(deps, actor, connection, full, path, parts, tree, wanted.language)
        data, whose = sheets.call_sheets(made, with_numbers, head)
        shown = tuple(with_numbers.numbers)
    else:
        data, whose = sheets.door_lists(made, head)
    return data, commands.Printed(
        kind=commands.CALLS if calls else commands.DOORS,
        unit_no=heads[0].no,
        path=path,
        sheets=[
            (code, part.head.no, numbered)
            for (code, part), numbered in zip(made, whose, strict=True)
        ],
        people=shown,
    )


def _free_codes(deps: Deps, connection: Connection, most: int) -> list[str]:
    """Numbers that no sheet has yet: tens of thousands are out after some years, of 28 million."""
    codes: dict[str, None] = {}
    for _ in range(_DRAWS):
        drawn = [sheet_code(deps.token_bytes(16)) for _ in range(most - len(codes))]
        out = known(connection, drawn)
        codes |= dict.fromkeys(code for code in drawn if code not in out)
        if len(codes) == most:
            return list(codes)
    raise ConflictError("A sheet of that number is out already; print it again.")


def _asked(
    connection: Connection, full: alerts.FullAlert, path: str, *, everybody: bool
) -> list[reads.Asked]:
    rows = reads.asked(connection, full, path, limit=MOST_ASKED + 1)
    if len(rows) > MOST_ASKED:
        raise TooLargeError(
            "That is more paper than is printed at once.", hint="Take a smaller part of the city."
        )
    if not rows:
        raise NotFoundError("The alert asks nobody there.", field="unit_code")
    waiting = [row for row in rows if everybody or row.state != "covered"]
    if not waiting:
        raise NotFoundError(
            "Everybody there has answered.", hint="Ask for a sheet with everybody on it."
        )
    return waiting


def _calls(
    deps: Deps,
    actor: Actor,
    connection: Connection,
    full: alerts.FullAlert,
    path: str,
    parts: Sequence[sheets.Part],
    tree: calling.Tree,
    language: str,
) -> sheets.Calls:
    """Whole numbers, where they may be: the command that puts it on record asks again."""
    _ = translator(language)
    bare = sheets.Calls(tree=tree, numbers={})
    alert = load_alert(connection, full.view.no)
    if alert.leave.simulated:
        masked = _(N_("The drill is simulated: nobody real is called, and no numbers are printed."))
        return sheets.Calls(tree=tree, numbers={}, masked=masked)
    if not commands.may_see_numbers(actor, path):
        masked = _(N_("Telephone numbers are masked: whoever printed this may not see them."))
        return sheets.Calls(tree=tree, numbers={}, masked=masked)
    persons = {person for part in parts for person in sheets.people_on(part, bare)}
    if actor.path:  # not of those who have left their part of the city since
        persons &= set(connection.execute(persons_inside(actor.path)).scalars())
    allowed = planned(connection, alert, sorted(persons))
    found = reads.numbers_of_people(connection, deps.store.vault, allowed)
    return sheets.Calls(tree=tree, numbers={no: ways for no, ways in found.items() if ways})


def _poster(
    deps: Deps,
    actor: Actor,
    connection: Connection,
    full: alerts.FullAlert,
    wanted: Wanted,
    path: str,
) -> tuple[dict[str, Any], commands.Printed]:
    heads = reads.unit_heads(connection, full, path)
    meant = load_alert(connection, full.view.no).paths
    grids = [
        one
        for one in ([grid for grid in heads if grid.level == "grid"] or heads[:1])
        if any(one.path.startswith(area) or area.startswith(one.path) for area in meant)
    ]
    if not grids:
        raise NotFoundError("The alert isn't for that part of the city.", field="unit_code")
    if len(grids) > sheets.MOST_SHEETS:
        raise TooLargeError(
            "That is more paper than is printed at once.", hint="Take a smaller part of the city."
        )
    links = _links(deps, actor, connection, full, path, grids)
    text = _text(deps, connection, full, wanted.language)
    head = head_of(deps, actor, full, wanted.language)
    data = poster.data(head, text, [(grid, links.get(grid.no, "")) for grid in grids])
    return data, commands.Printed(
        kind=commands.POSTER, unit_no=heads[0].no, path=path, links=len(links)
    )


def _text(deps: Deps, connection: Connection, full: alerts.FullAlert, language: str) -> str:
    """What the alert said first, in the words of a notice: as the route for posters has it."""
    template, params = reads.first_message(connection, full.view.no)
    frozen = alerts.templates_of(connection, bytes.fromhex(full.view.id))
    if template not in frozen:
        raise InvalidInputError("The alert has no text for paper.")
    return deps.wording.text(
        frozen[template],
        language=language,
        channel="paper",
        params={**params, "duties": [], "link": ""},
        status=full.view.status,
        duplicate=False,
    )


def _links(
    deps: Deps,
    actor: Actor,
    connection: Connection,
    full: alerts.FullAlert,
    path: str,
    grids: Sequence[reads.UnitHead],
) -> dict[int, str]:
    """The page of whoever answers for each grid, where the alert asks them and links are on."""
    if not deps.settings.ack_links or not may(actor, "answer", [path]):
        return {}
    roles = full.policy.get("ladder_roles", ())
    rows = {
        row.unit_no: row
        for row in reads.asked(connection, full, path, limit=MOST_ASKED)
        if row.role in roles and row.holders
    }
    token = deps.store.vault.links.token
    alert_id = bytes.fromhex(full.view.id)
    found = {}
    for grid in grids:
        row = rows.get(grid.no)
        made = token(full.view.no, alert_id, row.holders[0].person_no) if row else ""
        if made:
            found[grid.no] = f"{deps.settings.base_url}/a/{made}"
    return found
