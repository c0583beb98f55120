"""Whoever comes with a link: whose it is, and how often somebody may try."""

import asyncio
from functools import partial
from typing import Annotated, Final, NamedTuple, cast

from fastapi import Depends, Request

from alertd.errors import NotFoundError
from alertd.i18n import N_
from alertd.store.links import LENGTH
from alertd.store.reads.own_page import alert_ending_in
from alertd.web.deps import Deps
from alertd.web.door import address_of
from alertd.web.throttle import Throttle

MOST_TAPS: Final = 200  # by one link in the throttle's window; a leader knocks at 25 doors
_NO_END: Final = 2**62


class Bearer(NamedTuple):
    """Who comes with a link, and about what."""

    alert_id: bytes
    person_no: int


class NoLinkError(NotFoundError):
    """The link is none of ours; the answer doesn't say in what it is wrong."""


class LinkDoor:
    """Reads the links of one application.

    A right link always opens, however many wrong ones came from its address: thousands of phones
    share one address of their carrier's. Wrong ones are counted to spare the machine; what keeps
    them out is that 80 bits aren't guessed.
    """

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.wrong = Throttle()
        self.taps = Throttle(free_for_name=MOST_TAPS, free_for_address=_NO_END)

    async def read(self, token: str, address: str) -> Bearer:
        """Whose link it is.

        Raises:
            NoLinkError: Nobody's.
            TooManyTriesError: Nobody's again, after many such.
        """
        found = await asyncio.to_thread(self._found, token) if len(token) == LENGTH else None
        if found is None:
            named, now = token[:LENGTH], self.deps.now()
            self.wrong.check(named, address, now)
            self.wrong.failed(named, address, now)
            raise NoLinkError(
                N_("This link isn't known here."),
                hint=N_("Open it from the SMS again, or answer by SMS."),
            )
        return Bearer(*found)

    def _found(self, token: str) -> tuple[bytes, int] | None:
        store = self.deps.store
        with store.read() as connection:
            return store.vault.links.read(token, partial(alert_ending_in, connection))

    def count_tap(self, name: str) -> None:
        """Raise TooManyTriesError where there were more taps of that name than a thumb makes."""
        now = self.deps.now()
        self.taps.check(name, "", now)
        self.taps.failed(name, "", now)


async def bearer(request: Request, token: str) -> Bearer:
    """Who comes with the link of the path."""
    return await links_of(request).read(token, address_of(request))


def links_of(request: Request) -> LinkDoor:
    """The application's."""
    return cast("LinkDoor", request.app.state.links)


Linked = Annotated[Bearer, Depends(bearer)]
