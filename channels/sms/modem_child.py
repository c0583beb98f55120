"""One GSM modem's own process: the only place where gammu (GPL) is imported.

Run as a file by a bare interpreter; it imports nothing of alertd. It speaks JSON lines: settings
come as the first line on stdin, then orders, each with an `op` and an `id`; on stdout it says what
happened, each with an `event`. It holds nothing that isn't also with its parent or on the SIM, may
be killed at any moment, and ends when its parent does.

Nothing here is tried twice. `begun` is said before a part is given to gammu, so that a parent who
hasn't heard it knows that the modem can't have the part; after it only `sent`, or a `failed` that
says `submitted: false`, tells what became of the part.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import queue
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

EXIT_DEVICE = 74  # EX_IOERR: the device is away, or somebody else holds it
EXIT_MISSING = 69  # EX_UNAVAILABLE: gammu isn't installed
_PR_SET_PDEATHSIG = 1
_IDLE_MS, _SOON_MS = 500, 20
_MOST_MESSAGES, _USSD_PATIENCE_S = 500, 20.0
_GONE = {"ERR_DEVICEREADERROR", "ERR_DEVICEWRITEERROR", "ERR_DEVICENOTEXIST", "ERR_NOTCONNECTED"}
_NUMBERED = re.compile(r"CM([SE]) Error (\d+)", re.IGNORECASE)
_BARE_NUMBER = re.compile(r"^Error (\d+)$", re.MULTILINE)
_BYTES = re.compile(r'^(?:\d+ ")?((?:[0-9A-F]{2}){16,})"?\s*$', re.MULTILINE)
# What gammu logs of a memory that it has listed: one line for each message's place.
_LISTING = re.compile(r"(?ms)^SMS listing received$(.*?)^Read \d+ SMS locations$")
_PLACE = re.compile(r"-> SMS folder 0 & location (\d+)$", re.MULTILINE)
_AMOUNT = re.compile(r"\d+[.,]\d{2}\b")
_INBOX = 0  # all folders


def say(event: str, **fields: Any) -> None:
    """Tell the parent; one write, so that a kill leaves a whole line or none."""
    os.write(1, json.dumps({"event": event, **fields}).encode() + b"\n")


class Protocol:
    """What gammu writes about its talk with the modem, kept in memory until it was looked at.

    Its errors hide the modem's own numbers and whether a message was handed over; its log has both.
    """

    def __init__(self) -> None:
        self._fd = os.memfd_create("gammu-log")
        self.file = os.fdopen(os.dup(self._fd), "w")

    def forget(self) -> None:
        """Begin anew."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)

    def read(self) -> str:
        """All since then."""
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0).decode("utf-8", "replace")


