"""Starts the handset simulator; its first line on stdout is `{"port": …}`."""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from channels.sim_http import bound_port, serve
from channels.sim_log import Log
from channels.sms.handset_sim.callbacks import Callbacks
from channels.sms.handset_sim.gateway import Gateway, Settings
from channels.sms.handset_sim.people import Temper, parse_mix

SECRET_VARIABLE = "ALERTD_HANDSETS_SECRET"  # noqa: S105 - a name, not a secret
_DEFAULT_MIX = (
    '{"ack": 0.70, "done": 0.08, "silent": 0.12, "wrong": 0.03, "away": 0.02, "late": 0.02,'
    ' "dead": 0.01, "unreachable": 0.01, "duplicate": 0.01}'
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m channels.sms.handset_sim",
        description="A simulated SMS gateway with simulated phones behind it.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes a free one; it is printed as JSON")
    add("--seed", type=int, default=7, help="the same seed makes the same city")
    add("--log", type=Path, help="append one JSON object a line about everything that happens")
    add("--hook-base", help="alertd's hooks, such as http://127.0.0.1:8080/hooks/sms-1")
    add("--secret", help=f"shared with the route; {SECRET_VARIABLE} keeps it out of ps")
    add("--mix", default=_DEFAULT_MIX, help="JSON: shares of behaviours")
    add("--speed", type=float, default=1.0, help="people are that many times faster")
    add("--answer-median-s", type=float, default=45.0)
    add("--answer-spread", type=float, default=0.8, help="sigma of the lognormal")
    add("--receipt-median-s", type=float, default=2.0)
    add("--receipt-spread", type=float, default=0.5, help="sigma of the lognormal")
    add("--batch", type=int, default=200, help="the most receipts or replies in one post")
    add("--inbox", type=int, default=10_000, help="messages kept for GET /phones; 0 for none")
    add("--until-eof", action="store_true", help="end when stdin does: with whoever started it")
    return parser


async def _run(arguments: argparse.Namespace, settings: Settings, secret: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_eof:
        loop.add_reader(sys.stdin, lambda: stop.set() if not os.read(0, 4096) else None)
    log = Log(arguments.log)
    callbacks = Callbacks(arguments.hook_base, secret, arguments.batch, log)
    callbacks.start()
    gateway = Gateway(settings, secret, callbacks, log)
    server = await serve(gateway.handle, host=arguments.host, port=arguments.port)
    print(json.dumps({"port": bound_port(server)}), flush=True)  # noqa: T201 - for our parent
    await stop.wait()
    server.close()
    await callbacks.close()
    log.close()


def main() -> None:
    """Read the arguments and serve until SIGINT or SIGTERM."""
    parser = _parser()
    arguments = parser.parse_args()
    secret = arguments.secret or os.environ.get(SECRET_VARIABLE)
    if not secret:
        parser.error(f"give --secret or set {SECRET_VARIABLE}")
    if arguments.speed <= 0 or arguments.batch < 1 or arguments.inbox < 0:
        parser.error("--speed must be above 0, --batch 1 or more, --inbox 0 or more")
    try:
        mix = parse_mix(json.loads(arguments.mix))
    except (ValueError, TypeError, AttributeError) as error:
        parser.error(f"--mix: {error}")
    settings = Settings(
        seed=arguments.seed,
        mix=mix,
        temper=Temper(
            answer_median_s=arguments.answer_median_s,
            answer_spread=arguments.answer_spread,
            receipt_median_s=arguments.receipt_median_s,
            receipt_spread=arguments.receipt_spread,
            speed=arguments.speed,
        ),
        inbox=arguments.inbox,
        boot=f"{time.time_ns():x}",
    )
    asyncio.run(_run(arguments, settings, secret))


if __name__ == "__main__":
    main()
