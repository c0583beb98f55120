"""The ground that benches stand on: a city in a file, a store and an engine over it, an alert."""

import hashlib
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select, update

from alertd import cap, messages
from alertd.decide.plan import Route
from alertd.engine import accept, approving, settling
from alertd.engine.authority import Actor
from alertd.engine.core import Engine, Handover
from alertd.engine.library import Library
from alertd.engine.turn import Turn
from alertd.messages import ShortForm, compose, load_library
from alertd.model import Channel, Policy, Status
from alertd.store import migrate
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import import_roster, known_roles
from alertd.store.vault import Vault
from channels.base import Accepted, Outcome
from rosters.parse import check
from rosters.sample import write_sample

# Only figures go to the output.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "bench"
START = 1_760_000_000_000
KEY = bytes(range(32))
OFFICER = Actor(no=1, id=b"o" * 16, name="officer", role="duty_officer", path="")
SECOND = Actor(no=2, id=b"s" * 16, name="second", role="approver", path="")
DAY = date(2025, 10, 9)
_MADE_OF = ("rosters", "alertd/store/roster", "alertd/store/tables", "alertd/store/migrations")
_SPEAKERS = 300  # and as many groups, at any number of people

CITY_SCALES = {20_000: 1, 200_000: 10}


def city(people: int) -> Path:
    """A city of so many people, imported once and kept until the roster's code changes."""
    path = CACHE / f"city-{people}-{_fingerprint()}.sqlite3"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"city-{people}-*"):
            old.unlink()
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            _import(Path(folder), people).replace(path)
    return path


def _fingerprint() -> str:
    sources = sorted(file for part in _MADE_OF for file in (ROOT / part).rglob("*.py"))
    digest = hashlib.sha256()
    for file in sources:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _import(folder: Path, people: int) -> Path:
    path = folder / "city.sqlite3"
    url = f"sqlite:///{path}"
    made = write_sample(folder / "roster", seed=7, today=DAY, scale=CITY_SCALES[people])
    for name in ("terminals.csv", "groups.csv"):
        file = folder / "roster" / name
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(lines[: _SPEAKERS + 1]))
    migrate.upgrade(url)
    store = Store(url, Vault(KEY), node="bench", synchronous="NORMAL")
    with store.transaction(START) as tx:
        checked = check(made.files, today=DAY)
        import_roster(tx, checked, ids=SequentialIds("city"), by="bench", why="bench", now=START)
    store.close()
    return path


def route(name: str, channel: Channel, *, at_once: int) -> Route:
    """A route that takes `at_once` messages at a time and has no rate of its own."""
    return Route(
        name=name,
        channel=channel,
        carries=frozenset(Status),
        simulated=False,
        in_flight=at_once,
        rate_per_s=1e9,
        burst=max(at_once, 1),
        timeout_s=60.0,
    )


def routes(at_once: int) -> dict[str, Route]:
    """One of each kind."""
    kinds = {"sms": Channel.SMS, "speakers": Channel.LOUDSPEAKER, "groups": Channel.CHAT}
    return {name: route(name, kind, at_once=at_once) for name, kind in kinds.items()}


def telling_everybody() -> Policy:
    """The shipped policy for red, with alternates told from the start.

    Nobody plays the loudspeakers, whose silence would be chased after half a minute.
    """
    text = (resources.files("config") / "policies" / "red.toml").read_text(encoding="utf-8")
    return replace(Policy.from_dict(tomllib.loads(text)), tell="everyone", terminal_grace_s=3_600)


@dataclass(frozen=True, slots=True)
class Handed:
    """How many deliveries were claimed and settled, and how long it took, seconds."""

    done: int
    committing_s: float  # the engine's commits alone: claims and settlements
    whole_s: float  # with the messages made, and their outcomes


