"""A carrier's gateway as a process: smpp34's own server, told what to answer.

smpp34 is Rust and shares no code with smpplib, by which the route writes and reads: what one gets
wrong, the other shows. It has a process of its own to be killed in, and because its threads may
bring an interpreter down that ends.

    python smpp_server.py PORT LOG

Each submit that it takes is a line of LOG before it is answered. It obeys lines of JSON on stdin
(`id`, `do`, and what that needs) and answers each with a line (`id`, `result`); it ends with stdin.
"""

import asyncio
import json
import os
import socket
import sys
from typing import Any

import smpp34

PATIENCE_S = 20.0


class Smsc:
    def __init__(self, log: Any) -> None:
        self.refusal = 0  # the status that it answers instead of taking a submit
        self.held: set[str] = set()
        self.kept: list[tuple[smpp34.SubmitSmEvent, str]] = []
        self.bound: dict[str, smpp34.Esme] = {}
        self.came = asyncio.Condition()
        self.log = log
        self.count = 0xA0  # message ids have a letter in them, so that spellings can differ

    async def serve(self, server: smpp34.Server) -> None:
        while True:
            event = await server.next()
            async with self.came:
                if isinstance(event, smpp34.Esme):
                    self.bound[event.session_id] = event
                elif isinstance(event, smpp34.Unbound):
                    self.bound.pop(event.session_id, None)
                else:
                    self.submitted(event)
                self.came.notify_all()

    def submitted(self, event: smpp34.SubmitSmEvent) -> None:
        if self.refusal:
            event.reject(self.refusal)
            return
        message_id = f"{self.count:08X}"
        self.count += 1
        line = {
            "message_id": message_id,
            "number": event.destination_addr,
            "ton": [event.source_addr_ton, event.dest_addr_ton],
            "source": event.source_addr,
            "esm_class": event.esm_class,
            "coding": event.data_coding,
            "registered": event.registered_delivery,
            "data": event.short_message.hex(),
            "tlvs": {tlv.tag: tlv.value.hex() for tlv in event.tlvs},
        }
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()
        if event.destination_addr in self.held:
            self.kept.append((event, message_id))
        else:
            event.accept(message_id)

    async def obey(self, command: dict[str, Any]) -> Any:
        match command["do"]:
            case "refuse":
                self.refusal = command["status"]
            case "hold":
                self.held.add(command["number"])
            case "release":
                self.held.clear()
                for event, message_id in self.kept:
                    event.accept(message_id)
                self.kept.clear()
            case "deliver":
                return await self.deliver(**command["message"])
        return None

    async def deliver(self, *, to: str, data: str, tlvs: dict[str, str], **fields: Any) -> int:
        """Bring a deliver_sm to whoever bound last; the status that it was answered with."""
        pdu = [smpp34.Tlv(int(tag), bytes.fromhex(value)) for tag, value in tlvs.items()]
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.came:
                    await self.came.wait_for(lambda: bool(self.bound))
                esme = list(self.bound.values())[-1]
                try:
                    answer = await esme.deliver_sm(to, bytes.fromhex(data), tlvs=pdu, **fields)
                except smpp34.SmppError:
                    await asyncio.sleep(0.02)  # that one is gone, and we aren't told yet
                else:
                    return answer.command_status


def free_port() -> int:
    """A port that nobody has: smpp34's server can't say which one it was given."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def listening(port: int) -> tuple[smpp34.Server, int]:
    """A server at `port`, or at a free one, which another process may snatch before it is ours."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            at = port or free_port()
            server = smpp34.Server("127.0.0.1", at, system_id="SMSC")
            try:
                await server.start()
            except smpp34.SmppError:
                await asyncio.sleep(0.05)
            else:
                return server, at


async def main() -> None:
    server, port = await listening(int(sys.argv[1]))
    with open(sys.argv[2], "a", encoding="utf-8") as log:  # noqa: ASYNC230, PTH123 - a short line
        smsc = Smsc(log)
        serving = asyncio.create_task(smsc.serve(server))
        say({"port": port})
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        tasks = {serving}

        async def one(command: dict[str, Any]) -> None:
            try:
                say({"id": command["id"], "result": await smsc.obey(command)})
            except Exception as error:  # noqa: BLE001 - a test wants to know
                say({"id": command["id"], "error": repr(error)})

        while line := await reader.readline():
            tasks.add(asyncio.create_task(one(json.loads(line))))


def say(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.new_event_loop().run_until_complete(main())
    os._exit(0)
