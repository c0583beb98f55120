"""The shipped simulators, each a process of its own, and what they wrote down themselves."""

import json
import os
import select
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.within import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
_END_S = 10.0

NO_ONE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Whom a client on loopback trusts: it has no TLS, and to read whom the world trusts takes 40 ms,
in each client anew."""

Line = dict[str, Any]


def clean_environment(**more: str) -> dict[str, str]:
    """This process's variables without any setting of alertd's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
    # pytest keeps its folders for a while, and there are many cities in them.
    return {**kept, "ALERTD_BALLAST_MB": "1", "PYTHONPATH": str(ROOT), **more}


class Log:
    """A simulator's own log, read on as it grows; what was handed over is what stands here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self._lines: list[Line] = []

    def lines(self, what: str = "", **fields: Any) -> list[Line]:
        """The lines so far of one kind with these values, in their order."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read += len(whole)
            self._lines += map(json.loads, whole.splitlines())
        return [
            line
            for line in self._lines
            if (not what or line["what"] == what)
            and all(line.get(name) == value for name, value in fields.items())
        ]


class Peer:
    """One simulator: started here, steered by its control API, ended by its own handle."""

    def __init__(self, module: str, folder: Path, name: str) -> None:
        self.log = Log(folder / f"{name}.jsonl")
        self._module = module
        self._errors = folder / f"{name}.err"
        self._process: subprocess.Popen[bytes] | None = None
        self.ready: Line = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ready['port']}"

    def start(self, *arguments: str, secrets: Mapping[str, str] | None = None) -> None:
        """Start it; returns when it says that it is ready."""
        command = [sys.executable, "-m", self._module, "--until-eof", "--log", str(self.log.path)]
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=clean_environment(**(secrets or {})),
            )
        assert self._process.stdout is not None
        heard, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        line = self._process.stdout.readline() if heard else b""
        assert line, f"{self._module} did not start: {self._errors.read_text('utf-8')}"
        self.ready = json.loads(line)

    def post(self, path: str, value: Any) -> Any:
        """Call its control API."""
        return self._asked("POST", path, json=value)

    def get(self, path: str) -> Any:
        """Ask its control API."""
        return self._asked("GET", path)

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        with httpx.Client(timeout=PATIENCE_S, trust_env=False, verify=NO_ONE) as client:
            answer = client.request(method, f"{self.url}{path}", **more)
        assert answer.is_success, answer.text
        return answer.json()

    def stop(self) -> None:
        """Close its pipe, at which it ends; insist where it doesn't."""
        process, self._process = self._process, None
        if process is not None:
            end(process)


def end(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process that was told to end, and insist after a while; its exit code."""
    try:
        process.communicate(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode


class Handsets(Peer):
    """The SMS gateway with its phones."""

    SECRET = "handsets-and-alertd-share-this"

    def __init__(self, folder: Path, name: str = "handsets") -> None:
        super().__init__("channels.sms.handset_sim", folder, name)

    def open(self, *, mix: Mapping[str, float], answer_s: float, seed: int) -> None:
        """Start it; everybody behaves as drawn from `mix`, and answers after about `answer_s`."""
        self.start(
            *("--mix", json.dumps(mix), "--seed", str(seed), "--inbox", "0"),
            *("--answer-median-s", str(answer_s), "--answer-spread", "0.3"),
            *("--receipt-median-s", "0.1"),
            secrets={"ALERTD_HANDSETS_SECRET": self.SECRET},
        )

    def settings(self) -> Line:
        """The route's settings."""
        return {"type": "handsets", "url": self.url, "secret": self.SECRET}

    def aim(self, hooks: str) -> None:
        """Where receipts and replies go from now on."""
        self.post("/control/hooks", {"base": hooks})

    def behave(self, phones: Sequence[str], behaviour: str, **more: Any) -> None:
        """Have these phones behave so, whatever was drawn."""
        self.post("/control/phones", [{"phone": p, "behaviour": behaviour, **more} for p in phones])

    def weather(self, **mood: Any) -> None:
        """How the gateway itself is: mode, share, count, latency_ms."""
        self.post("/control/gateway", mood)

    def texts(self, **fields: Any) -> list[Line]:
        """What the gateway took for phones, in its order."""
        return self.log.lines("message", taken=True, **fields)


class Groups(Peer):
    """The receiver of the chat groups' webhooks."""

    SECRET = "whsec_Z3JvdXBzLWFuZC1hbGVydGQtc2hhcmUtdGhpcw=="

    def __init__(self, folder: Path) -> None:
        super().__init__("channels.chat.receiver_sim", folder, "groups")

    def open(self) -> None:
        """Start it."""
        self.start(secrets={"ALERTD_RECEIVER_SECRET": self.SECRET})

    @property
    def address(self) -> str:
        """A group's webhook, for the roster."""
        return f"{self.url}/groups/{{group_id}}"

    def texts(self, **fields: Any) -> list[Line]:
        """What groups were told, in order."""
        return self.log.lines("message", taken=True, **fields)


class Loudspeakers(Peer):
    """The terminals, every one a client of the broker."""

    def __init__(self, folder: Path) -> None:
        super().__init__("channels.loudspeaker.terminal_sim", folder, "terminals")
        self._listed = folder / "terminals.txt"

    def open(
        self,
        broker: str,
        key: str,
        behaviours: Mapping[str, str],
        *,
        speed: float,
        keepalive_s: int,
        accounts: Path | None = None,
    ) -> None:
        """Start them, each with its own login if `accounts` has it; returns when all are online."""
        lines = [f"{name},{behaviour}\n" for name, behaviour in behaviours.items()]
        self._listed.write_text("".join(lines), encoding="utf-8")
        self.start(
            *("--terminals", str(self._listed), "--verify-key", key),
            *("--speed", str(speed), "--keepalive-s", str(keepalive_s)),
            *(() if accounts is None else ("--accounts", str(accounts))),
            secrets={"ALERTD_TERMINALS_BROKER": broker},
        )
        assert self.ready["online"] == len(behaviours), self.ready

    def heard(self, **fields: Any) -> list[Line]:
        """Commands that came, with what each terminal made of them."""
        return self.log.lines("heard", **fields)

    def played(self, **fields: Any) -> list[Line]:
        """What began to sound."""
        return self.log.lines("playing", **fields)
