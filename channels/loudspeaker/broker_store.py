"""The embedded broker's store: whether it is whole, and putting it aside where it isn't.

A disk that gives back other bytes, or fewer, can take from a session what it listens by and leave
the session: the broker lets that loudspeaker in, grants its subscription, confirms what is said to
it, and never brings it anything. Nobody is told. Or it spoils the session itself, and that
loudspeaker isn't let in any more.

A store can be spared. alertd keeps what it has said until each loudspeaker has answered, says it
again to whoever comes back, and everybody who connects subscribes anew.
"""

import asyncio
import base64
import json
import shutil
from pathlib import Path

from channels.loudspeaker.nats_api import MESSAGES, SESSIONS, NatsApi, NatsError

STORE = "store"
_ASIDE = "store.damaged-"
_MOST_ASIDE = 2  # each has up to a gigabyte
_AGAIN_S = 1.0  # one that comes or goes just now gets or loses both, one after the other


async def deaf(api: NatsApi) -> int:
    """How many sessions there are that nothing is brought to, or that nobody can enter any more.

    Raises:
        Exception: As `NatsApi.ask`.
    """
    wanted = {session: await _listens_by(api, session) for session in await _sessions(api, ">")}
    there: set[str] = set()
    while page := (await api.ask("CONSUMER.NAMES", MESSAGES, {"offset": len(there)}))["consumers"]:
        there.update(page)
    suspects = [s for s, names in wanted.items() if names is None or not names <= there]
    if suspects:
        await asyncio.sleep(_AGAIN_S)
    return sum([await _is_deaf(api, session) for session in suspects])


async def _is_deaf(api: NatsApi, session: str) -> bool:
    if not await _sessions(api, session):
        return False  # it has ended
    names = await _listens_by(api, session)
    if names is None:
        return True
    try:
        for name in names:
            await api.ask(f"CONSUMER.INFO.{MESSAGES}", name, {})
    except NatsError:
        return True
    return False


async def _sessions(api: NatsApi, subject: str) -> list[str]:
    told = await api.ask("STREAM.INFO", SESSIONS, {"subjects_filter": subject})
    return list(told["state"].get("subjects") or {})


async def _listens_by(api: NatsApi, session: str) -> set[str] | None:
    """The names of what brings a session its messages; None where it can't be read."""
    try:
        kept = await api.ask("STREAM.MSG.GET", SESSIONS, {"last_by_subj": session})
        document = json.loads(base64.b64decode(kept["message"]["data"]))
    except (NatsError, ValueError):
        return None
    return {each["durable_name"] for each in (document.get("cons") or {}).values()}


def put_aside(folder: Path) -> str:
    """Keep the store under another name, so that a new one is made; the name, "" where none is.

    Args:
        folder: The broker's, which isn't running.

    Raises:
        OSError: It can't be.
    """
    if not (folder / STORE).exists():
        return ""
    last = max((_number(path) for path in kept_aside(folder)), default=0)
    name = f"{_ASIDE}{last + 1}"
    (folder / STORE).rename(folder / name)
    return name


def put_back(folder: Path, name: str) -> None:
    """It wasn't the store's fault; raises OSError where it can't be."""
    shutil.rmtree(folder / STORE, ignore_errors=True)
    (folder / name).rename(folder / STORE)


def forget_older(folder: Path) -> None:
    """Keep the last few that were put aside."""
    for path in kept_aside(folder)[:-_MOST_ASIDE]:
        shutil.rmtree(path, ignore_errors=True)


def kept_aside(folder: Path) -> list[Path]:
    """Those that were put aside, the oldest first."""
    return sorted((p for p in folder.glob(f"{_ASIDE}*") if _number(p)), key=_number)


def _number(path: Path) -> int:
    number = path.name.removeprefix(_ASIDE)
    return int(number) if number.isdecimal() else 0
