"""Receipts and replies on their way back to alertd: due, batched, repeated until they are taken."""

import asyncio
import contextlib
import heapq
import itertools
import json
from collections import deque
from typing import Any

from channels.http_bulk import BulkClient
from channels.http_faults import LostAnswerError, NotSentError
from channels.sim_log import Log, now_ms
from channels.sms.handset_wire import RECEIPTS, REPLIES, SIGNATURE_HEADER, sign

_TICK_S = 0.002  # what falls due within it goes out together
_SENDERS = 4  # posts under way for each hook
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_POST_TIMEOUT_S = 10.0
_TAKEN = range(200, 300)
_FINAL = {*_TAKEN, 400, 413, 422}  # what alertd can't read today it can't read tomorrow


class Callbacks:
    """Posts to alertd's hooks as a real gateway does: at least once, and again until a 2xx.

    Args:
        base_url: The hooks' common prefix, such as `http://127.0.0.1:8080/hooks/sms-1`; None keeps
            everything waiting until `aim` names one.
        secret: Signs each post.
        batch: The most items of one post; 1 posts single objects and not arrays.
        log: Where replies and what was taken are recorded.
    """

    def __init__(self, base_url: str | None, secret: str, batch: int, log: Log) -> None:
        self._secret = secret
        self._batch = batch
        self._log = log
        self._due: list[tuple[float, int, str, dict[str, Any]]] = []
        self._order = itertools.count()
        self._ready: dict[str, deque[dict[str, Any]]] = {RECEIPTS: deque(), REPLIES: deque()}
        self._ready_signs = {RECEIPTS: asyncio.Event(), REPLIES: asyncio.Event()}
        self._timer: asyncio.TimerHandle | None = None
        self._client: BulkClient | None = None
        self._aimed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.under_way = 0
        self.posted = {RECEIPTS: 0, REPLIES: 0}
        if base_url is not None:
            self.aim(base_url)

    def aim(self, base_url: str) -> None:
        """Post to `base_url` from now on."""
        if self._client is not None:
            self._client.close()
        self._client = BulkClient(
            base_url, connections=2 * _SENDERS, headers={"content-type": "application/json"}
        )
        self._aimed.set()

    def start(self) -> None:
        """Begin posting."""
        for hook in (RECEIPTS, REPLIES):
            self._tasks += [asyncio.create_task(self._send(hook)) for _ in range(_SENDERS)]

    async def close(self) -> None:
        """Stop; what hasn't been taken is forgotten."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            self._client.close()

    @property
    def waiting(self) -> int:
        """How many items haven't been taken yet."""
        return len(self._due) + sum(map(len, self._ready.values())) + self.under_way

    def schedule(self, hook: str, after_s: float, item: dict[str, Any]) -> None:
        """Post `item` to `hook` in `after_s`."""
        due = asyncio.get_running_loop().time() + after_s
        heapq.heappush(self._due, (due, next(self._order), hook, item))
        if self._due[0][3] is item:
            self._arm()

    async def post_now(self, hook: str, item: dict[str, Any]) -> None:
        """Post `item` by itself and return once it is taken."""
        await self._deliver(hook, [{**item, "at": now_ms()}])

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._due:
            self._timer = loop.call_at(max(self._due[0][0], loop.time() + _TICK_S), self._ripen)

    def _ripen(self) -> None:
        horizon = asyncio.get_running_loop().time()
        while self._due and self._due[0][0] <= horizon:
            _, _, hook, item = heapq.heappop(self._due)
            item.setdefault("at", now_ms())
            if hook == REPLIES:
                self._log.write("reply", **item)
            self._ready[hook].append(item)
            self._ready_signs[hook].set()
        self._arm()

    async def _send(self, hook: str) -> None:
        ready, sign_of_more = self._ready[hook], self._ready_signs[hook]
        while True:
            while not ready:
                sign_of_more.clear()
                await sign_of_more.wait()
            items = [ready.popleft() for _ in range(min(len(ready), self._batch))]
            await self._deliver(hook, items)

    async def _deliver(self, hook: str, items: list[dict[str, Any]]) -> None:
        body = json.dumps(items if self._batch > 1 else items[0], ensure_ascii=False).encode()
        self.under_way += len(items)
        pause_s = _FIRST_PAUSE_S
        try:
            while (status := await self._post(hook, body)) not in _FINAL:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        finally:
            self.under_way -= len(items)
        taken = status in _TAKEN
        self.posted[hook] += len(items) if taken else 0
        if hook == REPLIES or not taken:
            what = "taken" if taken else f"refused-{status}"
            self._log.write(what, hook=hook, ids=[item["id"] for item in items])

    async def _post(self, hook: str, body: bytes) -> int:
        """The answer's status, or 0 where there was none."""
        await self._aimed.wait()
        assert self._client is not None  # noqa: S101 - aimed
        with contextlib.suppress(NotSentError, LostAnswerError, TimeoutError):
            async with asyncio.timeout(_POST_TIMEOUT_S):
                signature = {SIGNATURE_HEADER: sign(self._secret, hook, body)}
                answer = await self._client.post(f"/{hook}", body, signature)
            return answer.status
        return 0
