"""The door: who gives the right password comes in, and who guesses has to wait."""

import asyncio
import ipaddress
from functools import partial
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from alertd.errors import InvalidInputError, UnauthenticatedError
from alertd.store import access
from alertd.store.access import Principal
from alertd.web.commands import sessions
from alertd.web.deps import Deps
from alertd.web.passwords import Passwords
from alertd.web.standing import standing_of
from alertd.web.throttle import Throttle

_NETWORK_BITS: Final = 64  # of IPv6: what one host is given
_NO_END: Final = 2**62


class Door:
    """Checks passwords of one application."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.passwords = Passwords()
        self.throttle = Throttle()
        # Codes are counted wherever they come from: who types one has given the right password.
        self.codes = Throttle(free_for_address=_NO_END)
        self._codes = asyncio.Lock()

    async def enter(self, name: str, password: str, address: str) -> Principal:
        """Whose password it is; the answer doesn't say whether the name was right.

        Raises:
            UnauthenticatedError: Nobody's, or somebody's who was shut out.
            TooManyTriesError: Too many were wrong before.
        """
        folded = access.fold_name(name)
        # Looked at when its turn has come: a thousand guesses sent at once are counted one by one.
        async with self.passwords.room:
            self.throttle.check(folded, address, self.deps.now())
            found = await asyncio.to_thread(self._principal, folded)
            right = await self.passwords.matches(password, found.password_hash if found else "")
            refused = found is None or found.disabled_at is not None or not right
            if refused:
                self.throttle.failed(folded, address, self.deps.now())
        if found is None or refused:
            reason = "disabled" if right else "wrong"
            await self.deps.runner.submit(partial(sessions.refuse, principal=found, reason=reason))
            raise UnauthenticatedError("The name or the password is wrong.")
        self.throttle.passed(folded, address)
        return found

    def _principal(self, name: str) -> Principal | None:
        with self.deps.store.read() as connection:
            return access.find_principal(connection, name)

    async def confirm(self, principal: Principal, password: str, address: str) -> None:
        """Raise unless it is the password of somebody who is signed in.

        Raises:
            InvalidInputError: It is wrong.
            TooManyTriesError: Too many were wrong before.
        """
        async with self.passwords.room:
            self.throttle.check(principal.name, address, self.deps.now())
            if await self.passwords.matches(password, principal.password_hash):
                return
            self.throttle.failed(principal.name, address, self.deps.now())
        raise InvalidInputError("The present password is wrong.", field="old_password")

    async def enter_code(self, principal: Principal, secret: str, code: str) -> None:
        """Take the second factor's code of a session that waits for it.

        Raises:
            InvalidInputError: It is wrong, or was used.
            TooManyTriesError: Too many were wrong before.
        """
        entering = partial(
            sessions.enter_code,
            principal_no=principal.no,
            secret=secret,
            code=code,
            ahead_ms=standing_of(self.deps).ahead_ms,
        )
        async with self._codes:  # as in `enter`
            self.codes.check(principal.name, "", self.deps.now())
            try:
                await self.deps.runner.submit(entering)
            except InvalidInputError:
                self.codes.failed(principal.name, "", self.deps.now())
                await self.deps.runner.submit(
                    partial(sessions.refuse, principal=principal, reason="code")
                )
                raise
            self.codes.passed(principal.name, "")

    async def change(self, principal: Principal, new: str) -> None:
        """Give somebody a password; every session of the old one ends."""
        kept = await self.passwords.hash(new)
        await self.deps.runner.submit(
            partial(sessions.change_password, principal=principal, password_hash=kept)
        )


async def door_of(request: Request) -> Door:
    """The application's door."""
    return cast("Door", request.app.state.door)


def address_of(request: Request) -> str:
    """Where a request comes from, as far as a caller can't choose it."""
    return network_of(request.client.host) if request.client else ""


def network_of(address: str) -> str:
    """An address as guesses are counted by it: of IPv6 any host may take any of 2**64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 - of the protocol
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _NETWORK_BITS), strict=False))


AtDoor = Annotated[Door, Depends(door_of)]
