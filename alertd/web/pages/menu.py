"""The console's rooms, as its menu shows them; what a visitor may not do isn't there.

Being absent here is a courtesy: the engine refuses by itself (engine.authority).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from alertd.engine.authority import Actor, may
from alertd.i18n import N_


class Room(NamedTuple):
    """One page of the console that has a place in the menu.

    Args:
        path: Where it is; what is below it belongs to it.
        label: Its name, to be translated.
        right: What a visitor needs to see it, of engine.authority.
        whole: Whether only those see it who act for the whole city.
        demo: Whether it is there around a sample city only.
    """

    path: str
    label: str
    right: str = "read"
    whole: bool = False
    demo: bool = False


ROOMS: Final[Sequence[Room]] = (
    Room("/alerts", N_("Alerts")),
    Room("/issue", N_("Write an alert"), right="draft"),
    Room("/wall", N_("Overview")),
    Room("/inbox", N_("Inbox"), right="answer"),
    Room("/paper", N_("Paper"), right="answer"),
    Room("/loudspeakers", N_("Loudspeakers")),
    Room("/roster", N_("Roster")),
    Room("/templates", N_("Templates")),
    Room("/policies", N_("Policies")),
    Room("/drills", N_("Drills")),
    Room("/readiness", N_("Readiness")),
    Room("/reports", N_("Reports")),
    Room("/handsets", N_("Phones"), right="answer", whole=True, demo=True),
    Room("/users", N_("Users"), right="principals", whole=True),
    Room("/record", N_("Record"), right="audit", whole=True),
    Room("/health", N_("Health")),
)


def open_to(actor: Actor, room: Room) -> bool:
    """Whether a visitor finds the room in the menu."""
    return may(actor, room.right, [""] if room.whole else [])


def menu(actor: Actor | None, here: str, *, demo: bool) -> list[tuple[Room, bool]]:
    """The rooms that a visitor has, each with whether it is the one they are in."""
    if actor is None:
        return []
    there = [room for room in ROOMS if open_to(actor, room) and (demo or not room.demo)]
    return [(room, _inside(here, room.path)) for room in there]


def _inside(here: str, path: str) -> bool:
    return here == path or here.startswith(f"{path}/")