class Child:
    """Obeys orders, and passes on what the modem says by itself.

    Args:
        gammu: The library.
        settings: `device`, `connection`, `model`, `cnmi`, `sim_pin`, `smsc`, `ussd`; the last three
            may be None.
    """

    def __init__(self, gammu: Any, settings: dict[str, Any]) -> None:
        self._gammu = gammu
        self._settings = settings
        self._machine = gammu.StateMachine()
        self._protocol = Protocol()
        self._smsc = settings["smsc"]
        self._credit: str | None = None
        self._ops: dict[str, Callable[[dict[str, Any]], None]] = {
            "send": self._send,
            "inbox": self._inbox,
            "delete": self._delete,
            "check": self._check,
            "credit": self._ask_credit,
        }

    def open(self) -> None:
        """Find the modem and prepare it; says `ready`, or `closed` with the SIM's wish."""
        machine, settings = self._machine, self._settings
        with _as_file(_gammurc(settings)) as path:
            machine.ReadConfig(0, 0, path)
        machine.Init()
        machine.SetDebugFile(self._protocol.file)
        machine.SetDebugLevel("textall")
        self._unlock()
        machine.SetIncomingCallback(self._heard)
        for prepare in (machine.SetIncomingSMS, machine.SetIncomingUSSD):
            try:
                prepare(True)  # noqa: FBT003 - gammu's own
            except self._gammu.GSMError as error:
                # No reports by themselves, then; what is stored is polled for all the same.
                say("note", code=_name(error))
        if self._smsc is None:
            with contextlib.suppress(self._gammu.GSMError):
                self._smsc = machine.GetSMSC(Location=1)["Number"] or None
        say("ready", smsc=self._smsc is not None)

    def obey(self, order: dict[str, Any]) -> None:
        """Do one order; a failure of it is told and is not the end."""
        self._protocol.forget()
        try:
            self._ops[order["op"]](order)
        except self._gammu.GSMError as error:
            number = _number(self._protocol.read())
            say("failed", id=order["id"], code=_name(error), number=number)
            if _name(error) in _GONE:
                sys.exit(EXIT_DEVICE)

    def listen(self) -> bool:
        """Read what the modem says by itself, which the callback gets; whether there was any."""
        return bool(self._machine.ReadDevice(False) > 0)  # noqa: FBT003 - gammu's own

    def _unlock(self) -> None:
        try:
            wanted = self._machine.GetSecurityStatus()
        except self._gammu.GSMError as error:
            say("note", code=_name(error))
            return
        if wanted is None:
            return
        # A wrong PIN is never given twice: the third time the card wants its PUK. The parent
        # remembers what `pin-wrong` means for the next child.
        pin = self._settings["sim_pin"]
        if wanted != "PIN" or pin is None:
            say("closed", code=f"sim-wants-{wanted.lower()}")
            sys.exit(0)
        say("pin-given")
        try:
            self._machine.EnterSecurityCode(Type="PIN", Code=pin)
        except self._gammu.GSMError:
            say("closed", code="pin-wrong")
            sys.exit(0)
        say("pin-right")

    def _send(self, order: dict[str, Any]) -> None:
        part = order.get("part")
        message: dict[str, Any] = {
            "Number": order["to"],
            # In UCS-2 gammu takes a tilde for a sign of Nokia's, and two for one tilde.
            "Text": order["text"].replace("~", "~~") if order["ucs2"] else order["text"],
            "Coding": "Unicode_No_Compression" if order["ucs2"] else "Default_No_Compression",
            "Type": "Status_Report",
            "Class": -1,
            # The validity that counts is the one in here; without it a message lives five minutes.
            "SMSC": {"Number": self._smsc, "Validity": f"{order['validity_min']}M"}
            if self._smsc
            else {"Location": 1},
        }
        if part is not None:
            reference, total, number = part
            message["UDH"] = {
                "Type": "ConcatenatedMessages",
                "ID8bit": reference,
                "ID16bit": -1,
                "PartNumber": number,
                "AllParts": total,
                "Text": bytes([5, 0, 3, reference, total, number]),
            }
        say("begun", id=order["id"])
        try:
            reference = self._machine.SendSMS(message)
        except self._gammu.GSMError as error:
            said = self._protocol.read()
            touched = "Waiting for modem prompt" not in said or "Sending SMS" in said
            failed = {"code": _name(error), "number": _number(said), "submitted": touched}
            say("failed", id=order["id"], **failed)
            if _name(error) in _GONE:
                sys.exit(EXIT_DEVICE)
        else:
            say("sent", id=order["id"], reference=reference)

    def _inbox(self, order: dict[str, Any]) -> None:
        found: list[dict[str, Any]] = []
        where: dict[str, Any] = {"Start": True}
        left, unreadable = list[int](), 0  # left: places that gammu has listed and not read yet
        while len(found) < _MOST_MESSAGES:
            self._protocol.forget()
            try:
                (message, *_) = self._machine.GetNextSMS(Folder=_INBOX, **where)
            except self._gammu.GSMError as error:  # one that can't be read mustn't hide the others
                left = _still_listed(self._protocol.read(), left)
                if not left and _name(error) == "ERR_EMPTY":
                    break
                if not left or _name(error) in {*_GONE, "ERR_TIMEOUT"}:
                    raise
                unreadable += 1
                where = {"Location": left.pop(0)}
                continue
            said = self._protocol.read()
            left = _still_listed(said, left)[1:]
            if message["InboxFolder"]:
                found.append(_plain(message, said))
            where = {"Location": message["Location"]}
        say("inbox", id=order["id"], messages=found, unreadable=unreadable)

    def _delete(self, order: dict[str, Any]) -> None:
        # What lies there now may be another message: the SIM was changed, or gave the place away.
        for place, key in order["places"]:
            self._protocol.forget()
            try:
                (there, *_) = self._machine.GetSMS(Folder=_INBOX, Location=place)
                if _plain(there, self._protocol.read())["key"] == key:
                    self._machine.DeleteSMS(Folder=_INBOX, Location=place)
            except self._gammu.GSMError as error:  # a place that is worn out keeps back no other
                if _name(error) in {*_GONE, "ERR_TIMEOUT"}:
                    raise
        say("deleted", id=order["id"])

    def _check(self, order: dict[str, Any]) -> None:
        """Each by itself: a modem that can't say one thing may say another."""
        found: dict[str, Any] = {}
        for name, ask in (
            ("signal", lambda: self._machine.GetSignalQuality()["SignalPercent"]),
            ("network", lambda: self._machine.GetNetworkInfo()["State"]),
            ("memory", self._memory),
        ):
            try:
                found[name] = ask()
            except self._gammu.GSMError as error:
                found[name] = None
                found[f"{name}_code"] = _name(error)
                if _name(error) in _GONE:
                    sys.exit(EXIT_DEVICE)
        say("checked", id=order["id"], **found)

    def _memory(self) -> list[int]:
        status = self._machine.GetSMSStatus()
        return [status["SIMUsed"] + status["PhoneUsed"], status["SIMSize"] + status["PhoneSize"]]

    def _ask_credit(self, order: dict[str, Any]) -> None:
        self._credit = None
        self._machine.DialService(self._settings["ussd"])
        until = time.monotonic() + _USSD_PATIENCE_S
        while self._credit is None and time.monotonic() < until:
            self._machine.ReadDevice(True)  # noqa: FBT003 - gammu's own
        # The network's whole answer may hold the SIM's number: only its amount goes on.
        amount = _AMOUNT.search(self._credit or "")
        say("credit", id=order["id"], amount=amount and amount.group())

    def _heard(self, _: Any, kind: str, data: Any) -> None:
        if kind == "USSD":
            self._credit = str(data.get("Text", ""))
        elif kind == "SMS" and data.get("Type") == "Status_Report" and "Text" in data:
            say("report", **_plain(data))
        elif kind == "SMS":
            say("arrived")


