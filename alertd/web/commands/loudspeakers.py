"""Loudspeakers' logins: who may let which in, and shut which out."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import InvalidInputError, NotFoundError
from alertd.store import logins
from alertd.store.reads.units import path_of, paths_of_terminals
from alertd.web.fields import Code
from channels.loudspeaker.accounts import MOST_AREAS, PASSWORDS, Account, require_enrollable
from rosters.problems import holds_phone, quote

MOST_AT_ONCE: Final = 2_000

Terminal = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NewLogin(BaseModel):
    """A loudspeaker to be let in.

    Attributes:
        terminal: Its id.
        password: 192 random bits or more, URL-safe; made by whoever writes it into a bundle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    terminal: Terminal
    password: Annotated[str, Field(pattern=PASSWORDS, repr=False)]


class Enrolling(BaseModel):
    """Loudspeakers to be let in, each with a fresh password.

    Attributes:
        logins: One each.
        areas: Codes of those whose commands they hear.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    logins: Annotated[tuple[NewLogin, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]
    areas: Annotated[tuple[Code, ...], Field(max_length=MOST_AREAS)] = ()


class Revoking(BaseModel):
    """Loudspeakers to be shut out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    terminals: Annotated[tuple[Terminal, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]


def enrol(turn: Turn, actor: Actor, new: Enrolling) -> list[dict[str, Any]]:
    """Let loudspeakers in; a password that one had before is worthless.

    Raises:
        ForbiddenError: The actor may not, or not there: a loudspeaker's place and every area
            whose commands it is to hear must be theirs. One in no roster is the whole city's.
        InvalidInputError: No broker would let one of them in as what it is.
    """
    passwords = {login.terminal: login.password for login in new.logins}
    areas = [path_of(turn.connection, code) or "" for code in new.areas]
    require(actor, "terminals", [*_places(turn, passwords), *areas])
    require_enrollable(passwords, new.areas)
    if any(holds_phone(terminal) for terminal in passwords):  # a fact holds none
        raise InvalidInputError(
            "A loudspeaker's id must not hold a phone number.",
            field="terminal",
            hint="Give it another one, also where it is the number of its SIM.",
        )
    if len(passwords) < len(new.logins):
        raise InvalidInputError("A loudspeaker is named twice.", field="logins")
    turn.require_room()
    logins.enrol(turn.tx, passwords, new.areas, by=actor.source)
    return _views(turn, passwords)


def revoke(turn: Turn, actor: Actor, terminals: Sequence[str]) -> list[dict[str, Any]]:
    """Shut loudspeakers out; one that is already stays so.

    Raises:
        ForbiddenError: The actor may not, or one isn't in their area.
        NotFoundError: One isn't enrolled; then none is shut out.
    """
    require(actor, "terminals", _places(turn, terminals))
    known = logins.accounts(turn.connection, turn.tx.vault)
    if unknown := [terminal for terminal in terminals if terminal not in known]:
        raise NotFoundError(
            f"There is no enrolled loudspeaker '{quote(unknown[0])}'.",
            field="terminal",
            hint="See: alertd terminal list",
        )
    if good := [terminal for terminal in dict.fromkeys(terminals) if known[terminal].good]:
        logins.revoke(turn.tx, good, by=actor.source)
    return _views(turn, terminals)


def view_of(account: Account) -> dict[str, Any]:
    """A login as it is shown: without its password."""
    return {
        "terminal": account.terminal,
        "areas": list(account.areas),
        "enrolled_at": account.enrolled_at,
        "revoked_at": account.revoked_at,
    }


def _places(turn: Turn, terminals: Iterable[str]) -> list[str]:
    """Where they stand; "" of one that the roster doesn't know, as if it were the whole city."""
    found = paths_of_terminals(turn.connection, terminals)
    return [found.get(terminal, "") for terminal in terminals]


def _views(turn: Turn, terminals: Iterable[str]) -> list[dict[str, Any]]:
    known = logins.accounts(turn.connection, turn.tx.vault)
    return [view_of(known[terminal]) for terminal in dict.fromkeys(terminals)]
