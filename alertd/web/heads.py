"""A connection's requests, whose heads are bounded: nobody is known yet while one comes."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from alertd.web.packets import Joining

# A browser's are of some kilobytes, a proxy's bound is 8 to 64. One that comes at once is read as a
# piece of up to 256 KB, as asyncio reads; no more of them is kept than that and this.
MOST_HEAD_BYTES: Final = 64 * 1024


class Requests(HttpToolsProtocol):
    """uvicorn's, which would keep a head of any length, and so what comes behind a body.

    What came is counted until the request gets further by it: to its head's end, or by a piece of
    its body.
    """

    _further = False
    _kept = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See uvicorn; what it answers leaves in one packet where it can."""
        super().connection_made(Joining(transport, self.loop))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Take a piece; refuse the request where it is too much for what it led to."""
        self._further = False
        super().data_received(data)
        self._kept = 0 if self._further else self._kept + len(data)
        if self._kept > MOST_HEAD_BYTES and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response("The request's head is too long.")
            else:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """See uvicorn."""
        self._further = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._further = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See uvicorn."""
        self._further = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See uvicorn."""
        self._further = True
        super().on_message_complete()
