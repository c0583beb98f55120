"""Who may do what, where: users, their roles, and what each role may."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from alertd.cap.problems import refuse_validation
from alertd.engine.authority import ACTIONS, ROLES, may_role, require
from alertd.errors import AlertdError, InvalidInputError
from alertd.store import access as store
from alertd.store import credentials, second_factor
from alertd.store.reads.units import names_of_areas
from alertd.web.api.access import PrincipalName, fresh_password
from alertd.web.auth import Signed
from alertd.web.commands import access
from alertd.web.deps import Deps, Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to, refused

router = APIRouter(prefix="/users", include_in_schema=False)


@router.get("")
async def show(request: Request, deps: Given, signed: Visitor) -> Response:
    """Everybody, with role and area; and the table of rights."""
    require(signed.actor, "principals", [""])
    return await _users(request, deps, signed)


@router.post("")
async def create(request: Request, deps: Given, signed: Sender, form: Form) -> Response:
    """Let somebody in, with a password for one sign-in that is shown once."""
    require(signed.actor, "principals", [""])  # before the hash, which is dear on purpose
    given = {
        name: form[name] for name in ("name", "role", "unit_code", "person_id") if form.get(name)
    }
    try:
        new = access.NewPrincipal.model_validate(given)
        password, kept = await fresh_password(deps)
        await deps.runner.submit(
            partial(access.create_principal, actor=signed.actor, new=new, password_hash=kept)
        )
    except ValidationError as error:
        problem = refuse_validation(error)
        return refused(problem, await _users(request, deps, signed, form, problem=problem))
    except AlertdError as error:
        return refused(error, await _users(request, deps, signed, form, problem=error))
    return await _users(request, deps, signed, fresh=(new.name, password, 0))


@router.post("/{name}/{act}")
async def change(
    request: Request, deps: Given, signed: Sender, name: PrincipalName, act: str, form: Form
) -> Response:
    """Change somebody's rights, shut them out, let them in again, sign them out or anew."""
    require(signed.actor, "principals", [""])
    acts = {
        "disable": access.disable,
        "enable": access.enable,
        "end-sessions": access.end_sessions,
        "end-tokens": access.end_tokens,
        "remove-factor": access.remove_factor,
    }
    if act == "password":
        password, kept = await fresh_password(deps)
        done = await deps.runner.submit(
            partial(access.reset_password, actor=signed.actor, name=name, password_hash=kept)
        )
        return await _users(request, deps, signed, fresh=(name, password, done["tokens"]))
    if act == "rights":
        await deps.runner.submit(
            partial(
                access.change,
                actor=signed.actor,
                name=name,
                role=form.get("role", ""),
                unit_code=form.get("unit_code") or None,
            )
        )
    elif act in acts:
        await deps.runner.submit(partial(acts[act], actor=signed.actor, name=name))
    else:
        raise InvalidInputError("There is no such thing to do with a user.")
    return back_to("/users")


async def _users(
    request: Request,
    deps: Deps,
    signed: Signed,
    form: Mapping[str, str] | None = None,
    *,
    problem: AlertdError | None = None,
    fresh: tuple[str, str, int] | None = None,
) -> Response:
    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            found = store.principals(connection)
            now = deps.now()
            return {
                "users": [
                    (
                        user,
                        len(credentials.sessions(connection, user.no, now)),
                        second_factor.required_of(connection, user.no),
                        len(credentials.working(connection, user.no, now)),
                    )
                    for user in found
                ],
                "areas": names_of_areas(connection, [u.unit_code for u in found if u.unit_code]),
            }

    values = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "access/users.html",
        signed=signed,
        known_roles=ROLES,
        rights=[(action, [may_role(role, action) for role in ROLES]) for action in ACTIONS],
        form=form or {},
        problem=problem,
        fresh=fresh,
        **values,
    )
