"""Bounds what waits in the embedded broker for loudspeakers that never come back.

nats-server keeps every command for each session that hasn't confirmed it, for ever, and once its
store is full it refuses everybody: no loudspeaker is told anything any more. Its configuration has
no bound for that (one for idle consumers leaves whoever comes back deaf), so it is told by its own
protocol, on loopback: past a size or an age the oldest is dropped.
"""

from dataclasses import dataclass

from channels.loudspeaker.nats_api import MESSAGES, NatsApi

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Keeps:
    """How much the broker keeps; a delivery that nobody answered is long unknown by then.

    Half of its store leaves room for sessions and retained words.
    """

    most_bytes: int = 512 * 1024 * 1024
    age_s: int = 14 * 24 * 3600


async def bound(api: NatsApi, keeps: Keeps) -> None:
    """Tell the broker; raises as `NatsApi.ask` does."""
    config = (await api.ask("STREAM.INFO", MESSAGES, {}))["config"]
    age = keeps.age_s * _NS
    config |= {"max_bytes": keeps.most_bytes, "max_age": age, "discard": "old"}
    config["duplicate_window"] = min(config["duplicate_window"], age)  # it may be no longer
    await api.ask("STREAM.UPDATE", MESSAGES, config)
