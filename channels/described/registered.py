"""Templates that are registered with the provider: which message goes out as which. Pure.

The route's option `templates` is a table from our template's name to the provider's:

    [routes.sms.templates]
    typhoon-red = "SMS_1000001"                    # takes the message's own variables
    help = { id = "SMS_1000002", variables = ["unit", "storm=event"], exercise = "SMS_1000003" }
    "*" = { id = "SMS_1000009", variables = ["content=unsigned"] }

`variables` gives the order, and where the provider calls one otherwise, its name for it. Beside
the message's own there are `text` (the whole), `unsigned` (without our 【signature】, which
the provider puts in front itself), `spoken` (the text without brackets, which no voice reads),
`short_code`, `duplicate` ("(重发)" or nothing) and `people` (whom it is for, with a colon, where
several share the telephone, else nothing).

A drill must say that it is one, and a second copy that it may be one. A template that carries
none of the first three takes drills only by its `exercise` id, a template of its own with the
words 【演练】 in it, and second copies only with the variable `duplicate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from alertd.i18n import N_
from alertd.messages import load_library
from channels import options
from channels.base import Fault, Outgoing, RouteConfig, SendError

OPTION: Final = "templates"
_ANY_OTHER: Final = "*"
_PEOPLE: Final = "people"
_WHOLE: Final = frozenset({"text", "unsigned", "spoken"})
_KNOWN: Final = frozenset({"id", "variables", "exercise"})


@dataclass(frozen=True, slots=True)
class Filled:
    """The provider's template for one message, and what stands in its places."""

    id: str
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    exercise: str
    variables: tuple[tuple[str, str], ...] | None  # (the provider's name, ours)

    @property
    def whole(self) -> bool:
        return any(ours in _WHOLE for _, ours in self.variables or ())


class Registered:
    """The route's templates.

    Args:
        config: The route's own.
        channel: `sms` or `voice`: which of the shipped templates can come by it at all.

    Raises:
        NotConfiguredError: The table is missing or wrong; the entry at fault is named.
    """

    def __init__(self, config: RouteConfig, channel: str) -> None:
        self._channel = channel
        given = config.options.get(OPTION)
        if not isinstance(given, Mapping) or not given:
            raise options.wrong(config, OPTION, "must be a table of registered templates")
        self._entries = {
            str(name): _entry(config, str(name), value) for name, value in given.items()
        }

    def missing(self) -> list[str]:
        """The shipped templates that a message by this route would find nothing for."""
        if _ANY_OTHER in self._entries:
            return []
        return [name for name in _shipped(self._channel) if name not in self._entries]

    def fill(self, message: Outgoing, unsigned: str) -> Filled:
        """Choose the template for `message`.

        What its own can't carry goes by the one for all others, where that says the whole text.

        Raises:
            SendError: REFUSED, there is none that may carry it: another route can.
        """
        other = self._entries.get(_ANY_OTHER)
        own = self._entries.get(message.template, other)
        if own is None:
            raise SendError(Fault.REFUSED, "template-not-registered")
        try:
            return _filled(own, message, unsigned)
        except SendError:
            if other is None or not other.whole:
                raise
            return _filled(other, message, unsigned)


def _filled(entry: _Entry, message: Outgoing, unsigned: str) -> Filled:
    drill = message.status != "Actual"
    if drill and not (entry.exercise or entry.whole):
        raise SendError(Fault.REFUSED, "drill-not-registered")
    own = {
        **message.variables,
        "text": message.text,
        "unsigned": unsigned,
        "spoken": spoken(message.text),
        "short_code": message.short_code,
        "duplicate": "(重发)" if message.possible_duplicate else "",
        _PEOPLE: f"{shares}:" if (shares := message.variables.get(_PEOPLE)) else "",
    }
    # A template has a place for it where its entry says so, and by no other sign.
    usual = tuple((name, name) for name in message.variables if name != _PEOPLE)
    pairs = entry.variables or usual
    told = {*_WHOLE, "duplicate"}
    if message.possible_duplicate and not any(ours in told for _, ours in pairs):
        raise SendError(Fault.REFUSED, "resend-not-registered")
    try:
        variables = {theirs: own[ours] for theirs, ours in pairs}
    except KeyError:
        raise SendError(Fault.REFUSED, "variable-missing") from None
    return Filled((drill and entry.exercise) or entry.id, variables)


@cache
def _shipped(channel: str) -> tuple[str, ...]:
    return tuple(each.name for each in load_library(None) if channel in each.channels)


def _entry(config: RouteConfig, name: str, value: Any) -> _Entry:
    table = {"id": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or not table.keys() <= _KNOWN:
        what = N_("must be the provider's id, or a table of id, variables, exercise")
        raise options.wrong(config, f"{OPTION}.{name}", what)
    texts = [table.get("id"), table.get("exercise", "-")]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise options.wrong(config, f"{OPTION}.{name}", "needs the provider's id as a text")
    given = table.get("variables")
    if given is not None and not (
        isinstance(given, list) and given and all(isinstance(item, str) and item for item in given)
    ):
        raise options.wrong(config, f"{OPTION}.{name}", "must list its variables as texts")
    pairs = None if given is None else tuple(_pair(item) for item in given)
    return _Entry(str(table["id"]), str(table.get("exercise", "")), pairs)


def spoken(text: str) -> str:
    """The text as a voice can read it: what stood in 【】 is a sentence, and no word is lost."""
    return text.replace("【", "").replace("】", "。")


def _pair(item: str) -> tuple[str, str]:
    theirs, _, ours = item.partition("=")
    return theirs.strip(), (ours or theirs).strip()
