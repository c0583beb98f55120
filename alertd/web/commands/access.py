"""Principals and their tokens: who may let whom in, and to what."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from alertd.engine.authority import ACTIONS, ROLES, Actor, may, may_role, require
from alertd.engine.turn import Turn
from alertd.errors import ForbiddenError, InvalidInputError, NotFoundError
from alertd.store import access, credentials, second_factor
from alertd.store.access import Principal
from alertd.store.reads.units import path_of, paths_of_person, person_of
from alertd.web.fields import Code, PersonId, Text

DAY_MS = 86_400_000

Name = Annotated[Text, Field(min_length=1, max_length=64)]


def _role(name: str) -> str:
    if name not in ROLES:
        raise PydanticCustomError("literal_error", "must be a role", {"expected": ", ".join(ROLES)})
    return name


class NewPrincipal(BaseModel):
    """Somebody, or some system, to be let in.

    Attributes:
        name: To sign in with.
        role: administrator, duty_officer, approver, area_administrator, viewer, auditor.
        unit_code: Acts on this unit and below; empty for everywhere.
        person_id: Who it is in the roster: a Test alert of theirs reaches them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    role: Annotated[str, AfterValidator(_role)]
    unit_code: Code | None = None
    person_id: PersonId | None = None


class NewToken(BaseModel):
    """An API token to be made.

    Attributes:
        label: What it is for.
        scopes: What it may be used for, of what its principal may.
        principal: Whose it is; the asker's own without.
        valid_days: How long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Name
    scopes: Annotated[tuple[str, ...], Field(min_length=1, max_length=len(ACTIONS))] = ("read",)
    principal: Name | None = None
    valid_days: Annotated[int, Field(ge=1, le=400)] = 90


def create_principal(
    turn: Turn, actor: Actor, new: NewPrincipal, password_hash: str
) -> dict[str, Any]:
    """Let somebody in, with a password for one sign-in.

    Raises:
        ForbiddenError: The actor may not, or not there.
        ConflictError: The name is taken.
    """
    require(actor, "principals", [_path(turn, new.unit_code)])
    person = _person(turn, actor, new.person_id) if new.person_id else None
    made = access.create_principal(
        turn.tx,
        turn.ids,
        name=new.name,
        role=new.role,
        by=actor.source,
        unit_code=new.unit_code or "",
        person_no=person,
        password_hash=password_hash,
        must_change=True,
    )
    return view_of(made)


def _person(turn: Turn, actor: Actor, person_id: str) -> int:
    """Their number; a Test alert of the account's reaches them, so they must be in the area."""
    person = person_of(turn.connection, person_id)
    require(actor, "principals", paths_of_person(turn.connection, person) or [""])
    return person


def _path(turn: Turn, unit_code: str | None) -> str:
    if not unit_code:
        return ""
    found = path_of(turn.connection, unit_code)
    if found is None:
        raise InvalidInputError("The roster has no such unit.", field="unit_code")
    return found


def view_of(principal: Principal) -> dict[str, Any]:
    """A principal as it is shown: without its password's hash."""
    return {
        "id": principal.id.hex(),
        "name": principal.name,
        "role": principal.role,
        "unit_code": principal.unit_code,
        "must_change": principal.must_change,
        "created_at": principal.created_at,
        "disabled_at": principal.disabled_at,
    }


def managed(turn: Turn, actor: Actor, name: str) -> Principal:
    """The principal of a name, whom the actor may change.

    Raises:
        NotFoundError: There is none.
        ForbiddenError: The actor may not, or not there.
    """
    found = access.find_principal(turn.connection, name)
    if found is None:
        raise NotFoundError("There is no such principal.")
    unit_path = path_of(turn.connection, found.unit_code) if found.unit_code else ""
    require(actor, "principals", [unit_path or ""])
    return found


def disable(turn: Turn, actor: Actor, name: str) -> dict[str, Any]:
    """Shut somebody out at once."""
    found = managed(turn, actor, name)
    if found.no == actor.no:
        raise ForbiddenError("Nobody shuts themselves out; ask a colleague.")
    return view_of(access.disable_principal(turn.tx, found.no, by=actor.source))


def enable(turn: Turn, actor: Actor, name: str) -> dict[str, Any]:
    """Let somebody in again."""
    found = managed(turn, actor, name)
    return view_of(access.enable_principal(turn.tx, found.no, by=actor.source))


def reset_password(
    turn: Turn, actor: Actor, name: str, password_hash: str, *, revoke_tokens: bool = False
) -> dict[str, Any]:
    """Give somebody a password for one sign-in; they are signed out everywhere.

    Programs go on by their tokens, unless those are revoked, too: who has forgotten a password
    wants no feed to stop, and whose password is known to others wants nothing to go on. The answer
    says how many are left, as `tokens`.
    """
    found = managed(turn, actor, name)
    made = access.set_password(turn.tx, found.no, password_hash, by=actor.source, must_change=True)
    if revoke_tokens:
        end_tokens(turn, actor, name)
    return {
        **view_of(made),
        "tokens": len(credentials.working(turn.connection, found.no, turn.now)),
    }


