"""Loudspeakers let in by a broker's file alone, as where no record is kept."""

from collections.abc import Sequence

from channels.loudspeaker.accounts import Account, Accounts, require_enrollable
from channels.loudspeaker.passwords import new_password


def enrol(
    accounts: Accounts, terminals: Sequence[str], areas: Sequence[str], now: int
) -> list[Account]:
    require_enrollable(terminals, areas)
    made = [Account(terminal, new_password(), tuple(areas), now) for terminal in terminals]
    accounts.follow({account.terminal: account for account in made})
    return made
