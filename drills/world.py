"""A world of simulated handsets, loudspeakers and chat groups, each kind a process of its own.

For demonstrations and exercises with nobody woken. The processes end when their parent does: they
read its pipe until it closes.
"""

import asyncio
import base64
import json
import os
import secrets
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from alertd.errors import UnavailableError

_READY_PATIENCE_S = 30.0
_ONLINE_PATIENCE_S = 10.0  # for the last loudspeaker; the others needn't wait for it
_END_PATIENCE_S = 5.0


@dataclass(slots=True)
class Peer:
    """One simulator under way."""

    process: asyncio.subprocess.Process
    port: int | None

    async def end(self) -> None:
        """Close its pipe, wait, and only then insist."""
        if self.process.returncode is not None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(_END_PATIENCE_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start_peer(module: str, arguments: Sequence[str], secret: dict[str, str]) -> Peer:
    """Start `python -m module`; its first line says that it is ready, and on which port.

    Raises:
        UnavailableError: It ended or stayed silent.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        "--until-eof",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **secret},
        start_new_session=True,  # Ctrl-C is for alertd, which ends its children in order
    )
    if process.stdout is None:
        raise UnavailableError(f"The simulator {module} has no output.")
    try:
        async with asyncio.timeout(_READY_PATIENCE_S):
            line = await process.stdout.readline()
        ready = json.loads(line)
    except (TimeoutError, ValueError):
        process.kill()
        await process.wait()
        raise UnavailableError(f"The simulator {module} did not start.") from None
    return Peer(process, ready.get("port"))


@dataclass(slots=True)
class World:
    """The simulators of one node.

    Args:
        directory: Where their logs, ports and the groups' secret are kept.
        seed: The same seed makes the same people.
        speed: How many times faster than life people answer and loudspeakers play.
        mix: JSON of the people's behaviours, or None for the simulator's own.
    """

    directory: Path
    seed: int = 7
    speed: float = 1.0
    mix: str | None = None
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    peers: dict[str, Peer] = field(default_factory=dict)

    @property
    def handsets_url(self) -> str:
        """Where the simulated SMS gateway listens."""
        return f"http://127.0.0.1:{self.peers['handsets'].port}"

    @property
    def group_url(self) -> str:
        """The chat groups' webhook, for the roster sample."""
        return f"http://127.0.0.1:{self.peers['groups'].port}/groups/{{group_id}}"

    def log_of(self, name: str) -> Path:
        """What a simulator itself wrote down: handsets, groups or terminals."""
        return self.directory / f"{name}.jsonl"

    async def start_handsets(self, hook_base: str) -> None:
        """The simulated SMS gateway with its phones; replies come back at `hook_base`."""
        arguments = ["--hook-base", hook_base, "--seed", str(self.seed)]
        arguments += ["--speed", str(self.speed)]
        if self.mix:
            arguments += ["--mix", self.mix]
        secret = {"ALERTD_HANDSETS_SECRET": self.secret}
        await self._start_listening("handsets", "channels.sms.handset_sim", arguments, secret)

    async def trouble_gateway(self, mode: str, share: float) -> None:
        """Have the SMS gateway misbehave for a share of the messages, as `handset_sim.moods` says.

        Raises:
            UnavailableError: The simulator doesn't obey.
        """
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.post(
                    f"{self.handsets_url}/control/gateway", json={"mode": mode, "share": share}
                )
        except httpx.HTTPError:
            answer = None
        if answer is None or not answer.is_success:
            raise UnavailableError("The simulated gateway doesn't obey.")

    async def latest(self) -> list[dict[str, Any]]:
        """What the phones showed last, the newest first: at, phone, text, kind, alert, status.

        Raises:
            UnavailableError: The simulator doesn't answer.
        """
        return list((await self._ask("GET", "/inbox"))["messages"])

    async def say(self, phone: str, text: str) -> None:
        """Have a phone answer, as if somebody had typed it.

        Raises:
            UnavailableError: The simulator doesn't answer.
        """
        await self._ask("POST", f"/phones/{quote(phone)}/replies", {"text": text})

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(base_url=self.handsets_url, trust_env=False) as http:
                answer = await http.request(method, path, json=body)
        except (httpx.HTTPError, KeyError):
            answer = None
        if answer is None or not answer.is_success:
            raise UnavailableError("The simulated phones don't answer.")
        found: dict[str, Any] = answer.json()
        return found

    async def start_groups(self) -> None:
        """The chat groups' receiver."""
        secret = {"ALERTD_RECEIVER_SECRET": self.group_secret()}
        await self._start_listening("groups", "channels.chat.receiver_sim", [], secret)

    async def start_terminals(self, broker_url: str, key: str, ids: Iterable[str]) -> None:
        """Simulated loudspeakers, every one a client of the broker.

        Args:
            broker_url: With the terminals' login.
            key: The public half of the key that commands are signed with, as text.
            ids: The loudspeakers' ids, as in the roster.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        listed = self.directory / "terminals.txt"
        listed.write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
        arguments = ["--terminals", str(listed), "--verify-key", key, "--seed", str(self.seed)]
        arguments += ["--speed", str(self.speed), "--patience-s", str(_ONLINE_PATIENCE_S)]
        arguments += ["--log", str(self.log_of("terminals"))]
        self.peers["terminals"] = await start_peer(
            "channels.loudspeaker.terminal_sim",
            arguments,
            {"ALERTD_TERMINALS_BROKER": broker_url},
        )

    def group_secret(self) -> str:
        """What the chat groups' messages are signed with; kept, since the roster holds it too."""
        self.directory.mkdir(parents=True, exist_ok=True)
        kept = self.directory / "groups.secret"
        if not kept.exists():
            made = base64.b64encode(secrets.token_bytes(24)).decode()
            descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"whsec_{made}")
        return kept.read_text(encoding="ascii")

    async def _start_listening(
        self, name: str, module: str, arguments: list[str], secret: dict[str, str]
    ) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        memory = self.directory / f"{name}.port"
        port = memory.read_text() if memory.exists() else "0"
        arguments = [*arguments, "--log", str(self.log_of(name))]
        try:
            peer = await start_peer(module, [*arguments, "--port", port], secret)
        except UnavailableError:
            peer = await start_peer(module, [*arguments, "--port", "0"], secret)
        self.peers[name] = peer
        # The roster's chat groups name the port: a second run should find them where they were.
        memory.write_text(str(peer.port))

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(peer.end() for peer in self.peers.values()))
        self.peers.clear()
