"""A chat group's receiver, simulated: checks the signature, writes its log, and can misbehave.

`python -m channels.chat.receiver_sim --log FILE`; its first line on stdout is `{"port": …}`. Every
path under `/groups/` is a group. `POST /control/mode` with `mode`, and perhaps `group`, says what
it does from then on; `POST /control/release` answers what was held. GET /stats counts.
"""

import argparse
import asyncio
import collections
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from channels.sim_http import Exchange, bound_port, serve
from channels.sim_log import Log

SECRET_VARIABLE = "ALERTD_RECEIVER_SECRET"  # noqa: S105 - a name, not a secret

# Modes: the message is taken and …
_TAKES = {"ok", "hang", "drop", "noise", "slow-body", "flood"}
# … or it isn't, and the answer says so.
_TURNS_AWAY = {
    "unavailable": (503, {}),
    "throttle": (429, {"retry-after": "7"}),
    "broken": (500, {}),
    "refuse": (400, {}),
    "forbidden": (403, {}),
    "gone": (410, {}),
    "redirect": (302, {"location": "/groups/elsewhere"}),
}
_MOST_HELD = 10_000  # callers that gave up long ago needn't be remembered
_FLOOD_BYTES = 16 * 1024 * 1024


class Receiver:
    """Answers `/groups/…`, `/control/…` and `/stats`."""

    def __init__(self, secret: str, log: Log) -> None:
        self._webhook = Webhook(secret if secret.startswith("whsec_") else secret.encode())
        self._log = log
        self._mode = "ok"
        self._group_modes: dict[str, str] = {}
        self._held: collections.deque[Exchange] = collections.deque(maxlen=_MOST_HELD)
        self._counts: collections.Counter[str] = collections.Counter()

    def handle(self, exchange: Exchange) -> None:
        """Answer one request; hand this to `sim_http.serve`."""
        route = (exchange.method, *exchange.path.strip("/").split("/"))
        match route:
            case ("POST", "groups", group):
                self._message(exchange, group)
            case ("POST", "control", "mode"):
                self._set_mode(exchange, json.loads(exchange.body))
            case ("POST", "control", "release"):
                while self._held:
                    self._held.popleft().answer(204)
                exchange.answer_json(200, {"ok": True})
            case ("GET", "stats"):
                exchange.answer_json(200, dict(self._counts))
            case _:
                exchange.answer_json(404, {"error": "no-such-path"})

    def _set_mode(self, exchange: Exchange, fields: dict[str, Any]) -> None:
        mode = str(fields.get("mode", "ok"))
        if mode not in _TAKES and mode not in _TURNS_AWAY:
            exchange.answer_json(400, {"error": "no-such-mode"})
            return
        if "group" in fields:
            self._group_modes[str(fields["group"])] = mode
        else:
            self._mode, self._group_modes = mode, {}
        exchange.answer_json(200, {"ok": True})

    def _message(self, exchange: Exchange, group: str) -> None:
        try:
            event = self._webhook.verify(exchange.body, dict(exchange.headers))
            data = event["data"]
        except (WebhookVerificationError, ValueError, TypeError, KeyError):
            self._counts["forged"] += 1
            self._log.write("forged", group=group)
            exchange.answer_json(401, {"error": "bad-signature"})
            return
        mode = self._group_modes.get(group, self._mode)
        self._counts[mode] += 1
        webhook_id = exchange.headers["webhook-id"]
        taken = mode in _TAKES
        self._log.write(
            "message", group=group, taken=taken, result=mode, webhook_id=webhook_id, **data
        )
        if taken:
            self._answer(exchange, mode)
        else:
            status, headers = _TURNS_AWAY[mode]
            exchange.answer(status, b"{}", headers=headers)

    def _answer(self, exchange: Exchange, mode: str) -> None:
        match mode:
            case "hang":
                self._held.append(exchange)
            case "drop":
                exchange.drop()
            case "noise":
                exchange.answer_raw(b"\x16\x03\x01\x00nonsense\r\n\r\n")
            case "flood":
                exchange.answer(200, b"x" * _FLOOD_BYTES)
            case "slow-body":
                exchange.answer_start(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{")
            case _:
                exchange.answer(204)


async def _run(arguments: argparse.Namespace, secret: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_eof:
        loop.add_reader(sys.stdin, lambda: stop.set() if not os.read(0, 4096) else None)
    log = Log(arguments.log)
    server = await serve(Receiver(secret, log).handle, host=arguments.host, port=arguments.port)
    print(json.dumps({"port": bound_port(server)}), flush=True)  # noqa: T201 - for our parent
    await stop.wait()
    server.close()
    log.close()


def main() -> None:
    """Read the arguments and serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m channels.chat.receiver_sim",
        description="A simulated receiver of chat groups' webhooks.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes a free one; it is printed as JSON")
    add("--log", type=Path, help="append one JSON object a line about everything that happens")
    add("--secret", help=f"every group's; {SECRET_VARIABLE} keeps it out of ps")
    add("--until-eof", action="store_true", help="end when stdin does: with whoever started it")
    arguments = parser.parse_args()
    secret = arguments.secret or os.environ.get(SECRET_VARIABLE)
    if not secret:
        parser.error(f"give --secret or set {SECRET_VARIABLE}")
    asyncio.run(_run(arguments, secret))


if __name__ == "__main__":
    main()
