"""Who may do what, where. Asked below the pages, by the engine itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from alertd.errors import ForbiddenError

# What each role may do. A viewer and an auditor read; nobody has a right that isn't here.
_RIGHTS: dict[str, frozenset[str]] = {
    "administrator": frozenset(
        {
            *("draft", "approve", "pause", "answer", "call", "help", "read"),
            *("roster", "terminals", "principals", "routes", "unmask", "clock", "audit"),
        }
    ),
    "duty_officer": frozenset(
        {"draft", "approve", "pause", "answer", "call", "help", "clock", "read"}
    ),
    "approver": frozenset({"approve", "pause", "read"}),
    "area_administrator": frozenset(
        {"draft", "pause", "answer", "call", "help", "roster", "terminals", "read"}
    ),
    "viewer": frozenset({"read"}),
    "auditor": frozenset({"read", "unmask", "audit"}),
}
ROLES = tuple(_RIGHTS)
ACTIONS = tuple(sorted(frozenset().union(*_RIGHTS.values())))
"""Everything that anybody may do: a token's scopes are some of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever asks: a principal with a role, within one subtree, through scopes of a token."""

    no: int
    id: bytes
    name: str
    role: str
    path: str  # of the unit it acts in; "" is everywhere
    person_no: int | None = None
    scopes: frozenset[str] | None = None  # None: whatever the role may

    @property
    def source(self) -> str:
        """The journal's word for who did it."""
        return f"principal:{self.id.hex()}"


def may(actor: Actor, action: str, paths: Sequence[str] = ()) -> bool:
    """Whether the actor may do `action` on every one of `paths`."""
    allowed = may_role(actor.role, action)
    scoped = actor.scopes is None or action in actor.scopes
    inside = not actor.path or all(path.startswith(actor.path) for path in paths)
    return allowed and scoped and inside


def may_role(role: str, action: str) -> bool:
    """Whether a role may do `action`, somewhere."""
    return action in _RIGHTS.get(role, frozenset())


def require(actor: Actor, action: str, paths: Sequence[str] = ()) -> None:
    """Raise ForbiddenError unless the actor may."""
    if may(actor, action, paths):
        return
    if may(actor, action):
        raise ForbiddenError("That is outside your area.", field="areas")
    raise ForbiddenError(f"You ({actor.name}) may not do that: {action}.")
