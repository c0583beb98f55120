"""What each process of a node was set to when it began, without the values themselves.

A fact says which settings changed since the start before. A setting's value may be a secret: only
a keyed digest of it is kept.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, select

from alertd.store import tables as t
from alertd.store.vault import Vault

IDENTITY: Final = (
    *("node", "city_code", "sender", "sender_name", "sender_name_en", "signature"),
    "signature_en",
)
"""Settings in whose place what is shipped would be another city's."""

_PLACES: Final = frozenset(
    {
        *("host", "database_url", "tls_cert", "tls_key", "broker_host", "broker_port"),
        *("ballast_mb", "log_level", "tick_s"),
        *("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_name_claim"),
    }
)
"""Settings of a machine or a console, by which nothing is decided and nothing written."""

_NAMED: Final = 8
_PRINT_BYTES: Final = 8
# In letters: a digest in figures could look like somebody's phone number.
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def prints(vault: Vault, settings: Mapping[str, str]) -> dict[str, str]:
    """Name → a digest of its name and value, by which a change is seen and no value is told."""
    return {
        name: vault.blind(f"setting {name} = {value}")[:_PRINT_BYTES].hex().translate(_LETTERS)
        for name, value in settings.items()
    }


def known(connection: Connection, process: str) -> dict[str, str]:
    """The prints of what a process was set to at its last start."""
    c = t.known_setting.c
    query = select(c.name, c.print).where(c.process == process)
    return {row.name: row.print for row in connection.execute(query)}


def routes_of(settings: Collection[str]) -> set[str]:
    """The names of the routes in settings' names."""
    parts = (name.split(".") for name in settings)
    return {found[1] for found in parts if found[0] == "routes"}


def identity_lost(before: Collection[str], given: Collection[str]) -> list[str]:
    """Who the city is, of settings that weren't as shipped before: those that aren't given now."""
    return [name for name in IDENTITY if name in before and name not in given]


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str | None]:
    """Setting → its print now, of those that aren't as before; None: as shipped again."""
    names = sorted(before.keys() | now.keys())
    return {name: now.get(name) for name in names if before.get(name) != now.get(name)}


def unlike(theirs: Mapping[str, str], ours: Mapping[str, str]) -> set[str]:
    """Settings by which two processes of a node would decide or write differently, from prints.

    A route that one of them lacks is named as a whole.
    """
    both = routes_of(theirs) & routes_of(ours)
    parts = (name.split(".") for name in changes(theirs, ours) if name not in _PLACES)
    return {
        ".".join(found if found[0] != "routes" or found[1] in both else found[:2])
        for found in parts
    }


def listed(names: Sequence[str]) -> str:
    """So many of them as a sentence can hold."""
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