def _plain(message: dict[str, Any], said: str = "") -> dict[str, Any]:
    """A message as JSON.

    Args:
        message: gammu's reading of it.
        said: What gammu logged meanwhile: the last bytes in it are the message's own.

    `key` says whether it is the same one again.
    """
    udh = message["UDH"]
    long = udh["AllParts"] > 1 and udh["PartNumber"] > 0
    reference = udh["ID16bit"] if udh["ID16bit"] > 0 else udh["ID8bit"]
    report = message["Type"] == "Status_Report"
    raw = _BYTES.findall(said)
    plain = {
        "report": report,
        "from": message["Number"],
        "text": message["Text"] if isinstance(message["Text"], str) else "",
        "pdu": raw[-1] if raw else None,
        "at": _ms(message["DateTime"]),
        # Of any other message gammu leaves these as they happen to be.
        "done_at": _ms(message["SMSCDateTime"]) if report else None,
        "reference": message["MessageReference"] if report else None,
        "status": message["DeliveryStatus"] if report else None,
        "part": [reference, udh["AllParts"], udh["PartNumber"]] if long else None,
    }
    same = hashlib.sha256((plain["pdu"] or json.dumps(plain, sort_keys=True)).encode())
    return {"place": message["Location"], "key": same.hexdigest()[:32], **plain}


