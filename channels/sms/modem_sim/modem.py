"""One simulated modem: the AT commands that gammu's driver uses, in PDU mode."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from channels.sim_log import Log, now_ms
from channels.sms.modem_sim import pdu
from channels.sms.modem_sim.air import Air, Mode, Reports
from channels.sms.modem_sim.memory import Memory, tpdu_length

CENTRE = "+8613800571500"
_REFERENCES = 256
_ESCAPE, _END = b"\x1b", b"\x1a"
_ARRIVED, _GIVEN_UP = 0x00, 0x46
_PIN_WANTED, _WRONG_PIN, _NOT_FOUND, _WORN = 11, 16, 321, 320
_MOST_KEPT = 10_000  # submissions that a report may still be asked for
_SILENCE = {Mode.HANG, Mode.DEAF}

_FIXED = {
    "+CGMI": "alertd",
    "+CGMM": "modem_sim",
    "+CGMR": "1.0",
    "+CIMI": "460001234567890",
    "+CSCS=?": '+CSCS: ("GSM","UCS2","IRA")',
    "+CSCS?": '+CSCS: "GSM"',
    "+CNMI=?": "+CNMI: (0-2),(0-3),(0-3),(0-2),(0,1)",
    "+CPMS=?": '+CPMS: ("SM"),("SM"),("SM")',
    "+CMGF=?": "+CMGF: (0,1)",
    "+CMGF?": "+CMGF: 0",
    "+CSCA?": f'+CSCA: "{CENTRE}",145',
    "+COPS?": '+COPS: 0,2,"46000"',
    "+CGATT?": "+CGATT: 1",
}
_TAKEN_AND_IGNORED = re.compile(r"$|E[01]|Z|&F|\+(CMEE|CSCS|CMGF|CREG|CGREG|CMMS|CFUN|CNMI|CSMS)=")


class Modem:
    """Reads commands by `feed` and answers by `write`.

    Args:
        name: For the log.
        log: Everything that was taken goes here before it is answered.
        write: Sends bytes to whoever holds the device.
        unplug: Takes the device away and brings a new one.
    """

    def __init__(
        self, name: str, log: Log, write: Callable[[bytes], None], unplug: Callable[[], None]
    ) -> None:
        self.name = name
        self.air = Air()
        self.next_reference = 0
        self.held: set[str] = set()  # numbers whose messages get no answer yet
        self._memory = Memory()
        self._log = log
        self._write = write
        self._unplug = unplug
        self._deaf = False
        self._wants_pdu = False
        self._buffer = b""
        self._submitted: list[tuple[int, pdu.Submit, int]] = []
        self._answers: list[tuple[str, int]] = []

    def change(self, air: Air) -> None:
        """New surroundings; what was deaf hears again unless they say otherwise."""
        self.air = air
        self._deaf = air.mode is Mode.DEAF

    def feed(self, data: bytes) -> None:
        """Take what was written to the device."""
        if self._deaf:
            self._buffer, self._wants_pdu = b"", False
            return
        self._buffer += data
        while self._step():
            pass

    def release(self) -> None:
        """Answer what was held."""
        self.held.clear()
        answers, self._answers = self._answers, []
        for _, reference in answers:
            self._answer(f"+CMGS: {reference}", "OK")

    def receive(self, sender: str, text: str, part: pdu.Part | None, at: int) -> int | None:
        """A message comes from the network; where it was stored."""
        return self.store(pdu.deliver(sender, text, pdu.of_ms(at), centre=CENTRE, part=part))

    def report(self, number: str, status: int, times: int) -> int:
        """Report on the parts that went to `number` last; how many parts that were."""
        mine = [entry for entry in self._submitted if entry[1].number == number]
        last = mine[-1:]
        if last and (part := last[0][1].part):
            last = [e for e in mine if e[1].part and e[1].part.reference == part.reference]
        for entry in last:
            for _ in range(times):
                self._report(entry, status)
        return len(last)

    def _step(self) -> bool:
        """Do what can be done with the buffer; False when more must come first."""
        if self._wants_pdu:
            return self._step_pdu()
        line, found, rest = self._buffer.partition(b"\r")
        if not found:
            return False
        self._buffer = rest
        self._write(line + b"\r")  # its echo
        command = line.replace(_ESCAPE, b"").decode("latin-1").strip()
        if command:
            self._obey(command)
        return not self._deaf

    def _step_pdu(self) -> bool:
        ends = [at for at in map(self._buffer.find, (_ESCAPE, _END)) if at >= 0]
        if not ends:
            return False
        at = min(ends)
        given, end, self._buffer = (
            self._buffer[:at],
            self._buffer[at : at + 1],
            self._buffer[at + 1 :],
        )
        self._wants_pdu = False
        if end == _END:
            self._submit(given)
        return not self._deaf

    def _obey(self, command: str) -> None:
        verb = command.upper().removeprefix("AT")
        if not command.upper().startswith("AT"):
            self._answer("ERROR")
        elif (handler := self._handler(verb)) is not None:
            handler(verb.partition("=")[2])
        elif verb in _FIXED:
            self._answer(_FIXED[verb], "OK")
        else:
            self._answer("OK" if _TAKEN_AND_IGNORED.match(verb) else "ERROR")

    def _handler(self, verb: str) -> Callable[[str], None] | None:
        handlers = {
            "+CPIN?": self._ask_pin,
            "+CSQ": lambda _: self._answer(f"+CSQ: {self.air.signal},99", "OK"),
            "+CGSN": lambda _: self._answer("49015420323751", "OK"),
            "+CREG?": lambda _: self._say_registration("+CREG"),
            "+CGREG?": lambda _: self._say_registration("+CGREG"),
            "+CPMS?": self._say_memory,
            "+CPIN=": self._give_pin,
            "+CPMS=": self._choose_memory,
            "+CMGL=": lambda _: self._answer(*self._memory.list(), "OK"),
            "+CMGR=": self._read,
            "+CMGD=": self._delete,
            "+CMGS=": lambda _: self._begin(),
            "+CUSD=": self._ussd,
        }
        if verb in {"+CPMS=?", "+CMGL=?"}:
            return None
        name, equals, _ = verb.partition("=")
        return handlers.get(name + equals)

    def _ask_pin(self, _: str) -> None:
        self._answer("+CPIN: SIM PIN" if self.air.pin else "+CPIN: READY", "OK")

    def _give_pin(self, given: str) -> None:
        right = given.strip('"') == self.air.pin
        self._log.write("pin", modem=self.name, right=right)
        if right:
            self.air = replace(self.air, pin="")
        self._answer("OK" if right else f"+CME ERROR: {_WRONG_PIN}")

    def _say_registration(self, what: str) -> None:
        state = 1 if self.air.registered else 2
        self._answer(f'{what}: 2,{state},"1A2B","3C4D"', "OK")

    def _say_memory(self, _: str) -> None:
        used = f'"SM",{self._memory.used()}'
        self._answer(f"+CPMS: {used},{used},{used}", "OK")

    def _choose_memory(self, _: str) -> None:
        if self.air.pin:
            self._answer(f"+CMS ERROR: {311}")
            return
        used = self._memory.used()
        self._answer(f"+CPMS: {used},{used},{used}", "OK")

    def _read(self, place: str) -> None:
        found = self._memory.read(int(place)) if place.isdigit() else None
        self._answer(*([found, "OK"] if found else [f"+CMS ERROR: {_NOT_FOUND}"]))

    def _delete(self, place: str) -> None:
        asyncio.get_running_loop().call_later(self.air.erase_s, self._erase, place)

    def _erase(self, place: str) -> None:
        if place == str(self.air.worn):
            self._answer(f"+CMS ERROR: {_WORN}")
            return
        gone = place.isdigit() and self._memory.delete(int(place))
        self._log.write("deleted", modem=self.name, place=place, found=gone)
        self._answer("OK" if gone else f"+CMS ERROR: {_NOT_FOUND}")

    def _ussd(self, given: str) -> None:
        self._answer("OK")
        if given.startswith("1,"):
            self._log.write("ussd", modem=self.name)
            self._answer(f'+CUSD: 0,"{self.air.credit}",15')

    def _begin(self) -> None:
        if self.air.mode is not Mode.NO_PROMPT:
            self._wants_pdu = True
            self._write(b"\r\n> ")

    def _submit(self, given: bytes) -> None:
        try:
            message = pdu.read_submit(bytes.fromhex(given.decode("ascii").strip()))
        except ValueError as error:
            self._log.write("not-read", modem=self.name, why=str(error))
            self._answer("+CMS ERROR: 304")
            return
        refused = self.air.pin or self.air.mode is Mode.REFUSE
        reference = self.next_reference
        self._note(message, reference, taken=not refused)
        if refused:
            code = 311 if self.air.pin else self.air.code
            self._later(lambda: self._answer(f"+CMS ERROR: {code}"))
            return
        self.next_reference = (reference + 1) % _REFERENCES
        entry = (reference, message, now_ms())
        self._submitted = [*self._submitted[-_MOST_KEPT:], entry]
        if message.number in self.held:
            self._answers.append((message.number, reference))
            return
        self._deaf = self.air.mode in _SILENCE
        self._later(lambda: self._end(entry))

    def _note(self, message: pdu.Submit, reference: int, *, taken: bool) -> None:
        part = message.part
        self._log.write(
            "message",
            modem=self.name,
            to=message.number,
            text=message.text,
            reference=reference,
            part=None if part is None else [part.reference, part.total, part.number],
            ucs2=message.ucs2,
            report=message.wants_report,
            validity=message.validity,
            taken=taken,
        )

    def _end(self, entry: tuple[int, pdu.Submit, int]) -> None:
        mode, reference = self.air.mode, entry[0]
        if mode is Mode.GARBAGE:
            self._write(b'\r\n\x00\xff+C\x8dGS: \xfe\xfe,,"\r\n')
        elif mode is Mode.UNPLUG:
            self._unplug()
        elif mode is Mode.BARE:
            self._answer("OK")
        elif mode not in {Mode.LOST, Mode.HANG}:
            self._answer(f"+CMGS: {reference}", "OK")
        if entry[1].wants_report and self.air.reports is not Reports.MANUAL:
            status = _GIVEN_UP if self.air.reports is Reports.FAILED else _ARRIVED
            for _ in range(2 if self.air.reports is Reports.TWICE else 1):
                self._report(entry, status)

    def _report(self, entry: tuple[int, pdu.Submit, int], status: int) -> None:
        reference, message, at = entry
        sent, done = pdu.of_ms(at), pdu.of_ms(now_ms())
        self._log.write("report", modem=self.name, reference=reference, status=status)
        data = pdu.report(reference, message.number, sent, done, status, centre=CENTRE)
        if self.air.stored_reports:
            self.store(data)
        else:
            self._write(
                b"\r\n+CDS: %d\r\n%s\r\n" % (tpdu_length(data), data.hex().upper().encode())
            )

    def store(self, data: bytes) -> int | None:
        """Put a PDU into memory, and say so; where it lies."""
        place = self._memory.put(data)
        self._log.write("stored", modem=self.name, place=place)
        if place is not None and not self._deaf:
            self._write(b'\r\n+CMTI: "SM",%d\r\n' % place)
        return place

    def _later(self, what: Callable[[], Any]) -> None:
        asyncio.get_running_loop().call_later(self.air.network_s, what)

    def _answer(self, *lines: str) -> None:
        self._write("".join(f"\r\n{line}\r\n" for line in lines).encode("latin-1", "replace"))
