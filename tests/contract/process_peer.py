"""A shipped simulator as a process of its own, with its log."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.contract.peer import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]


class ProcessPeer:
    """Starts `python -m MODULE`, reads its port, and ends it by its own handle."""

    def __init__(self, module: str, log: Path, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, "--until-eof", "--log", str(log), *arguments]
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start, on the port of before where there was one."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "--port", str(self.port), stdin=pipe, stdout=pipe, cwd=ROOT
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            self.port = json.loads(await self._process.stdout.readline())["port"]

    async def stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.returncode is None:
            process.kill()
        await process.communicate()

    async def post(self, path: str, value: Any) -> Any:
        """Call its control API, by hand and not by a client of ours."""
        body = json.dumps(value).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: sim\r\ncontent-length: {len(body)}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            assert 200 <= status < 300, answer
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            return json.loads(await reader.readexactly(length))
        finally:
            writer.close()
            await writer.wait_closed()

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]
