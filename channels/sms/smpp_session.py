"""One SMPP connection: octets to PDUs, answers to requests. No waiting, no reconnecting."""

import asyncio
from collections import deque
from collections.abc import Callable

from channels.sms import smpp_codes as codes
from channels.sms import smpp_pdus as pdus

# Called with an answer's command, status and octets.
Answered = Callable[[int, int, bytes], None]


_AT_ONCE = 5  # of a window of ten or twenty


class Session(asyncio.Protocol):
    """Numbers our requests and finds the request that an answer belongs to.

    Args:
        delivered: Called with this session, a deliver_sm's sequence number and its octets.
        lost: Called once with this session and a short word, when it has ended.
        last: The number of the last request of the connection before: a gateway may bring its
            answer by this one, where the number must be nobody else's.
    """

    def __init__(
        self,
        delivered: "Callable[[Session, int, bytes], None]",
        lost: "Callable[[Session, str], None]",
        last: int = 0,
    ) -> None:
        self.heard_at = 0.0  # by the loop's clock
        self._delivered = delivered
        self._lost = lost
        self._ended_as = ""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._octets = bytearray()
        self._unwritten: list[bytes] = []
        self.sequence = last
        self._asked: dict[int, Answered] = {}
        # Our answers that the peer hasn't surely read: our last request before, whom to tell.
        self._unread: deque[tuple[int, Callable[[], None]]] = deque()

    @property
    def open(self) -> bool:
        """Whether something can be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_unread(self) -> bool:
        """Whether there are answers of ours of which we don't know that the peer has read them."""
        return bool(self._unread)

    def ask(self, write: Callable[[int], bytes], answered: Answered) -> None:
        """Send a request; `write` makes its octets from its sequence number, or raises."""
        self.sequence = self.sequence % pdus.LAST_SEQUENCE + 1
        octets = write(self.sequence)
        self._asked[self.sequence] = answered
        self._write(octets)

    def answer(
        self, command: str, sequence: int, status: int = 0, read: Callable[[], None] | None = None
    ) -> None:
        """Answer a request of the peer's; `read` is called when the peer has surely read it.

        It has when it answers what we asked later: it reads in order.
        """
        self._write(pdus.response(command, sequence, status))
        if read is not None:
            self._unread.append((self.sequence, read))

    def end(self, code: str) -> None:
        """Cut the connection; `code` is why, unless there is a reason already."""
        self._ended_as = self._ended_as or code
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP and TLS give nothing else
        self._transport = transport
        self.heard_at = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """asyncio's: it has ended."""
        self._lost(self, self._ended_as or "connection-lost")

    def data_received(self, data: bytes) -> None:
        """asyncio's: octets came."""
        self.heard_at = self._loop.time()
        self._octets += data
        at, length = 0, len(self._octets)
        while length - at >= pdus.HEADER.size and not self._ended_as:
            size, command, status, sequence = pdus.HEADER.unpack_from(self._octets, at)
            if not pdus.HEADER.size <= size <= pdus.LONGEST_PDU:
                self.end("malformed-pdu")
                return
            if length - at < size:
                break
            raw = bytes(self._octets[at : at + size])
            at += size
            self._take(command, status, sequence, raw)
        del self._octets[:at]

    def _take(self, command: int, status: int, sequence: int, raw: bytes) -> None:
        if command & pdus.RESPONSE:
            self._answered(command, status, sequence, raw)
        elif command == pdus.DELIVER_SM:
            self._delivered(self, sequence, raw)
        elif command == pdus.ENQUIRE_LINK:
            self.answer("enquire_link_resp", sequence)
        elif command == pdus.UNBIND:
            self.answer("unbind_resp", sequence)
            self._ended_as = "unbound"
            self._flush()
            if self._transport is not None:
                self._transport.close()
        elif command != pdus.ALERT_NOTIFICATION:
            self.answer("generic_nack", sequence, codes.INVALID_COMMAND)

    def _answered(self, command: int, status: int, sequence: int, raw: bytes) -> None:
        answered = self._asked.pop(sequence, None)
        if answered is None:
            # An answer given twice is nothing. A refusal of what it couldn't even number is.
            if command == pdus.GENERIC_NACK and not sequence:
                self.end("out-of-step")
            return
        while self._unread and self._unread[0][0] < sequence:
            self._unread.popleft()[1]()
        answered(command, status, raw)

    def _write(self, octets: bytes) -> None:
        """Write some at a time, and the rest at the end of this turn of the loop.

        A write for each costs more than the PDU does; one for all lets the peer wait for the last.
        """
        if not self._unwritten:
            self._loop.call_soon(self._flush)
        self._unwritten.append(octets)
        if len(self._unwritten) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        octets, self._unwritten = self._unwritten, []
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(octets))
