"""What settings ask for, made: keys, store, templates and policies, routes' configuration.

Commands that read or mend a stopped city need no more than this, and start faster without the web.
"""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Final, TextIO

import structlog
from sqlalchemy.exc import DBAPIError

from alertd import messages
from alertd.decide.plan import Route
from alertd.decide.shares import STALE_MS
from alertd.engine.library import Library
from alertd.errors import AlertdError, ConflictError, NotConfiguredError
from alertd.lanes import service_of
from alertd.model import Channel as Kind
from alertd.model import Status
from alertd.policies import load_policies
from alertd.settings import TOKEN_FILE, RouteSettings, Settings
from alertd.store import migrate
from alertd.store.backup.checking import require_key
from alertd.store.backup.placing import LOCK, refuse_half
from alertd.store.ballast import BallastFile
from alertd.store.database import Store, lock_file
from alertd.store.dialect import CHECKPOINT_PAGES, PAGE_BYTES, is_sqlite, reader
from alertd.store.links import PLACEHOLDER
from alertd.store.postgres import gave_up
from alertd.store.vault import KEY_BYTES, Vault, load_key
from channels import registry
from channels.base import Channel, Limits, RouteConfig

log = structlog.get_logger("alertd.store")

# Between two statements of a transaction. The longest of ours took a second: in the import of
# 200,000 people, on two busy cores. One that is cut all the same is tried again.
_LONGEST_IDLE_MS: Final = STALE_MS
_ASKED_AGAIN_S: Final = 1.0  # a database that isn't there at the start
_SAID_AGAIN_S: Final = 30.0


def library_of(settings: Settings, *, goes_on: bool = False) -> Library:
    """Policies and templates, shipped and the city's own from its configuration folder.

    Args:
        settings: Which folder.
        goes_on: A file that is wrong is left out, and what is shipped stands for it; else it
            raises. What is under way has kept its own.
    """
    lacks: list[AlertdError] | None = [] if goes_on else None
    own = _own_folder(settings, lacks)
    policies = load_policies(own / "policies" if own else None, lacks)
    if not settings.confirmations:
        policies = {n: replace(p, confirm_replies=False) for n, p in policies.items()}
    return Library(
        policies=policies,
        templates=messages.load_library(own / "templates" if own else None, lacks),
        zone=settings.zone,
        lacks=tuple(lacks or ()),
    )


def _own_folder(settings: Settings, lacks: list[AlertdError] | None) -> Path | None:
    """Where the city's own words are, if they can be read; `lacks` as `load_policies` has it.

    Whoever begins may have a folder in which nothing is yet; of who goes on its disk isn't there.
    """
    own = settings.config_dir
    if own is None:
        return None
    parts = [part for part in (own / "policies", own / "templates") if part.exists()]
    try:
        any(own.iterdir())
        held = [any(part.iterdir()) for part in parts]
    except OSError as error:
        reason = error.strerror
        lack = NotConfiguredError(
            f"The folder in config_dir can't be read ({own}): {reason}.",
            field="config_dir",
            hint="Is its disk mounted? Correct the path, or leave config_dir out.",
        )
        if lacks is None:
            raise lack from None
        lacks.append(lack)
        return None
    if lacks is not None and not any(held):
        lack = NotConfiguredError(
            f"The folder in config_dir has no policies and no templates ({own}).",
            field="config_dir",
            hint="Is its disk mounted? Where the city has no words of its own, leave it out.",
        )
        lacks.append(lack)
    return own


def wording_of(settings: Settings) -> messages.Wording:
    """Renders with the office's signature, and with links where they are asked for."""
    link = f"{settings.base_url}/a/{PLACEHOLDER}" if settings.ack_links else ""
    return messages.Wording(settings.signatures, settings.issuers, link)


def open_vault(settings: Settings) -> Vault:
    """The keys of the addresses; made the first time, readable by the owner only.

    Raises:
        ConflictError: The database's key isn't here: with another one nobody could be told.
    """
    file = address_key(settings)
    engine = reader(settings.store_url)
    try:
        with engine.begin() as connection:
            require_key(connection, file)
    finally:
        engine.dispose()
    return Vault(load_key(file, os.urandom(KEY_BYTES)))


def address_key(settings: Settings) -> Path:
    """Where the key is kept that opens the addresses."""
    return settings.data_dir / "keys" / "addresses.key"


def command_key(settings: Settings) -> Path:
    """Where the key is kept that loudspeakers' commands are signed with."""
    return settings.data_dir / "keys" / "commands.key"


