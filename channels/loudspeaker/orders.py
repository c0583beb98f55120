"""A message for a loudspeaker → the command that it is told; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from channels.base import Outgoing
from channels.loudspeaker.commands import Command, CommandType, split_command_id

_STOP_LASTS_MS = 10 * 60 * 1000  # an order to fall silent may outlive the alert's own end

_TYPES = {
    "Actual": CommandType.ACTUAL,
    "Exercise": CommandType.DRILL_PLATFORM,
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How texts are played: `volume` 0–100, `repeat` times each."""

    volume: int = 100
    repeat: int = 3


def order(
    message: Outgoing,
    cmd_id: str,
    number: int,
    now: int,
    manner: Manner,
    sound: tuple[str, str] = ("", ""),
) -> Command:
    """The command number `number` for `message`, made at `now` (ms); `sound` is (URL, sha256)."""
    return Command(
        cmd_id=cmd_id,
        to=f"terminal/{message.address}",
        alert=message.alert,
        type=_type(message),
        severity=message.severity,
        seq=number,
        not_before=now,
        expires=expiry(message, now),
        text="" if message.stop else message.text,
        lang=message.language,
        volume=manner.volume,
        repeat=0 if message.stop else manner.repeat,
        duplicate=message.possible_duplicate,
        audio=sound[0],
        audio_sha256=sound[1],
        also=tuple(message.stops) if message.stop else (),
    )


def hush(message: Outgoing) -> Outgoing:
    """The order to fall silent about what `message`, a text, takes the place of."""
    first, *others = message.stops
    return replace(message, stop=True, alert=first, stops=others)


def order_to_area(
    area: str,
    cmd_ids: Mapping[str, str],
    message: Outgoing,
    number: int,
    now: int,
    manner: Manner,
    sound: tuple[str, str] = ("", ""),
) -> Command:
    """The same for the loudspeakers of an area: those in `cmd_ids`, with each one's own id.

    `message` is any of theirs, which differ in nothing else (`grouping.plan`).
    """
    tails = {name: split_command_id(cmd_id) for name, cmd_id in cmd_ids.items()}
    (stem,) = {stem for stem, _ in tails.values()}
    return replace(
        order(message, stem, number, now, manner, sound),
        to=f"area/{area}",
        each={name: tail for name, (_, tail) in tails.items()},
    )


def expiry(message: Outgoing, now: int) -> int:
    """When a command made at `now` is over, ms.

    An order to fall silent outlasts what it silences: a loudspeaker that was away hears both.
    """
    if not message.stop:
        return message.expires_at
    return max(message.expires_at, message.stops_until, now + _STOP_LASTS_MS)


def _type(message: Outgoing) -> CommandType:
    if message.stop:
        return CommandType.CANCEL
    # Whatever isn't an actual alert is a drill to a loudspeaker: it interrupts nothing live.
    return _TYPES.get(message.status, CommandType.DRILL_TERMINAL)
