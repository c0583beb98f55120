"""An alert, and its board's figures, as lines."""

from collections.abc import Mapping
from typing import Any

from alertd.cli.show import one_line
from alertd.cli.words import LANGUAGE, _, listed, told, word


def head_line(view: Mapping[str, Any]) -> str:
    """Which alert it is, whether it is live, and how it stands."""
    status, state = word("status", view["status"]), word("state", view["state"])
    return f"{view['short_code']}  {one_line(view['headline'])}  [{listed((status, state))}]"


def areas_of(view: Mapping[str, Any], cap: Mapping[str, Any]) -> list[str]:
    """An alert's areas by name, as its CAP has them in the terminal's language, and by code."""
    names = {
        code["value"]: area["areaDesc"]
        for info in cap.get("info", ())
        if info.get("language") == LANGUAGE
        for area in info.get("area", ())
        for code in area.get("geocode", ())
    }
    return [" ".join((*filter(None, (names.get(code),)), code)) for code in view["areas"]]


def board_lines(found: Mapping[str, Any]) -> list[str]:
    """The API's board, a line for the funnel, each stage and each channel."""
    board = found["board"]
    lines = [funnel_line(board)]
    lines += [_stage_line(stage) for stage in board["stages"]]
    lines += [_channel_line(channel) for channel in board["channels"] or ()]
    if board.get("untold"):
        text = _("never told, of those that nobody answers for: {n}; nothing has left for them")
        lines.append(text.format(n=board["untold"]))
    if board["vacant"]:
        text = _("{n} places where nobody is answerable: somebody must go there")
        lines.append(text.format(n=board["vacant"]))
    if board["help_open"]:
        lines.append(
            _("calls for help: {open} open, {untaken} not taken").format(
                open=board["help_open"], untaken=board["help_untaken"]
            )
        )
    if board.get("help_unheard"):
        text = _("calls for help about which no message is known to have left: {n}. Telephone")
        lines.append(text.format(n=board["help_unheard"]))
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
    text = _("{stage}: {covered} of {needed} covered, {exhausted} exhausted, {helping} help")
    return text.format(**{**stage, "stage": word("stage", stage["stage"])})


def _channel_line(channel: Mapping[str, Any]) -> str:
    states = listed(f"{word('delivery', name)} {n:,}" for name, n in channel["states"].items() if n)
    return told(word("channel", channel["channel"]), states or "–")