def end_tokens(turn: Turn, actor: Actor, name: str) -> dict[str, Any]:
    """Revoke all of somebody's tokens."""
    found = managed(turn, actor, name)
    for token in credentials.working(turn.connection, found.no, turn.now):
        credentials.revoke_token(turn.tx, token.key, by=actor.source)
    return view_of(found)


def change(
    turn: Turn, actor: Actor, name: str, *, role: str, unit_code: str | None
) -> dict[str, Any]:
    """Give somebody another role, or another part of the city.

    Raises:
        ForbiddenError: The actor may not, or not there, or it is themselves.
        InvalidInputError: There is no such role or unit.
    """
    found = managed(turn, actor, name)
    if found.no == actor.no:
        raise ForbiddenError("Nobody changes their own rights; ask a colleague.")
    if role not in ROLES:
        raise InvalidInputError("There is no such role.", field="role")
    require(actor, "principals", [_path(turn, unit_code)])
    return view_of(
        access.change_principal(
            turn.tx, found.no, by=actor.source, role=role, unit_code=unit_code or ""
        )
    )


def end_sessions(turn: Turn, actor: Actor, name: str) -> dict[str, Any]:
    """Sign somebody out everywhere."""
    found = managed(turn, actor, name)
    for session in credentials.sessions(turn.connection, found.no, turn.now):
        credentials.revoke_session(turn.tx, found.no, session.key, by=actor.source)
    return view_of(found)


def remove_factor(turn: Turn, actor: Actor, name: str) -> dict[str, Any]:
    """Take somebody's second factor away; they are signed out everywhere."""
    end_sessions(turn, actor, name)
    found = managed(turn, actor, name)
    second_factor.remove(turn.tx, found.no, by=actor.source)
    return view_of(found)


def create_token(turn: Turn, actor: Actor, new: NewToken, secret: str) -> dict[str, Any]:
    """Make a token: one's own for what one may oneself, another's where one may manage them.

    Raises:
        InvalidInputError: A scope that nobody knows.
        ForbiddenError: A scope that the actor hasn't; or the actor is such a token itself.
    """
    for scope in new.scopes:
        if scope not in ACTIONS:
            raise InvalidInputError(
                "There is no such scope.",
                field="scopes",
                hint=f"The scopes are: {', '.join(ACTIONS)}.",
            )
    owner = access.principal_of(turn.connection, actor.no)
    if new.principal is not None and access.fold_name(new.principal) != owner.name:
        owner = managed(turn, actor, new.principal)
    elif not all(may(actor, scope) for scope in new.scopes):
        raise ForbiddenError("A token can't do more than you may.", field="scopes")
    elif not all(may(actor, action) for action in ACTIONS if may_role(actor.role, action)):
        # One that leaked would go on by its copies, whatever became of it.
        raise ForbiddenError(
            "A token for some of your rights only makes no others.",
            hint="Make it on My account, or on the machine: alertd access token.",
        )
    made = credentials.create_token(
        turn.tx,
        secret,
        principal_no=owner.no,
        label=new.label,
        scopes=new.scopes,
        by=actor.source,
        expires_at=turn.now + new.valid_days * DAY_MS,
    )
    return token_view(made, owner.name)


def token_view(token: credentials.Token, principal: str) -> dict[str, Any]:
    """A token as it is shown; `key` names it and opens nothing."""
    return {
        "key": token.key,
        "label": token.label,
        "principal": principal,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }


def revoke_token(turn: Turn, actor: Actor, word: str) -> dict[str, Any]:
    """Revoke a token by its key (or a beginning of it) or its label; one's own, or managed ones.

    Raises:
        NotFoundError: There is none, or several are meant.
    """
    mine = credentials.tokens(turn.connection, actor.no)
    found = _named(mine, word)
    if not found and may(actor, "principals"):
        others = [
            token
            for principal in access.principals(turn.connection)
            for token in credentials.tokens(turn.connection, principal.no)
        ]
        found = _named(others, word)
    if len(found) != 1:
        raise NotFoundError("There is no such token, or several of that name.")
    (token,) = found
    owner = access.principal_of(turn.connection, token.principal_no)
    if owner.no != actor.no:
        managed(turn, actor, owner.name)
    credentials.revoke_token(turn.tx, token.key, by=actor.source)
    kept = credentials.tokens(turn.connection, owner.no)
    return token_view(next(each for each in kept if each.key == token.key), owner.name)


def _named(tokens: list[credentials.Token], word: str) -> list[credentials.Token]:
    least = 8
    by_key = [token for token in tokens if len(word) >= least and token.key.startswith(word)]
    return by_key or [token for token in tokens if token.label == word and token.revoked_at is None]
