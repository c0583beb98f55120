"""A real `alertd serve`: its settings file, its process, its commands beside it."""

import json
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.keys import load_key, public_text
from tests import databases, forked
from tests.acceptance.peers import NO_ONE, ROOT, clean_environment, end
from tests.acceptance.within import PATIENCE_S, within


@dataclass
class Server:
    """One node's process on one data folder, started and killed as often as a test wants.

    Args:
        folder: Data, settings and log.
        routes: The settings' routes by name.
        settings: Others.
        workers: Each one's routes, with commas; where there are any, the database is PostgreSQL and
            the server has no engine.
        postgresql: Whether the database is PostgreSQL; None: as this run has it.
    """

    folder: Path
    routes: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    workers: Sequence[str] = ()
    postgresql: bool | None = None
    url: str = ""
    helpers: list[forked.Process] = field(default_factory=list)
    _process: forked.Process | None = None
    _environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data.mkdir(parents=True)
        if self.database.startswith("sqlite:"):
            databases.begin(self._database_file)
        file = self.folder / "alertd.toml"
        file.write_text(settings_file({**self.settings, "port": 0}, self.routes), encoding="utf-8")
        self._environment = clean_environment(
            ALERTD_CONFIG=str(file),
            ALERTD_DATA_DIR=str(self.data),
            ALERTD_DATABASE_URL=self.database,
            LC_ALL="C.UTF-8",
        )

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def database(self) -> str:
        """Its URL."""
        wanted = databases.on_postgresql() if self.postgresql is None else self.postgresql
        if self.workers or wanted:
            return databases.url_of(self.data, postgresql=True)
        return f"sqlite:///{self._database_file}"

    @property
    def token(self) -> str:
        """The command line's own."""
        return (self.data / "cli.token").read_text("ascii")

    @property
    def log(self) -> str:
        """All that it ever said."""
        return (self.folder / "server.err").read_text("utf-8", "replace")

    def start(self) -> None:
        """Start it, and the workers that there aren't; returns when it answers and they work."""
        more = ["--no-engine"] if self.workers else []
        self._process = process = self._run("serve", *more)
        word = within(60, that=lambda: self._word(process), why=f"serve: {self.log}")
        self.url = word["url"]
        for routes in self.workers[len(self.helpers) :]:
            self.hire(routes)

    def hire(self, routes: str, **variables: str) -> forked.Process:
        """Start a worker, with variables of its own; returns when it works."""
        process = self._run("worker", "--routes", routes, **variables)
        self.helpers.append(process)
        word = f'"pid": {process.pid}'
        within(60, that=lambda: word in self.log or process.poll() is not None, why=self.log)
        assert process.poll() is None, self.log
        return process

    def _run(self, *words: str, **variables: str) -> forked.Process:
        with (self.folder / "server.err").open("ab") as errors:
            return forked.start(
                [*words, "--json"],
                stdout=errors,
                stderr=errors,
                cwd=self.folder,
                env=self._environment | variables,
            )

    def _word(self, process: forked.Process) -> Any:
        """What a running server leaves for commands beside it; one of before doesn't count."""
        if process.poll() is not None:
            raise RuntimeError(f"alertd serve ended with {process.returncode}: {self.log}")
        try:
            word = json.loads((self.data / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return word if word["pid"] == process.pid else None

    def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        process.wait()
        # Loudspeakers know where their broker is: it must come back at the same place.
        if self._broker_file.is_file():
            self._environment["ALERTD_BROKER_PORT"] = str(self.broker.port)

    def stays_where_it_is(self) -> None:
        """From its next start on it listens where it does now: open browsers know it there."""
        self._environment["ALERTD_PORT"] = str(urlsplit(self.url).port)

    def stop(self) -> None:
        """As Ctrl-C does; it must end in order."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            code = end(process)
            assert code == 0, f"alertd serve ended with {code}: {self.log}"
        for helper in self.helpers:
            if helper.poll() is None:
                helper.send_signal(signal.SIGINT)
                code = end(helper)
                assert code == 0, f"alertd worker ended with {code}: {self.log}"
        self.helpers.clear()

    @property
    def _database_file(self) -> Path:
        return self.data / "alertd.sqlite3"

    @property
    def _broker_file(self) -> Path:
        return self.data / "broker" / "nats.conf"

    @property
    def broker(self) -> BrokerAddress:
        """Where loudspeakers connect; each has a login of its own."""
        written = self._broker_file.read_text("utf-8")
        (port,) = re.findall(r'mqtt \{\s+listen: "127\.0\.0\.1:(\d+)"', written)
        return BrokerAddress("127.0.0.1", int(port))

    @property
    def command_key(self) -> str:
        """The public half of the key that loudspeakers' commands are signed with."""
        return public_text(load_key(self.data / "keys" / "commands.key"))

    def client(self, token: str) -> httpx.Client:
        """A client of its API."""
        return httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {token}", "accept-language": "en"},
            timeout=PATIENCE_S,
            trust_env=False,
            verify=NO_ONE,
        )

    def run(self, *arguments: str, token: str = "") -> Any:
        """Run a command beside it; its JSON answer. It must succeed."""
        more = {"ALERTD_TOKEN": token} if token else {}
        done = forked.run(
            [*arguments, "--json"], timeout=120, cwd=ROOT, env={**self._environment, **more}
        )
        assert done.returncode == 0, f"alertd {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


def settings_file(settings: Mapping[str, Any], routes: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML; JSON's texts, numbers, booleans and lists are TOML's own."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    for route, options in routes.items():
        lines += _table(f"routes.{route}", options)
    return "\n".join(lines) + "\n"


def _table(path: str, values: Mapping[str, Any]) -> list[str]:
    within = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    plain = [f"{n} = {json.dumps(value)}" for n, value in values.items() if n not in within]
    named = {f"{path}.{json.dumps(name)}": value for name, value in within.items()}
    deeper = [line for name, value in named.items() for line in _table(name, value)]
    return [f"[{path}]", *plain, *deeper]
