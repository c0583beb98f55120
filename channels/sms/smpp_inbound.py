"""What the gateway brings: replies, in one part or several, and receipts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from channels.base import Receipt, Reply, Sink
from channels.hook_reading import message_text
from channels.sms import smpp_codes as codes
from channels.sms import smpp_pdus as pdus
from channels.sms.smpp_inbox import Answer, Inbox
from channels.sms.smpp_joining import Joined, Joining
from channels.sms.smpp_names import Names, fingerprint
from channels.sms.smpp_numbers import incoming_number, is_subscribers
from channels.sms.smpp_receipts import ReceiptWord, is_receipt, read_receipt
from channels.sms.smpp_session import Session
from channels.sms.smpp_settings import SmppSettings
from channels.sms.smpp_text import Place, decode, place_in_header, sound_place
from channels.sms.smpp_tries import Tries

_log = structlog.get_logger(__name__)

_EARLY_PATIENCE_S = 4.0  # gateways wait ten seconds and more for an answer
_AGAIN_S = 2.0
_HAS_HEADER = 0x40  # esm_class, SMPP 3.4, 5.2.12


@dataclass(frozen=True, slots=True)
class _Told:
    """A receipt, and how long it may wait for the answer that names its message."""

    word: ReceiptWord
    addresses: tuple[str, ...] = field(repr=False)
    answer: Answer
    until: float


class Inbound:
    """Replies and receipts of one route.

    Args:
        route: The route's name, for the sink.
        sink: Returns once events are committed.
        settings: Our own number, the region, and the TLV that carries our numbers.
        tries: Who a receipt is about.
        fresh: A word that no other call returns, nor did in an earlier process.
    """

    def __init__(
        self, route: str, sink: Sink, settings: SmppSettings, tries: Tries, fresh: Callable[[], str]
    ) -> None:
        self._route = route
        self._settings = settings
        self._tries = tries
        self._names = Names(fresh)
        self._joining = Joining(lambda looks: f"m-{fingerprint(looks).hex()}")
        self._early: list[_Told] = []
        self._nobodys = 0
        self._inbox = Inbox(route, sink, self._glance)

    def start(self) -> None:
        """Begin to hand on."""
        self._loop = asyncio.get_running_loop()
        self._inbox.start()

    async def close(self) -> None:
        """End; what isn't committed stays unanswered, and the gateway brings it again."""
        await self._inbox.close()

    def take(self, session: Session, sequence: int, raw: bytes) -> None:
        """A deliver_sm has come."""
        answer = partial(session.answer, "deliver_sm_resp", sequence)
        if not self._inbox.open:
            answer(codes.QUEUE_FULL)
            return
        try:
            message = pdus.read_deliver(raw)
        except pdus.MalformedPduError:
            _log.warning("smpp-unreadable-message", route=self._route)
            answer(codes.REJECTED)
            return
        if is_receipt(message):
            word = read_receipt(message, self._settings.reference_tlv)
            until = self._loop.time() + _EARLY_PATIENCE_S
            self._take_receipt(_Told(word, (message.source, message.destination), answer, until))
        else:
            self._take_reply(session, sequence, message)

    def put(self, receipt: Receipt) -> None:
        """A word of our own: tried until it is stored."""

        def again(status: int) -> None:
            if status != codes.OK:
                self._loop.call_later(_AGAIN_S, self.put, receipt)

        self._inbox.put([receipt], again)

    def look_again(self) -> None:
        """A submit was answered: a receipt about it may have come before."""
        early, self._early = self._early, []
        for told in early:
            self._take_receipt(told)

    def _take_receipt(self, told: _Told) -> None:
        word, answer = told.word, told.answer
        to = told.addresses
        names = (word.message_id, word.reference, word.ours, to)
        phone = any(map(self._is_subscribers, to))
        found = self._tries.find(*names, names_a_phone=phone)
        if found is None:
            if self._loop.time() < told.until and self._tries.may_be_early(told.addresses):
                self._early.append(told)
            else:
                self._is_nobodys(answer)
            return
        of, number = found
        status = None if word.status is None else of.after(number, word.status)
        if status is None:
            answer(codes.OK)  # nothing is to be stored
            return
        receipt = Receipt(
            delivery=of.delivery,
            attempt=of.attempt,
            status=status,
            fault=codes.fault_of_state(status),
            code=word.code,
            reference=word.message_id,
        )
        self._inbox.put([receipt], answer)

    def _is_subscribers(self, address: str) -> bool:
        return is_subscribers(address, self._settings.source, self._settings.region)

    def _is_nobodys(self, answer: Answer) -> None:
        self._nobodys += 1
        if self._nobodys.bit_count() == 1:  # the first, the second, the fourth…
            _log.warning("smpp-receipts-of-nobody", route=self._route, count=self._nobodys)
        answer(codes.OK)  # nothing is to be stored

    def _take_reply(self, session: Session, sequence: int, message: pdus.Delivered) -> None:
        place, data = _place(message)
        start = (message.source, message.destination, message.data_coding)
        if place is not None:
            looks = fingerprint(*start, place.reference, place.total)
            answer = partial(session.answer, "deliver_sm_resp", sequence)
            now = self._loop.time()
            self._hand_on(self._joining.take(looks, place, message, data, answer, now))
            return
        looks = fingerprint(*start, data)
        given = message.extras.get(pdus.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").hex()
        name = f"i-{given}" if given else self._names.name(looks, session, self._loop.time())

        def answer_and_remember(status: int) -> None:
            if status != codes.OK:
                self._names.refused(looks, name)
            read = partial(self._names.settled, looks, name)
            session.answer("deliver_sm_resp", sequence, status, read)

        text = decode(data, message.data_coding)
        self._inbox.put([self._reply(message, name, text)], answer_and_remember)

    def _hand_on(self, joined: list[Joined]) -> None:
        for one in joined:

            def answer_all(status: int, answers: tuple[Answer, ...] = one.answers) -> None:
                for answer in answers:
                    answer(status)

            self._inbox.put([self._reply(one.message, one.name, one.text)], answer_all)

    def _reply(self, message: pdus.Delivered, name: str, text: str) -> Reply:
        ours = self._settings.source
        to_us = bool(ours) and message.destination.startswith(ours)
        return Reply(
            gateway_id=name,
            sender=incoming_number(message.source, message.source_ton, self._settings.region),
            text=message_text(text) or "",
            extension=message.destination[len(ours) :] if to_us else "",
        )

    def _glance(self) -> None:
        self._hand_on(self._joining.overdue(self._loop.time()))
        self.look_again()


def _place(message: pdus.Delivered) -> tuple[Place | None, bytes]:
    """Which part of a message it is, by its header or by optional parameters, and its text."""
    if message.esm_class & _HAS_HEADER:
        return place_in_header(message.data)
    reference, number, total = (
        int.from_bytes(message.extras.get(tag, b""), "big")
        for tag in (pdus.SAR_MSG_REF_NUM, pdus.SAR_SEGMENT_SEQNUM, pdus.SAR_TOTAL_SEGMENTS)
    )
    return sound_place(reference, number, total), message.data
