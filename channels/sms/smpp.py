"""SMS by a carrier's own gateway: SMPP 3.4, bound as a transceiver.

Options: `host`, `port` (2775), `system_id`, `password`; `source` (our number, as the carrier gave
it); optional `system_type`, `tls`, `ca_file`, `window` (submits without an answer, 10),
`enquire_link_s` (15), `source_ton`, `source_npi`, `dest_ton`, `dest_npi`, `region` (CN),
`national_numbers`, `validity`, `reference_tlv`. docs/channels/smpp.md has them all.

A message is accepted when each of its parts is; the parts go one after the other, and what was cut
short in the middle is UNKNOWN. SMPP has no room for a delivery's number: receipts are matched in
bounded memory (`smpp_tries`), and those that come after a restart only where the carrier brings
back a TLV of ours.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import structlog

from alertd.i18n import N_
from channels.base import (
    Accepted,
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.sms.smpp_inbound import Inbound
from channels.sms.smpp_link import LostWordError, NotHandedOverError, OutOfTimeError, SmppLink
from channels.sms.smpp_names import fresh_names
from channels.sms.smpp_settings import read_settings
from channels.sms.smpp_submits import prepare
from channels.sms.smpp_tries import Part, Tries, Try

_log = structlog.get_logger(__name__)

_START_PATIENCE_S = 3.0
_HEALTH_PATIENCE_S = 1.5
_AGAIN_S = 0.5
_TRY_AGAIN = frozenset({Fault.THROTTLED, Fault.RETRY})


class SmppRoute:
    """One account at one carrier's gateway."""

    kind = ChannelKind.SMS

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        self.config = config
        self._settings = read_settings(config)
        self._now = context.now
        self._tries = Tries(first=secrets.randbelow(0x10000))
        self._header = secrets.randbelow(0x100)  # what tells one message's parts from another's
        self._inbound = Inbound(
            config.name,
            context.sink,
            self._settings,
            self._tries,
            fresh_names(secrets.token_hex(6)),
        )
        self._link = SmppLink(
            self._settings,
            delivered=self._inbound.take,
            came_up=lambda: _log.info("smpp-up", route=config.name),
            went_down=lambda code: _log.warning("smpp-down", route=config.name, reason=code),
            first=secrets.randbelow(2**30),
        )
        self._under_way = UnderWay()
        self._closed = False

    async def start(self) -> None:
        """Bind; where the gateway is away, that goes on in the background."""
        self._inbound.start()
        await self._link.start()
        await self._link.wait_up(_START_PATIENCE_S)

    async def close(self) -> None:
        """End the tries in flight as UNKNOWN, and unbind."""
        self._closed = True
        await self._under_way.end()
        await self._inbound.close()
        await self._link.close()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; one Outcome each."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    def hooks(self) -> Sequence[Hook]:
        """None: replies and receipts come by the connection."""
        return ()

    async def health(self) -> Health:
        """Ask the gateway whether it is there."""
        if not self._link.up:
            problem = self._link.problem
            detail = N_("The SMPP gateway isn't bound: {problem}.").format(problem=problem)
            return Health(ok=False, detail=detail)
        if await self._link.answers(_HEALTH_PATIENCE_S):
            return Health(ok=True, detail=N_("The SMPP gateway is bound and answers."))
        return Health(ok=False, detail=N_("The SMPP gateway is bound and doesn't answer."))

    async def _send(self, message: Outgoing) -> Accepted:
        if self._closed:
            raise SendError(Fault.RETRY, "route-closed")
        parts = prepare(message, self._settings, self._header)
        self._header = (self._header + 1) % 0x100
        of = Try(message.delivery, message.attempt, message.address, len(parts))
        ids = []
        for place, prepared in enumerate(parts, start=1):
            part = self._tries.part(of, place)
            ids.append(await self._hand_over(part, partial(prepared.octets, part, self._now)))
        return Accepted(ids[0] or None)

    async def _hand_over(self, part: Part, write: Callable[[int], bytes]) -> str:
        """Hand over one part.

        What goes wrong with a later one can't be said of the whole: what wasn't sent is tried again
        for as long as there is time, and a refusal leaves a message in halves, which is UNKNOWN.
        """
        first = part.number == 1
        while True:
            try:
                return await self._submit(part, write)
            except LostWordError as error:
                raise SendError(Fault.UNKNOWN, error.code) from None
            except NotHandedOverError as error:
                if first:
                    raise SendError(self._of_unsent(error), error.code) from None
                if isinstance(error, OutOfTimeError):
                    raise SendError(Fault.UNKNOWN, f"half-sent-{error.code}") from None
            except SendError as error:
                if first:
                    raise
                if error.fault not in _TRY_AGAIN:
                    raise SendError(Fault.UNKNOWN, f"half-sent-{error.code}") from None
            await asyncio.sleep(_AGAIN_S)

    def _of_unsent(self, error: NotHandedOverError) -> Fault:
        """A full window is the gateway's pace and no failure of the message: it uses up no try."""
        if self._closed:
            return Fault.RETRY
        return Fault.AWAY if error.away else Fault.THROTTLED

    async def _submit(self, part: Part, write: Callable[[int], bytes]) -> str:
        self._tries.waits(part)
        try:
            message_id = await self._link.submit(write, partial(self._taken_late, part))
        finally:
            self._tries.waits_no_more(part)
        self._taken(part, message_id)
        return message_id

    def _taken(self, part: Part, message_id: str) -> None:
        self._tries.taken(part, message_id)
        self._inbound.look_again()

    def _taken_late(self, part: Part, message_id: str) -> None:
        """The answer came after we had given up: it still says that the gateway has it."""
        self._taken(part, message_id)
        if part.of.whole:
            self._inbound.put(
                Receipt(
                    delivery=part.of.delivery,
                    attempt=part.of.attempt,
                    status=ReceiptStatus.ACCEPTED,
                    code="late",
                    reference=message_id,
                )
            )