def _still_listed(said: str, left: list[int]) -> list[int]:
    """The places that are still to be read: of a new listing that gammu logged, or those left."""
    return list(map(int, _PLACE.findall(found[-1]))) if (found := _LISTING.findall(said)) else left


def _ms(at: Any) -> int | None:
    return int(at.timestamp() * 1000) if isinstance(at, datetime) else None


def _name(error: Any) -> str:
    return type(error).__name__


def _number(said: str) -> str | None:
    """The modem's own number of its last error, as `cms-38`."""
    if numbered := _NUMBERED.findall(said):
        kind, number = numbered[-1]
        return f"cm{kind.lower()}-{number}"
    return f"cms-{bare[-1]}" if (bare := _BARE_NUMBER.findall(said)) else None


def _gammurc(settings: dict[str, Any]) -> str:
    lines = {name: settings[name] for name in ("device", "connection", "model")}
    lines |= {"synctime": "no", "atgen_setcnmi": settings["cnmi"]}
    return "[gammu]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items() if value)


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[str]:
    with os.fdopen(os.memfd_create("gammurc"), "wb", buffering=0) as file:
        file.write(text.encode())
        yield f"/proc/self/fd/{file.fileno()}"


def _ear(device: str) -> int | None:
    """The device opened once more and watched: gammu doesn't give its own descriptor away.

    Before gammu takes it for itself (TIOCEXCL and a lock), so that no second process sends by it.
    """
    if not os.path.exists(device) or os.path.isdir(device):  # noqa: PTH110, PTH112 - bare interpreter
        return None
    descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    if os.isatty(descriptor):
        threading.Thread(target=_watch, args=(descriptor,), daemon=True).start()
        return descriptor
    os.close(descriptor)
    return None


def _read_orders(lines: Any, orders: "queue.SimpleQueue[dict[str, Any]]", bell: int) -> None:
    for line in lines:
        orders.put(json.loads(line))
        os.write(bell, b".")
    os._exit(0)  # the parent has gone; whatever gammu waits for, nobody wants it


def _watch(device: int) -> None:
    """End with the device: for the answer of one that was taken away gammu waits half a minute."""
    (hung_up := select.poll()).register(device, 0)
    hung_up.poll()
    say("closed", code="err-devicenotexist")
    os._exit(EXIT_DEVICE)


def _serve(child: Child, device: int | None) -> None:
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    listening, bell = os.pipe()
    threading.Thread(target=_read_orders, args=(sys.stdin, orders, bell), daemon=True).start()
    waiting = select.poll()
    waiting.register(listening, select.POLLIN)
    if device is not None:
        waiting.register(device, select.POLLIN)
    more = False
    while True:
        # Gammu may keep back the second of two reports that came together until it is asked again.
        if listening in dict(waiting.poll(_SOON_MS if more else _IDLE_MS)):
            os.read(listening, 1)
            child.obey(orders.get())
        more = child.listen()


def main() -> None:
    """Serve until stdin ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    settings = json.loads(sys.stdin.readline())
    try:
        import gammu  # noqa: PLC0415 - GPL: here and nowhere else
    except ImportError:
        say("closed", code="gammu-missing")
        sys.exit(EXIT_MISSING)
    child = Child(gammu, settings)
    try:
        device = _ear(settings["device"])
        child.open()
    except OSError as error:
        say("closed", code=f"device-{os.strerror(error.errno or 0).lower().replace(' ', '-')}")
        sys.exit(EXIT_DEVICE)
    except gammu.GSMError as error:
        say("closed", code=_name(error).lower().replace("_", "-"))
        sys.exit(EXIT_DEVICE)
    _serve(child, device)


if __name__ == "__main__":
    main()