@dataclass(slots=True)
class Ground:
    """A store on a copy of a city, and an engine over it. The clock stands unless it is set."""

    path: Path
    store: Store
    engine: Engine
    library: Library
    now: int = START + 1_000_000
    alerts: int = 0

    def take(self, item: Callable[[Turn], Any]) -> Any:
        """Have the engine take one input, claiming nothing."""
        (answer,) = self.engine.step(self.now, [item], claim=False).answers
        if answer.error is not None:
            raise answer.error
        return answer.value

    def draft(self) -> bytes:
        """An alert for every role in the whole city, written down; returns its id."""
        with self.store.read() as connection:
            roles = sorted(known_roles(connection, 1))
        self.alerts += 1
        short = ShortForm.from_dict(
            {
                "template": "typhoon",
                "colour": "red",
                "areas": ["330281"],
                "roles": roles,
                "status": "Actual",
            }
        )
        alert = compose(
            short,
            self.library.templates.select("typhoon", "red"),
            identifier=f"bench-{self.alerts}",
            sender="bench@alertd.example",
            sent_at=self.now,
            zone=ZoneInfo("Asia/Shanghai"),
            references=(),
        )
        wanted = accept.Draft(alert=alert)
        return bytes.fromhex(self.take(partial(accept.draft, actor=OFFICER, wanted=wanted))["id"])

    def approving(self, alert_id: bytes) -> Callable[[Turn], Any]:
        """The input that issues it."""
        return partial(approving.approve, actor=SECOND, alert_id=alert_id)

    def expand(self, alert_id: bytes) -> None:
        """Issue it and write down all that it asks and sends; nothing is claimed."""
        self.take(self.approving(alert_id))
        while self.engine.step(self.now, claim=False).again:
            pass

    def hand_over(self, most: int) -> Handed:
        """Claim and settle as the runner does, every try accepted."""
        done, committing, whole = 0, 0.0, 0.0
        for step in self.handing():
            committing, whole = committing + step.committing_s, whole + step.whole_s
            if done >= most:
                break
            done += step.done
        return Handed(done, committing, whole)

    def handing(self) -> Iterator[Handed]:
        """The same step by step to the last one; each settles what the one before claimed."""
        inputs: list[Callable[[Turn], Any]] = []
        claimed = True
        while claimed:
            began = time.perf_counter()
            committed = self.engine.commit(self.now, inputs)
            committing = time.perf_counter() - began
            assert not any(answer.error for answer in committed.answers)
            handovers = [self.engine.render(each) for each in committed.claimed]
            self.now += 10
            inputs = [accepting(handover) for handover in handovers]
            claimed = bool(handovers)
            done = sum(len(handover.messages) for handover in handovers)
            yield Handed(done, committing, time.perf_counter() - began)

    def count(self, table: Any) -> int:
        """Rows of a table."""
        with self.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    def point_groups_at(self, url: str) -> None:
        """Give every chat group a receiver of the bench."""
        a = t.address.c
        cipher = self.store.vault.seal(url, context="address")
        with self.store.transaction(self.now) as tx:
            tx.connection.execute(
                update(t.address).where(a.kind == "webhook").values(cipher=cipher)
            )


def accepting(handover: Handover) -> Callable[[Turn], Any]:
    """The input that settles what was handed over: the gateway took all of it."""
    accepted = Accepted("reference")
    ended = [Outcome(m.delivery, m.attempt, accepted) for m in handover.messages]

    def settle(turn: Turn) -> int:
        flow = turn.flows[handover.route]
        return settling.outcomes(turn, handover.route, ended, flow, turn.lease)

    return settle


@contextmanager
def ground(
    people: int,
    *,
    at_once: int = 1_000,
    policy: Policy | None = None,
    by_name: Mapping[str, Route] | None = None,
) -> Iterator[Ground]:
    """A fresh copy of a city, gone afterwards."""
    source = city(people)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        path = Path(folder) / "city.sqlite3"
        shutil.copyfile(source, path)
        store = Store(f"sqlite:///{path}", Vault(KEY), node="bench")
        rule = policy or telling_everybody()
        library = Library(
            policies={colour.value: rule for colour in cap.Colour},
            templates=load_library(),
            zone=ZoneInfo("Asia/Shanghai"),
        )
        engine = Engine(
            store=store,
            routes=by_name or routes(at_once),
            library=library,
            wording=messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"}),
            ids=SequentialIds("bench"),
            lease="bench",
        )
        store.reserve_log()  # as a server does at its start
        try:
            yield Ground(path, store, engine, library)
        finally:
            store.close()
