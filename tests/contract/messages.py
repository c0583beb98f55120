"""Messages for the suite's recipients."""

from channels.base import Outgoing


def outgoing(
    delivery: int, address: str, *, attempt: int = 1, text: str, secret: str | None = None
) -> Outgoing:
    return Outgoing(
        delivery=delivery,
        attempt=attempt,
        address=address,
        secret=secret,
        text=text,
        alert="0a" * 16,
        short_code="A7",
        kind="alert",
        status="Exercise",
        severity=1,
        created_at=1_790_000_000_000,
        expires_at=4_000_000_000_000,
        possible_duplicate=attempt > 1,
        template="typhoon-red",
        variables={"unit": "梨洲街道"},
    )
