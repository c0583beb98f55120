"""Simulated loudspeakers in a process of their own, each with a real MQTT connection.

`python -m channels.loudspeaker.terminal_sim --help` says how to start it. The first line on stdout
is `{"ready": true, "terminals": …, "online": …}`, printed when all are online or when
`--patience-s` is over.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from alertd.errors import AlertdError
from channels.loudspeaker.accounts import Account, Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.commands import is_terminal_id
from channels.loudspeaker.keys import read_public
from channels.loudspeaker.terminal_world import (
    DEFAULT_MIX,
    Behaviour,
    Conditions,
    Log,
    SimTerminal,
    behaviour_of,
    read_mix,
)

BROKER_VARIABLE = "ALERTD_TERMINALS_BROKER"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m channels.loudspeaker.terminal_sim",
        description="Simulated loudspeakers: real MQTT clients that obey signed commands.",
    )
    add = parser.add_argument
    add("--broker", help=f"mqtt://user:password@host:port; {BROKER_VARIABLE} keeps it out of ps")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--terminals", type=Path, help="a file with an id a line, `ID` or `ID,ok`")
    who.add_argument("--count", type=int, help="so many, called sim-1, sim-2 …")
    add("--verify-key", action="append", required=True, help="base64; may stand more than once")
    add("--seed", type=int, default=7, help="the same seed gives the same behaviours")
    add("--mix", default=json.dumps(DEFAULT_MIX), help="JSON: shares of behaviours")
    add("--log", type=Path, help="append one JSON object a line about everything that happens")
    add("--speed", type=float, default=1.0, help="playing is that many times faster")
    add("--keepalive-s", type=int, default=15)
    add("--heartbeat-s", type=float, default=60.0, help="how often each tells its state")
    add(
        "--accounts",
        type=Path,
        help="a broker's terminals.json: each logs in with its own password, and obeys its areas",
    )
    add("--area", action="append", default=[], help="they obey its commands; more than one may be")
    add("--patience-s", type=float, default=30.0, help="how long to wait for all to be online")
    add("--until-eof", action="store_true", help="end when stdin does: with whoever started it")
    return parser


def _population(arguments: argparse.Namespace) -> dict[str, Behaviour]:
    mix = read_mix(arguments.mix)
    if arguments.count is not None:
        lines = [f"sim-{number}" for number in range(1, arguments.count + 1)]
    else:
        lines = arguments.terminals.read_text("utf-8").split()
    population = {}
    for line in lines:
        name, _, behaviour = line.partition(",")
        if not is_terminal_id(name):
            raise ValueError("a terminal's id has other characters than letters, digits, _ and -")
        drawn = Behaviour(behaviour) if behaviour else behaviour_of(name, arguments.seed, mix)
        population[name] = drawn
    return population


def _accounts(file: Path | None) -> dict[str, Account]:
    return {} if file is None else Accounts(file.parent).all()


async def _run(
    population: dict[str, Behaviour], conditions: Conditions, arguments: argparse.Namespace
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_eof:
        try:
            loop.add_reader(sys.stdin, lambda: stop.set() if not os.read(0, 4096) else None)
        except PermissionError:  # /dev/null or a file: it has ended already
            stop.set()
    log = Log(arguments.log)
    terminals = [
        SimTerminal(name, behaviour, conditions, log) for name, behaviour in population.items()
    ]
    for terminal in terminals:
        await terminal.start()
    await _all_up(terminals, stop, arguments.patience_s)
    online = sum(terminal.up for terminal in terminals)
    ready = {"ready": True, "terminals": len(terminals), "online": online}
    print(json.dumps(ready), flush=True)  # noqa: T201 - for our parent
    await stop.wait()
    await asyncio.gather(*(terminal.close() for terminal in terminals))
    log.close()


async def _all_up(terminals: list[SimTerminal], stop: asyncio.Event, patience_s: float) -> None:
    until = asyncio.get_running_loop().time() + patience_s
    # One without power comes no more: what it was told before the last end it is told again.
    while not all(terminal.up or terminal.dead for terminal in terminals):
        if stop.is_set() or asyncio.get_running_loop().time() > until:
            return
        await asyncio.sleep(0.02)


def main() -> None:
    """Read the arguments and go on until SIGINT or SIGTERM."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.speed <= 0:
        parser.error("--speed must be above 0")
    try:
        conditions = Conditions(
            BrokerAddress.from_url(arguments.broker or os.environ.get(BROKER_VARIABLE, "")),
            dict(read_public(text) for text in arguments.verify_key),
            speed=arguments.speed,
            keepalive_s=arguments.keepalive_s,
            heartbeat_s=arguments.heartbeat_s,
            areas=tuple(arguments.area),
            accounts=_accounts(arguments.accounts),
        )
        population = _population(arguments)
    except (AlertdError, OSError, TypeError, ValueError) as error:
        parser.error(str(error))
    asyncio.run(_run(population, conditions, arguments))


if __name__ == "__main__":
    main()
