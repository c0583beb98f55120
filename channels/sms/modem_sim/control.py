"""The simulator's control API.

What can be asked for, each answered with how many modems, parts or messages it touched:

    POST /control/modems   {"modem": "m1", …}: fields of `air.Air`; without "modem", all
    POST /control/next     {"modem": "m1", "reference": 250}: the next message's reference
    POST /control/hold     {"to": "+86…"}: messages to that number are taken and not answered
    POST /control/release  {}: they are
    POST /control/reports  {"to": "+86…", "status": 0, "times": 1}: on what was sent there last
    POST /control/receive  {"modem": "m1", "from": "+86…", "text": "…", "at": ms,
                            "part": [reference, total, number]}: "at" and "part" may be missing
    POST /control/store    {"modem": "m1", "pdu": "hex"}: lies in its memory, whatever it is
    POST /control/unplug   {"modem": "m1"}
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from channels.sim_http import Exchange
from channels.sim_log import now_ms
from channels.sms.modem_sim.air import changed
from channels.sms.modem_sim.pdu import Part
from channels.sms.modem_sim.terminal import Terminal


class Control:
    """Obeys the control API for `terminals`, by name."""

    def __init__(self, terminals: Mapping[str, Terminal]) -> None:
        self._terminals = terminals
        self._paths: dict[str, Callable[[dict[str, Any]], int]] = {
            "/control/modems": self.change,
            "/control/next": self._next,
            "/control/hold": self._hold,
            "/control/release": self._release,
            "/control/reports": self._report,
            "/control/receive": self._receive,
            "/control/store": self._store,
            "/control/unplug": self._unplug,
        }

    def handle(self, exchange: Exchange) -> None:
        """Answer one request: 200 with how many it touched, 400 where it can't be read."""
        obey = self._paths.get(exchange.path)
        if obey is None:
            exchange.answer_json(404, {"error": "no such path"})
            return
        try:
            touched = obey(json.loads(exchange.body or b"{}"))
        except (ValueError, KeyError, TypeError) as error:
            exchange.answer_json(400, {"error": repr(error)})
        else:
            exchange.answer_json(200, {"touched": touched})

    def change(self, wanted: dict[str, Any]) -> int:
        """Give the surroundings that are wanted to one modem, or to all."""
        chosen = self._chosen(wanted)
        fields = {name: value for name, value in wanted.items() if name != "modem"}
        for terminal in chosen:
            terminal.modem.change(changed(terminal.modem.air, fields))
        return len(chosen)

    def _chosen(self, wanted: dict[str, Any]) -> list[Terminal]:
        name = wanted.get("modem")
        return list(self._terminals.values()) if name is None else [self._terminals[name]]

    def _next(self, wanted: dict[str, Any]) -> int:
        chosen = self._chosen(wanted)
        for terminal in chosen:
            terminal.modem.next_reference = int(wanted["reference"])
        return len(chosen)

    def _hold(self, wanted: dict[str, Any]) -> int:
        for terminal in self._terminals.values():
            terminal.modem.held.add(str(wanted["to"]))
        return len(self._terminals)

    def _release(self, _: dict[str, Any]) -> int:
        for terminal in self._terminals.values():
            terminal.modem.release()
        return len(self._terminals)

    def _report(self, wanted: dict[str, Any]) -> int:
        number, status = str(wanted["to"]), int(wanted.get("status", 0))
        times = int(wanted.get("times", 1))
        return sum(t.modem.report(number, status, times) for t in self._terminals.values())

    def _receive(self, wanted: dict[str, Any]) -> int:
        given = wanted.get("part")
        part = None if given is None else Part(*map(int, given))
        at = int(wanted.get("at", now_ms()))
        modem = self._terminals[wanted["modem"]].modem
        place = modem.receive(str(wanted["from"]), str(wanted["text"]), part, at)
        return 0 if place is None else 1

    def _store(self, wanted: dict[str, Any]) -> int:
        modem = self._terminals[wanted["modem"]].modem
        return 0 if modem.store(bytes.fromhex(wanted["pdu"])) is None else 1

    def _unplug(self, wanted: dict[str, Any]) -> int:
        chosen = self._chosen(wanted)
        for terminal in chosen:
            terminal.replug()
        return len(chosen)
