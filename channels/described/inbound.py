"""Hooks by their description: whose call it is, and what its items say. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from channels.base import Event, HookAnswer, HookRefusedError, HookRequest
from channels.described.answers import at, scalar
from channels.described.description import Inbound
from channels.described.digests import digest, same
from channels.described.hook_items import Items
from channels.described.places import filled, text_of
from channels.hook_reading import bound, read_json

MAX_BODY_BYTES: Final = 1024 * 1024  # a batch of some thousand receipts
_MAX_FIELDS: Final = 200
_MAX_ITEMS: Final = 10_000


class Reader:
    """Verifies and reads the calls of one hook.

    Args:
        hook: Its description.
        options: The route's own, secrets among them.
        items: Reads an item.
    """

    def __init__(self, hook: Inbound, options: Mapping[str, str], items: Items) -> None:
        self._hook = hook
        self._options = options
        self._items = items

    def read(self, request: HookRequest) -> tuple[Sequence[Event], HookAnswer]:
        """`Hook.read`."""
        bound(request, MAX_BODY_BYTES)
        query = _fields(request.target.partition("?")[2], "utf-8")
        # Before the body is read, where the proof isn't in it.
        early = not self._hook.verify.given.startswith("field:")
        if early:
            self._verify(request, query, {})
        value = self._value(request.body, query)
        if not early:
            self._verify(request, query, value if isinstance(value, dict) else {})
        found = at(value, self._hook.items)
        if isinstance(found, str):  # JSON in a form's field
            found = read_json(found.encode("utf-8", "surrogatepass"))
        items = found if isinstance(found, list) else [found]
        if len(items) > _MAX_ITEMS:
            raise HookRefusedError(413, "too-many-items")
        parsed = [self._items.read(item) for item in items]
        if items and all(events is None for events in parsed):
            raise HookRefusedError(400, "malformed-item")
        answer = HookAnswer(body=self._hook.answer.encode(), content_type=self._hook.answer_type)
        return [event for events in parsed for event in events or ()], answer

    def _value(self, body: bytes, query: Mapping[str, str]) -> Any:
        if self._hook.body == "query":
            return dict(query)
        if self._hook.body == "json":
            return read_json(body)
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError as error:
            raise HookRefusedError(400, "malformed-form") from error
        return _fields(text, self._hook.encoding)

    def _verify(
        self, request: HookRequest, query: Mapping[str, str], fields: Mapping[str, Any]
    ) -> None:
        how = self._hook.verify
        kind, _, name = how.given.partition(":")
        places: dict[str, Mapping[str, Any]] = {
            "query": query,
            "header": request.headers,
            "field": fields,
        }
        given = scalar(places[kind].get(name)) or ""
        known = _Known(self._options, places, request.body)
        of = text_of(filled(how.of, known)).encode("utf-8", "surrogateescape")
        expected = digest(how.digest, self._options.get(how.secret, ""), of)
        if not given or not same(how.digest, expected, given):
            raise HookRefusedError(401, "bad-signature")


class _Known(dict[str, Any]):
    """What a hook's `of` may hold; what a call hasn't is empty, and its signature wrong."""

    def __init__(
        self, options: Mapping[str, str], places: Mapping[str, Mapping[str, Any]], body: bytes
    ) -> None:
        super().__init__(options)
        self._places = places
        self["request_body"] = body.decode("utf-8", "surrogateescape")

    def __missing__(self, name: str) -> str:
        kind, _, field = name.partition(".")
        return scalar(self._places.get(kind, {}).get(field)) or ""


def _fields(text: str, encoding: str) -> dict[str, str]:
    """A form's or a query's fields; of one given twice, the first."""
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            encoding=encoding,
            errors="replace",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise HookRefusedError(400, "malformed-form") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields
