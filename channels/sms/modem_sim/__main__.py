"""Starts simulated modems; the first line on stdout is `{"port": …, "devices": […]}`.

Each has a pseudo-terminal that a link `DIR/m1`, `DIR/m2`… leads to. The port is for control, by
JSON over HTTP: see `control.py`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from channels.sim_http import bound_port, serve
from channels.sim_log import Log
from channels.sms.modem_sim.control import Control
from channels.sms.modem_sim.terminal import Terminal


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m channels.sms.modem_sim",
        description="Simulated GSM modems on pseudo-terminals.",
    )
    add = parser.add_argument
    add("--links", type=Path, required=True, help="the folder for the devices' names")
    add("--modems", type=int, default=1, help="how many")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="for control; 0 takes a free one")
    add("--log", type=Path, help="append one JSON object a line about everything that happens")
    add("--network-s", type=float, default=0.0, help="the network's time for a part")
    add("--reports", default="prompt", help="manual, prompt, twice or failed")
    add("--until-eof", action="store_true", help="end when stdin does: with whoever started it")
    return parser


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_eof:
        loop.add_reader(sys.stdin, lambda: stop.set() if not os.read(0, 4096) else None)
    log = Log(arguments.log)
    arguments.links.mkdir(parents=True, exist_ok=True)
    names = [f"m{number}" for number in range(1, arguments.modems + 1)]
    terminals = [Terminal(arguments.links / name, log) for name in names]
    control = Control({terminal.modem.name: terminal for terminal in terminals})
    control.change({"network_s": arguments.network_s, "reports": arguments.reports})
    server = await serve(control.handle, host=arguments.host, port=arguments.port)
    devices = [str(terminal.link) for terminal in terminals]
    print(json.dumps({"port": bound_port(server), "devices": devices}), flush=True)  # noqa: T201 - for our parent
    await stop.wait()
    server.close()
    for terminal in terminals:
        terminal.close()
    log.close()


def main() -> None:
    """Read the arguments and serve until SIGINT or SIGTERM."""
    asyncio.run(_run(_parser().parse_args()))


if __name__ == "__main__":
    main()
