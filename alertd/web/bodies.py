"""Request bodies: bounded while they stream in, and read strictly.

JSON here is what RFC 8259 has, within what a 64-bit column and any text encoder can carry: no NaN,
no half surrogate pairs, no NUL, no name twice. Forms are UTF-8, or GBK where an old browser on an
office machine sends that.
"""

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alertd.engine.authority import require
from alertd.errors import AlertdError, InvalidInputError, TooLargeError
from alertd.web.auth import who_asks
from alertd.web.deps import deps_of

MOST_BYTES: Final = 512 * 1024
MOST_ROSTER_BYTES: Final = 256 * 1024 * 1024
MOST_PAGE_BYTES: Final = 40 * 1024 * 1024
_ROSTER: Final = "/api/v1/roster"
_MOST: Final = {_ROSTER: MOST_ROSTER_BYTES, "/roster/import": MOST_PAGE_BYTES}
_MOST_DEPTH: Final = 32
_MOST_NAME: Final = 64
_INT64: Final = 2**63
_MOST_FIELDS: Final = 2_000  # an alert names up to 1,500 areas


class RefusedBodyError(HTTPException):
    """Carries an error of ours through the framework, which passes its own on and no other."""

    def __init__(self, error: AlertdError) -> None:
        super().__init__(status_code=error.http_status, detail=error.message)
        self.error = error


class BodyLimit:
    """Refuses a body over its bound: by its announced length, else as soon as it is passed.

    A large one is taken only from whoever may send it. The framework reads all of it before a
    route is asked who that is, and anybody could fill the disk.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = _MOST.get(scope["path"], MOST_BYTES)
        announced = _announced(scope)
        refusal = await _refusal(scope) if scope["path"] == _ROSTER else None
        seen = 0

        def bound(size: int) -> None:
            if size > most:
                raise RefusedBodyError(_too_large(most))
            if refusal is not None and size > MOST_BYTES:
                raise RefusedBodyError(refusal)

        async def bounded() -> Message:
            nonlocal seen
            bound(announced)
            message = await receive()
            seen += len(message.get("body", b""))
            bound(seen)
            return message

        await self.app(scope, bounded, send)


async def _refusal(scope: Scope) -> AlertdError | None:
    """Why whoever asks may not send a whole city's files; None where they may."""
    request = Request(scope)
    try:
        asker = await who_asks(request, deps_of(request))
        require(asker.actor, "roster", [""])
    except AlertdError as error:
        return error
    return None


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else _INT64  # noqa: PLR2004 - digits of 2**63
    return 0


def _too_large(most: int) -> TooLargeError:
    hint = "Import larger files on the server itself: alertd roster import."
    return TooLargeError(
        f"The request's body is over {most // 1024} KiB.",
        hint=hint if most == MOST_PAGE_BYTES else None,
    )


class StrictRequest(Request):
    """A request whose JSON is read by `read_json`."""

    async def json(self) -> Any:
        """The body's value."""
        if not hasattr(self, "_strict"):
            try:
                self._strict = read_json(await self.body())
            except AlertdError as error:
                raise RefusedBodyError(error) from None
        return self._strict


class StrictRoute(APIRoute):
    """A route that reads its JSON strictly, and writes nothing that it wasn't asked for.

    A write whose `dry_run` is misspelt would be done.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, on a strict request."""
        handler = super().get_route_handler()
        known = {each.alias for each in get_flat_params(self.dependant)}
        writes = not (self.methods or set()) & {"GET", "HEAD"}

        async def strict(request: Request) -> Response:
            if writes and (unknown := request.query_params.keys() - known):
                raise RefusedBodyError(_unknown(min(unknown)))
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def _unknown(name: str) -> InvalidInputError:
    return InvalidInputError(
        "The address asks for something that isn't known here.", field=sound(name)[:_MOST_NAME]
    )


def read_json(data: bytes) -> Any:
    """Decode a JSON body.

    Raises:
        InvalidInputError: It isn't JSON, or holds what can't be stored; `field` says where.
    """
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise InvalidInputError("The request's body isn't UTF-8 text.") from None
    except RecursionError:
        raise InvalidInputError("The request's body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"The request's body isn't JSON: line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError:  # an integer of thousands of digits
        raise InvalidInputError("The request's body holds a number out of bounds.") from None
    _check(value, "", 0)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidInputError("The request's body gives a name twice in one object.")
    return value


def _no_constant(_name: str) -> Any:
    raise InvalidInputError("The request's body holds NaN or Infinity.")


def _check(value: Any, path: str, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise InvalidInputError("The request's body is nested too deeply.")
    if isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, int | float):
        _check_number(value, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check(item, f"{path}[{number}]", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            check_text(name, path)
            _check(item, f"{path}.{name}" if path else name, depth + 1)


def _check_number(value: float, path: str) -> None:
    fits = -_INT64 <= value < _INT64 if isinstance(value, int) else math.isfinite(value)
    if not fits:  # 1e999 is read as infinity
        raise InvalidInputError("A number is out of bounds.", field=sound(path) or None)


def check_text(text: str, field: str) -> None:
    """Refuse what no database and no gateway can carry.

    Raises:
        InvalidInputError: NUL or half a surrogate pair.
    """
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInputError(
            "A text holds a NUL or half a surrogate pair.", field=sound(field) or None
        )


def sound(text: str) -> str:
    """A text that any encoder takes."""
    return text.encode("utf-8", "replace").decode()


def read_form(data: bytes, content_type: str) -> dict[str, str]:
    """Decode a URL-encoded form of which the last value of each name counts; see `read_fields`."""
    return {name: values[-1] for name, values in read_fields(data, content_type).items()}


def read_fields(data: bytes, content_type: str) -> dict[str, list[str]]:
    """Decode a URL-encoded form with every value of each name, in the form's order.

    The bytes are what the content type's charset says, else UTF-8, else GBK.

    Raises:
        InvalidInputError: It is another kind of body, or in no encoding known here.
    """
    kind, _, rest = content_type.partition(";")
    if kind.strip().lower() != "application/x-www-form-urlencoded":
        raise InvalidInputError("The request's body isn't a form.")
    try:
        pairs = parse_qsl(
            data.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise InvalidInputError("The form has too many fields.") from None
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    said = rest.strip().lower().removeprefix("charset=").strip('"')
    for encoding in dict.fromkeys((said, "utf-8", "gb18030")):
        if encoding in _FORM_ENCODINGS:
            try:
                decoded = [(name.decode(encoding), value.decode(encoding)) for name, value in raw]
            except UnicodeDecodeError:
                continue
            form: dict[str, list[str]] = {}
            for name, value in decoded:
                check_text(name, "")
                check_text(value, name)
                form.setdefault(name, []).append(value)
            return form
    raise InvalidInputError("The form is in no encoding known here.", hint="Send UTF-8.")


_FORM_ENCODINGS: Final = frozenset({"utf-8", "utf8", "gbk", "gb2312", "gb18030"})
