"""Calls by Twilio: the same stub of its API is the peer."""

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from channels.base import Outgoing, ReceiptStatus
from tests.contract.case_twilio import TwilioCase, encoded
from tests.contract.peer import HookSample, Taken, Trouble
from tests.contract.twilio_stub import Made

WORDS = {ReceiptStatus.ACCEPTED: "ringing", ReceiptStatus.DELIVERED: "completed"}
SMS_ONLY = {"not-mobile", "unsubscribed", "queue-full"}


class TwilioVoiceCase(TwilioCase):
    name: ClassVar[str] = "twilio-voice"
    type: ClassVar[str] = "twilio-voice"
    troubles: ClassVar[tuple[Trouble, ...]] = tuple(
        trouble for trouble in TwilioCase.troubles if trouble.name not in SMS_ONLY
    )
    hook_words: ClassVar[dict[str, str]] = {"status": "?d=5&a=1&s=20", "key": "?d=5&a=1&s=20&l=en"}

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        made = next(made for made in self._peer.made if made.form["To"] == message.address)
        word = WORDS.get(status, "busy")
        for _ in range(times):
            assert await self._peer.call_progress(made, word, CallDuration="300") == 200

    async def taken(self) -> list[Taken]:
        return [taken_call(made) for made in self._peer.made]

    def hook_samples(self) -> Sequence[HookSample]:
        hooks = {hook.name: hook for hook in self.route.hooks()}
        status = {"CallSid": "CA1", "CallStatus": "no-answer", "To": "+8613800000001"}
        key = {"CallSid": "CA2", "CallStatus": "in-progress", "To": "+8613800000001", "Digits": "3"}
        return [
            HookSample(hooks["status"], self.signed(hooks["status"], encoded(status)), 1),
            HookSample(hooks["key"], self.signed(hooks["key"], encoded(key)), 2),
        ]


def taken_call(made: Made) -> Taken:
    ours = parse_qs(urlsplit(made.form["StatusCallback"]).query)
    said = ET.fromstring(made.form["Twiml"]).findtext("Gather/Say")  # noqa: S314 - our own
    return Taken(int(ours["d"][0]), int(ours["a"][0]), said or "")
