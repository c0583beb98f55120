"""`alertd drill learn`: what past drills show of how people answer, as rules for the simulator."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from alertd.cli import behaviour, show
from alertd.cli.logs import configure
from alertd.cli.options import Json
from alertd.cli.reading import reading
from alertd.cli.words import LANGUAGE, _
from alertd.errors import InvalidInputError, NotFoundError
from alertd.report.words import role_word
from alertd.settings import load
from alertd.whole import in_place_of
from drills.learning import rules
from drills.learning.record import (
    LEAST_MESSAGES,
    LEAST_PEOPLE,
    Learned,
    learn,
    written,
)


def learn_people(  # noqa: D103 - its help says it
    live: Annotated[
        bool, typer.Option("--live", help=_("From live alerts that are over, too."))
    ] = False,
    simulated: Annotated[
        bool,
        typer.Option("--with-simulated", help=_("From drills with nobody woken, too: to try it.")),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Write the rules to this file."))
    ] = None,
    as_json: Json = False,
) -> None:
    configure("error")
    settings = load()
    sources = behaviour.sources(settings, live=live, simulated=simulated)
    with (
        show.working(_("Reading past alerts")),
        reading(settings) as connection,
    ):
        found = learn(connection, sources)
    if not rules.rules(found):
        raise NotFoundError(behaviour.NOTHING, hint=behaviour.missing(found))
    text = rules.document(found, _heads(found), _)
    if out is not None:
        _write(out, text)
    document = {**behaviour.figures(found), "cells": _cells(found), "toml": text}
    show.answer(
        document,
        as_json=as_json,
        human=lambda: _table(found) if out is not None else _print(text),
    )


def _heads(found: Learned) -> list[str]:
    return [
        _("How people answered: rules for the simulator, learned from past alerts."),
        behaviour.rests_on(found),
        _(
            "A kind of people with fewer than {messages} messages or {people} people isn't here."
        ).format(messages=LEAST_MESSAGES, people=LEAST_PEOPLE),
        _("Read it, change it, and play by it: alertd drill simulate PLAN --people FILE"),
    ]


def _print(text: str) -> None:
    sys.stdout.write(text)


def _write(file: Path, text: str) -> None:
    try:
        with in_place_of(file) as draft:
            draft.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror
        raise InvalidInputError(f"{file} can't be written to: {reason}.") from None


def _cells(found: Learned) -> list[dict[str, Any]]:
    """What is known of each kind of people; of too few nothing is."""
    known = {cell: (one, people) for cell, one, people in written(found.cells)}
    return [
        {
            "role": cell.role,
            "hours": list(cell.hours),
            "channel": cell.channel,
            **(_figures(*known[cell]) if cell in known else {"written": False}),
        }
        for cell, _one, _people in found.cells
    ]


def _figures(one: Any, people: int) -> dict[str, Any]:
    return {
        "written": True,
        "messages": one.messages,
        "people": people,
        "answers": round(one.answers),
        "notices": round(one.notices, 3),
        "median_s": round(one.median_s, 1),
        "spread": round(one.spread, 2),
        "says": {word: round(share, 3) for word, share in one.says.items()},
    }


def _table(found: Learned) -> None:
    show.line(behaviour.rests_on(found))
    rows = [
        (
            role_word(LANGUAGE, cell.role),
            _("by day") if cell.hours[0] < cell.hours[1] else _("at night"),
            _("text") if cell.channel == "sms" else _("call"),
            f"{one.messages:,}",
            f"{people:,}",
            f"{round(one.answers):,}",
            f"{one.notices:.0%}",
            f"{one.median_s / 60:.1f}",
            f"{one.spread:.2f}",
        )
        for cell, one, people in written(found.cells)
    ]
    heads = (
        *(_("role"), _("when"), _("by what"), _("messages"), _("people"), _("answers")),
        *(_("notice it"), _("median, min"), _("spread")),
    )
    show.table(heads, rows)
