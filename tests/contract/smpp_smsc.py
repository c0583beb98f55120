"""A test's hold on the carrier's gateway, which is a process (`smpp_server`), and on its log."""

import asyncio
import contextlib
import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smpplib.gsm import GSM_CHARACTER_TABLE

from tests.contract.peer import PATIENCE_S

NUMBERS_TLV = 0x1401  # the vendor's own, in which our numbers travel
OUR_NUMBER = "10657100"
_PROGRAM = Path(__file__).parent / "smpp_server.py"


@dataclass(frozen=True)
class Submit:
    """One submit_sm as the server read it."""

    message_id: str
    number: str
    source: str
    ton: tuple[int, int]
    esm_class: int
    coding: int
    registered: int
    data: bytes
    tlvs: dict[int, bytes]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Delivery, attempt, part and parts, by the TLV."""
        return tuple(map(int, self.tlvs[NUMBERS_TLV].split(b".")))

    @property
    def header(self) -> bytes:
        """The user data header, its length first."""
        return self.data[: self.data[0] + 1] if self.esm_class & 0x40 else b""

    @property
    def text(self) -> str:
        data = self.data[len(self.header) :]
        return data.decode("utf-16-be") if self.coding == 8 else read_septets(data)


class Smsc:
    """Starts the process, steers it, reads its log."""

    def __init__(self, log: Path) -> None:
        self.port = 0
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}

    async def start(self) -> None:
        """Start, on the port of before where there was one."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", _PROGRAM, str(self.port), self._log), stdin=pipe, stdout=pipe
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            self.port = json.loads(await self._process.stdout.readline())["port"]
        self._reading = asyncio.create_task(self._read(self._process.stdout))

    async def kill(self) -> None:
        """As `kill -9`."""
        if self._process is not None and self._reading is not None:
            process, self._process = self._process, None
            if process.returncode is None:
                process.kill()
            await process.wait()
            await self._reading
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(OSError):
                await process.stdin.wait_closed()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def submits(self) -> list[Submit]:
        """What it has taken, in order."""
        lines = self._log.read_text("utf-8").splitlines() if self._log.exists() else []
        return [_submit(json.loads(line)) for line in lines]

    async def refuse(self, status: int) -> None:
        """Answer this to every submit instead of taking it; 0 takes them again."""
        await self._do("refuse", status=status)

    async def hold(self, number: str) -> None:
        """Take what goes to `number`, and answer only at `release`."""
        await self._do("hold", number=number)

    async def release(self) -> None:
        """Answer what was held, and hold no more."""
        await self._do("release")

    async def deliver(
        self,
        source: str,
        data: bytes,
        *,
        to: str = OUR_NUMBER,
        esm_class: int = 0,
        coding: int = 8,
        ton: int = 1,
        tlvs: dict[int, bytes] | None = None,
    ) -> int:
        """Bring a deliver_sm; the status that it was answered with."""
        message = {
            "to": to,
            "data": data.hex(),
            "source_addr": source,
            "source_addr_ton": ton,
            "esm_class": esm_class,
            "data_coding": coding,
            "tlvs": {tag: value.hex() for tag, value in (tlvs or {}).items()},
        }
        status: int = await self._do("deliver", message=message)
        return status

    async def _do(self, what: str, **more: Any) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._ids)
        self._asked[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "do": what, **more})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return await self._asked[number]

    async def _read(self, lines: asyncio.StreamReader) -> None:
        async for line in lines:
            said = json.loads(line)
            asked = self._asked.pop(said["id"])
            if asked.done():
                continue  # the test has ended
            if "error" in said:
                asked.set_exception(RuntimeError(said["error"]))
            else:
                asked.set_result(said["result"])
        for asked in self._asked.values():
            asked.cancel()


def _submit(line: dict[str, Any]) -> Submit:
    tlvs = {int(tag): bytes.fromhex(value) for tag, value in line["tlvs"].items()}
    data = bytes.fromhex(line["data"])
    return Submit(**{**line, "ton": tuple(line["ton"]), "data": data, "tlvs": tlvs})


def receipt_text(message_id: str, state: str, error: str = "000") -> bytes:
    """As SMPP 3.4 shows it in appendix B."""
    return (
        f"id:{message_id} sub:001 dlvrd:001 submit date:2611261200 done date:2611261201"
        f" stat:{state} err:{error} text:id:0 stat:DELIVRD"
    ).encode()


def read_septets(data: bytes) -> str:
    """GSM 03.38 by smpplib's table, of which the route makes no use."""
    text, octets = "", iter(data)
    for octet in octets:
        place = 0x80 + next(octets) if octet == 0x1B else octet
        text += GSM_CHARACTER_TABLE[place]
    return text
