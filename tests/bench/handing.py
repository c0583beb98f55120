"""What the benches of routes hand over, and how it was taken."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from channels.base import Accepted, Channel, Outgoing

TEXT = "【余姚市防指】红色台风A7:立即按清单转移危房、低洼户,18时前完成。回1收到 2+人数完成 3求助"


async def handed_over(channel: Channel, messages: Sequence[Outgoing]) -> Counter[str]:
    """How many were accepted, and how many met each fault."""
    states: Counter[str] = Counter()
    async for outcome in channel.send_many(messages):
        result = outcome.result
        states["accepted" if isinstance(result, Accepted) else result.code] += 1
    return states


def made(
    many: int, address: Callable[[int], str], *, text: str = TEXT, first: int = 0, secret: str = ""
) -> list[Outgoing]:
    """A live alert's messages of the next hour, from delivery `first` + 1 on."""
    expires_at = time.time_ns() // 1_000_000 + 3_600_000
    return [
        Outgoing(
            delivery=first + number,
            attempt=1,
            address=address(number),
            secret=secret,
            text=text,
            alert="0" * 32,
            short_code="A7",
            kind="alert",
            status="Actual",
            severity=1,
            created_at=0,
            expires_at=expires_at,
        )
        for number in range(1, many + 1)
    ]
