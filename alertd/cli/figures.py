"""A board's figures as lines."""

from collections.abc import Mapping
from typing import Any

from alertd.cli.words import _


def board_lines(found: Mapping[str, Any]) -> list[str]:
    """The API's board, a line for the funnel, each stage and each channel."""
    board = found["board"]
    lines = [funnel_line(board)]
    lines += [_stage_line(stage) for stage in board["stages"]]
    lines += [_channel_line(channel) for channel in board["channels"] or ()]
    if board["help_open"]:
        lines.append(
            _("calls for help: {open} open, {untaken} not taken").format(
                open=board["help_open"], untaken=board["help_untaken"]
            )
        )
    return lines


def funnel_line(board: Mapping[str, Any]) -> str:
    """From what was due to what was answered, in one line."""
    f = board["funnel"]
    if f["due"] is None:
        return _("answered {answered} of {asked}").format(**f)
    return _(
        "messages {due}: accepted {accepted}, delivered {delivered}, failed {failed}, "
        "unknown {unknown}, waiting {waiting}; answered {answered} of {asked}"
    ).format(**{name: f"{value:,}" for name, value in f.items()})


def _stage_line(stage: Mapping[str, Any]) -> str:
    return _(
        "{stage}: {covered} of {needed} covered, {exhausted} exhausted, {helping} help"
    ).format(**stage)


def _channel_line(channel: Mapping[str, Any]) -> str:
    states = ", ".join(f"{name} {n:,}" for name, n in channel["states"].items() if n)
    return f"{channel['channel']}: {states}"
