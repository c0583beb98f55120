"""A whole city of processes: `alertd serve`, its gateway, chat groups and loudspeakers.

Scenarios read as prose (MODELS, habit 10):

    alert = city.issue("typhoon", "red")
    city.phone(leader).replies("1")
    within(10, that=lambda: alert.answered == 1)

What was sent is asked of the peers' own logs; alertd's API is asked only what it shows.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import create_engine

from alertd.store import journal
from channels.loudspeaker.accounts import Accounts
from drills.sample_city import SampleCity
from tests.acceptance.pace import write_policies
from tests.acceptance.peers import Groups, Handsets, Line, Loudspeakers
from tests.acceptance.roll import Holder, Roll, give_fixed_lines
from tests.acceptance.server import Server
from tests.acceptance.within import within
from tests.enrolled import enrol

CITY = "330281"
PEOPLE = {"officer": "duty_officer", "second": "approver"}
SCOPES = ["read", "draft", "approve", "answer", "help"]
EVERYBODY_ANSWERS = {"ack": 1.0}
FILES = ("people", "terminals", "groups")
LIMITS = {"in_flight": 200, "rate_per_s": 2000.0, "burst": 200, "timeout_s": 5.0}


@dataclass
class LivingCity:
    """See the module.

    Args:
        folder: For everything.
        scale: Of the sample city; 1 for Yuyao with its 275 grids.
        minute_s: How long a minute of the escalation policies lasts.
        mix: How people are, where a test doesn't say otherwise.
        answer_s: How long they take to answer, about.
        gateways: Each SMS route by name with settings of its own.
        speakers: Behaviours of loudspeakers by id; all others are "ok"; None: there are none.
        speaker_speed: How many times faster than life they play.
        keepalive_s: After one and a half of it a silent loudspeaker is offline.
        settings: Of alertd, beside the usual.
        policy: Values that every escalation policy gets instead of its own.
        routes: More routes, as settings.
        by_command: Whether the office works by the command line, or else by the API.
        workers: As `Server` has them.
        postgresql: As `Server` has it.
        group_url: Where chat groups are reached, if not at the receiver itself.
        group_kind: Whose robots they have, as a roster's word.
        fixed_lines: Posts whose holders have a fixed line alone.
    """

    folder: Path
    scale: float = 0.05
    seed: int = 7
    minute_s: float = 60.0
    mix: Mapping[str, float] = field(default_factory=lambda: EVERYBODY_ANSWERS)
    answer_s: float = 0.3
    gateways: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"sms": {}})
    speakers: Mapping[str, str] | None = field(default_factory=dict)
    speaker_speed: float = 200.0
    keepalive_s: int = 15
    settings: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    routes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_command: bool = False
    workers: Sequence[str] = ()
    postgresql: bool | None = None
    group_url: str = ""
    group_kind: str = "webhook"
    fixed_lines: Sequence[str] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _clients: dict[str, httpx.Client] = field(default_factory=dict)

    def open(self) -> None:
        """Start all of it: peers, server, roster, principals."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.groups = Groups(self.folder)
        self.groups.open()
        self._stack.callback(self.groups.stop)
        self.handsets = {name: self._gateway(name) for name in self.gateways}
        write_policies(self.folder / "config" / "policies", minute_s=self.minute_s, **self.policy)
        self._write_roster()
        self.server = Server(
            self.folder,
            self._routes(),
            {"config_dir": str(self.folder / "config"), "tick_s": 0.2, **self.settings},
            self.workers,
            postgresql=self.postgresql,
        )
        self._stack.callback(self.server.stop)
        self.start()
        self._import_roster()
        self._let_in()
        if self.speakers is not None:
            self._open_speakers()

    def _gateway(self, name: str) -> Handsets:
        handsets = Handsets(self.folder, name)
        handsets.open(mix=self.mix, answer_s=self.answer_s, seed=self.seed)
        self._stack.callback(handsets.stop)
        return handsets

    def _routes(self) -> dict[str, dict[str, Any]]:
        routes = {
            name: {**self.handsets[name].settings(), **LIMITS, **own}
            for name, own in self.gateways.items()
        }
        routes["groups"] = {"type": "webhook", **LIMITS}
        if self.speakers is not None:
            routes["loudspeakers"] = {"type": "mqtt", **LIMITS}
        return {**routes, **{name: dict(own) for name, own in self.routes.items()}}

    def _write_roster(self) -> None:
        today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
        SampleCity(
            directory=self.folder / "roster",
            seed=self.seed,
            scale=self.scale,
            group_url=self.group_url or self.groups.address,
            group_secret=self.groups.SECRET,
        ).write(today)
        groups = self.folder / "roster" / "groups.csv"
        rows = groups.read_text("utf-8").replace(",webhook,", f",{self.group_kind},")
        groups.write_text(rows, "utf-8")
        give_fixed_lines(self.folder / "roster", self.fixed_lines)

    def _import_roster(self) -> None:
        folder = self.folder / "roster"
        if self.by_command:
            assert self.server.run("roster", "import", str(folder))["version"] == 1
            return
        files = {name: (f"{name}.csv", (folder / f"{name}.csv").read_bytes()) for name in FILES}
        answer = self.client("cli").post("/api/v1/roster", files=files)
        assert answer.is_success, answer.text

    def _let_in(self) -> None:
        """Two principals with a token each: one drafts, the other approves."""
        for name, role in PEOPLE.items():
            self.post("/api/v1/principals", {"name": name, "role": role}, who="cli")
            token = {"label": "test", "principal": name, "scopes": SCOPES}
            self.tokens[name] = self.post("/api/v1/tokens", token, who="cli")["token"]

    def _open_speakers(self) -> None:
        self.loudspeakers = Loudspeakers(self.folder)
        behaviours = dict.fromkeys(self.roll.loudspeakers, "ok") | dict(self.speakers or {})
        self._stack.callback(self.loudspeakers.stop)
        accounts = Accounts(self.server.data / "broker")
        enrol(accounts, list(behaviours), [], 1)
        self.loudspeakers.open(
            self.server.broker.url,
            self.server.command_key,
            behaviours,
            speed=self.speaker_speed,
            keepalive_s=self.keepalive_s,
            accounts=accounts.path,
        )
        total = len(behaviours)
        within(that=lambda: self.get("/api/v1/terminals", limit=1)["counts"]["online"] == total)

    def start(self) -> None:
        """Start the server, anew after a kill; gateways learn where it is."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self.server.start()
        for name, handsets in self.handsets.items():
            handsets.aim(f"{self.server.url}/hooks/{name}")

    def close(self) -> None:
        """End everything in order, and see that nothing was left broken."""
        with self._stack:
            for client in self._clients.values():
                client.close()
            self.server.stop()
            self._check_what_is_left()

    def _check_what_is_left(self) -> None:
        """DESIGN §6.8 and §3, for every scenario: a discreet log, and an unbroken chain."""
        log = self.server.log
        assert not [h for h in self.roll.holders if h.phone[3:] in log], "a number is in the log"
        for trouble in ("Traceback", "request failed", "step failed", "hook not stored"):
            assert trouble not in log, log
        engine = create_engine(self.server.database)
        with engine.connect() as connection:
            held, broken = journal.verify(journal.stream(connection), journal.heads(connection))
            kinds = {row.fact.kind for row in journal.stream(connection)}
        engine.dispose()
        assert held > 0
        assert not broken, broken[:5]
        assert "defect" not in kinds

    # Who is who.

    @cached_property
    def roll(self) -> Roll:
        """The roster, read by hand."""
        return Roll(self.folder / "roster")

    @property
    def sms(self) -> Handsets:
        """The only SMS gateway."""
        (gateway,) = self.handsets.values()
        return gateway

    def phone(self, holder: Holder) -> "Phone":
        """Somebody's phone."""
        return Phone(self, holder.phone)

    # What people do.

    def client(self, who: str) -> httpx.Client:
        """The API as somebody; "cli" is the machine's own administrator."""
        if who not in self._clients:
            token = self.server.token if who == "cli" else self.tokens[who]
            self._clients[who] = self.server.client(token)
        return self._clients[who]

    def get(self, path: str, *, who: str = "officer", **params: Any) -> Any:
        """Read; it must succeed."""
        answer = self.client(who).get(path, params=params)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any = None, *, who: str = "officer") -> Any:
        """Write; it must succeed."""
        answer = self.client(who).post(path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def draft(
        self,
        template: str = "typhoon",
        colour: str = "red",
        *,
        areas: Sequence[str] = (CITY,),
        roles: Sequence[str] = ("grid_leader",),
        status: str = "Actual",
        **more: Any,
    ) -> "Alert":
        """The officer writes an alert down."""
        if self.by_command:
            options = ["--template", template, "--colour", colour, "--status", status]
            options += [word for area in areas for word in ("--area", area)]
            options += [word for role in roles for word in ("--role", role)]
            return Alert(self, self.command("alert", "issue", *options, who="officer"))
        body = {
            "template": template,
            "colour": colour,
            "areas": list(areas),
            "roles": list(roles),
            "status": status,
        }
        return Alert(self, self.post("/api/v1/alerts", {**body, **more}))

    def command(self, *arguments: str, who: str) -> Any:
        """Run a command as somebody; its answer."""
        return self.server.run(*arguments, "--as", who, token=self.tokens[who])

    def approve(self, alert: "Alert", *, who: str = "second", **how: Any) -> "Alert":
        """A second person agrees; it goes out."""
        if self.by_command:
            assert self.command("alert", "approve", alert.code, who=who)["state"] == "issued"
            return alert
        state = self.post(f"/api/v1/alerts/{alert.code}/approve", how or None, who=who)
        assert how or state["state"] == "issued"
        return alert

    def issue(self, *arguments: Any, **more: Any) -> "Alert":
        """Drafted by the officer and approved by the second person."""
        return self.approve(self.draft(*arguments, **more))

    def follow(self, alert: "Alert", kind: str, **body: Any) -> "Alert":
        """An update, a cancellation, an all-clear: drafted and approved."""
        if self.by_command:
            made = self.command("alert", kind, alert.code, who="officer")
        else:
            made = self.post(f"/api/v1/alerts/{alert.code}/{kind}", body)
        return self.approve(Alert(self, made))


@dataclass(frozen=True)
class Alert:
    """One alert: what its peers were told, and what alertd shows of it."""

    city: LivingCity
    drafted: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.drafted["id"])

    @property
    def code(self) -> str:
        return str(self.drafted["short_code"])

    def is_about(self, line: Line) -> bool:
        """Whether a peer's line belongs to this alert: a delivery's number starts with it."""
        return bool(line["delivery"] >> 32 == self.drafted["no"])

    def texts(self, **fields: Any) -> list[Line]:
        """What the SMS gateways took for this alert."""
        taken = [line for g in self.city.handsets.values() for line in g.texts(**fields)]
        return [line for line in taken if self.is_about(line)]

    def told(self, **fields: Any) -> set[str]:
        """The phones that got such a text."""
        return {line["phone"] for line in self.texts(**fields)}

    def group_texts(self, **fields: Any) -> list[Line]:
        """What chat groups were told of it."""
        return [line for line in self.city.groups.texts(**fields) if self.is_about(line)]

    def board(self) -> Any:
        """The live board."""
        return self.city.get(f"/api/v1/alerts/{self.id}/board")

    @property
    def funnel(self) -> Any:
        return self.board()["board"]["funnel"]

    @property
    def state(self) -> str:
        return str(self.board()["alert"]["state"])

    def at_rest(self) -> bool:
        """Whether everything was written down and handed over."""
        found = self.board()
        return not found["alert"]["expanding"] and not found["board"]["funnel"]["waiting"]

    def unanswered(self, state: str = "any") -> list[Any]:
        """The duties without an answer, all of them."""
        items: list[Any] = []
        after: dict[str, Any] = {}
        while True:
            page = self.city.get(
                f"/api/v1/alerts/{self.id}/unanswered", state=state, limit=500, **after
            )
            items += page["items"]
            if page["next"] is None:
                return items
            after = {"after": page["next"]}

    def cell(self, unit: str) -> Any:
        """A grid on the heat map."""
        (found,) = [
            c for c in self.city.get(f"/api/v1/alerts/{self.id}/cells") if c["code"] == unit
        ]
        return found

    def enter(self, *, who: str = "officer", **ack: Any) -> Any:
        """An answer that came by phone, radio or runner."""
        return self.city.post(f"/api/v1/alerts/{self.id}/acks", ack, who=who)

    def speakers(self) -> list[Any]:
        """Every loudspeaker, with what became of its command."""
        return list(self.city.get("/api/v1/terminals", alert=self.id, limit=500)["page"]["items"])


@dataclass(frozen=True)
class Phone:
    """One phone at the simulated gateway."""

    city: LivingCity
    number: str

    def replies(self, text: str, **more: Any) -> None:
        """Its owner writes an SMS."""
        self.city.sms.post(f"/phones/{self.number}/replies", {"text": text, **more})

    def is_silent(self) -> None:
        """Its owner reads and doesn't answer."""
        self.city.sms.behave([self.number], "silent")

    def texts(self, **fields: Any) -> list[Line]:
        """What came, in order."""
        return self.city.sms.texts(phone=self.number, **fields)