def open_store(settings: Settings) -> Store:
    """Bring the database up to date and open it; the caller holds the data folder's lock.

    Raises:
        ConflictError: The key of the addresses isn't here: with another one nobody could be told.
            Or there is nothing in the database, and a city was served from this folder.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    refuse_empty(settings)
    _bring_up_to_date(settings.store_url)
    return Store(
        settings.store_url,
        open_vault(settings),
        node=settings.node,
        checkpoint_pages=checkpoint_pages(ballast_of(settings).wanted),
        idle_ms=_LONGEST_IDLE_MS,
    )


async def await_database(settings: Settings) -> None:
    """Wait for the database, where a city was served before.

    After a power cut PostgreSQL has its log to read again, or its machine starts later. Who ended
    would be started again by a service manager a few times, and then no more. What is wrong with it
    otherwise is said by whoever opens it.
    """
    told_at = float("-inf")
    waits = address_key(settings).is_file() and not is_sqlite(settings.store_url)
    while waits and (said := _away(settings.store_url)):
        if time.monotonic() - told_at >= _SAID_AGAIN_S:
            told_at = time.monotonic()
            log.warning("the database doesn't answer, and is waited for", said=said)
        await asyncio.sleep(_ASKED_AGAIN_S)


def _away(url: str) -> str:
    """What keeps the database from being asked, for now; "": nothing, or what no waiting mends."""
    engine = reader(url)
    try:
        with engine.connect():
            return ""
    except DBAPIError as error:
        return " ".join(str(error.orig).split()) if gave_up(error) else ""
    finally:
        engine.dispose()


def _bring_up_to_date(url: str) -> None:
    before = migrate.current(url)
    migrate.upgrade(url)
    if before not in {None, migrate.head()}:
        log.warning(
            "the database was brought up to date: an older alertd can't open it any more",
            was=before,
            now=migrate.head(),
        )


def was_served(settings: Settings, *, helper: bool = False) -> bool:
    """Whether a city was served from this data folder before.

    A worker's has the key that it was brought, and never a token.
    """
    token = settings.data_dir / TOKEN_FILE
    return address_key(settings).is_file() and (helper or token.is_file())


def refuse_empty(settings: Settings) -> None:
    """Refuse to begin an empty city where one was served, whose database is somewhere else.

    Raises:
        ConflictError: The database is empty, or isn't there.
    """
    if was_served(settings) and not migrate.holds_a_city(settings.store_url):
        raise ConflictError(
            "The database is empty, but a city was served from this data folder.",
            hint="Is database_url right? Bring the city's database back: alertd restore, or"
            " alertd migrate-store. For a new city name another data_dir.",
        )


def ballast_of(settings: Settings) -> BallastFile:
    """The ballast of the data folder, which exists."""
    return BallastFile(settings.data_dir, round(settings.ballast_mb * 1_000_000))


def checkpoint_pages(ballast: int) -> int:
    """So many that, when the disk is full, half of the ballast can take in SQLite's journal."""
    return min(CHECKPOINT_PAGES, ballast // 2 // PAGE_BYTES) if ballast else CHECKPOINT_PAGES


def lock(settings: Settings) -> TextIO:
    """Make sure that nobody else writes here, and that what is here is whole."""
    handle = lock_file(settings.data_dir / LOCK)
    try:
        refuse_half(settings.data_dir)
    except AlertdError:
        handle.close()
        raise
    return handle


def route_config(name: str, given: RouteSettings) -> RouteConfig:
    """A route's settings as the channel reads them."""
    return RouteConfig(
        name=name,
        type=given.type,
        carries=frozenset(given.carries),
        simulated=given.simulated,
        numbers=given.numbers,
        rank=given.rank,
        limits=Limits(
            in_flight=given.in_flight,
            rate_per_s=given.rate_per_s,
            burst=given.burst,
            timeout_s=given.timeout_s,
            parts_per_min=given.parts_per_min,
            parts_per_day=given.parts_per_day,
            cost_per_part=given.cost_per_part,
            cost_per_day=given.cost_per_day,
            same_text_per_day=given.same_text_per_number_per_day,
            # A loudspeaker's commands are numbered by one connection, a robot's messages counted.
            shares=1 if given.type in registry.UNDIVIDED else given.shares,
        ),
        options=given.plain_options(),
    )


def planned(channel: Channel, speed: float) -> Route:
    """A route as the engine plans with it, in the clock's own seconds."""
    config = channel.config
    return Route(
        name=config.name,
        channel=Kind[channel.kind.name],
        carries=frozenset(Status[word.upper()] for word in config.carries),
        simulated=config.simulated,
        numbers=config.numbers,
        rank=config.rank,
        parts_per_min=config.limits.parts_per_min,
        parts_per_day=config.limits.parts_per_day,
        cost_per_part=config.limits.cost_per_part,
        cost_per_day=config.limits.cost_per_day,
        same_text_per_day=config.limits.same_text_per_day,
        service=service_of(config.type),
        in_flight=config.limits.in_flight,
        rate_per_s=config.limits.rate_per_s / speed,
        burst=config.limits.burst,
        timeout_s=config.limits.timeout_s * speed,
        shares=min(config.limits.shares, config.limits.in_flight),
    )
