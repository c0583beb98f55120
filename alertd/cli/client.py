"""One way in: every command speaks to the API, of a running server or of a node of its own.

Beside a running server a command goes through its API. Without one it starts a node in this
process, under the data folder's lock, that sends and decides nothing, and speaks to the same
application without a socket.
"""

import asyncio
import getpass
import json
import os
import sys
import unicodedata
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from alertd.beside import Running, kept_token, left_word
from alertd.cli.framework import INTERRUPTED
from alertd.cli.words import LANGUAGE, _
from alertd.errors import (
    AlertdError,
    ForbiddenError,
    InvalidInputError,
    NotConfiguredError,
    ProblemsError,
    UnavailableError,
    UnsureError,
)
from alertd.settings import Settings
from alertd.whole import in_place_of

TOKEN_VARIABLE: Final = "ALERTD_TOKEN"  # noqa: S105 - a name, not a secret
_EXIT_CODES: Final = {"invalid-input": 2, "problems": 2, "not-configured": 3}
PATIENCE_S: Final = 120.0  # what is printed of a large city takes a while
_SILENCE_S: Final = 30.0  # a heartbeat comes every five
_TRIES: Final = 3
_NOT_ASKED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class StoppedError(UnsureError):
    """Ctrl-C while alertd was at it."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("Stopped, but alertd was at it already: it may have been done.")


class RefusedError(AlertdError):
    """What the API refused, in its own words."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(
            str(problem.get("detail") or problem.get("title") or "The request was refused."),
            field=problem.get("field"),
            hint=problem.get("hint"),
        )
        self.code = str(problem.get("code", "error"))  # type: ignore[misc]
        self.exit_code = _EXIT_CODES.get(self.code, 1)  # type: ignore[misc]


def running(data_dir: Path) -> Running | None:
    """The server that left word here and answers, or None."""
    server = left_word(data_dir)
    if server is None:
        return None
    try:
        trusted = server.trusted()
        answer = httpx.get(f"{server.url}/healthz", timeout=5.0, trust_env=False, verify=trusted)
    except (OSError, httpx.HTTPError):
        return None
    return server if answer.is_success else None


class Client:
    """The API, JSON in and out.

    Args:
        http: With the base URL and the token.
        is_server: Whether a server is behind it, which goes on when this command has ended.
    """

    def __init__(self, http: httpx.AsyncClient, *, is_server: bool) -> None:
        self._http = http
        self.is_server = is_server

    async def get(self, path: str, **params: Any) -> Any:
        """Read; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return (await self._send("GET", path, params=given)).json()

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """Write, once however often the connection is lost on the way.

        Raises:
            AlertdError: It was refused.
            UnsureError: No answer came, or nobody waited for it: it may have been done.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return (await self._send("POST", path, headers=headers, **more)).json()

    async def text(self, path: str, accept: str) -> str:
        """Read it in another form than JSON."""
        return (await self._send("GET", path, headers={"Accept": accept})).text

    async def download(self, path: str, file: Path, /, **params: Any) -> None:
        """Write what the API answers to a file, which stays as it was unless all of it came.

        Raises:
            AlertdError: It was refused, the server is gone, or the file can't be written.
        """
        try:
            async with self._http.stream("GET", path, params=params) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refused(answer)
                # It may hold numbers: its owner's alone where it wasn't there before.
                with in_place_of(file, mode=0o600) as draft, draft.open("wb") as out:
                    async for piece in answer.aiter_bytes():
                        out.write(piece)
        except httpx.TransportError:
            raise UnavailableError("The server doesn't answer.") from None
        except OSError as error:
            raise InvalidInputError(f"{file} can't be written to: {error.strerror}.") from None

    async def printed(self, path: str, body: Any) -> tuple[bytes, list[str]]:
        """What the API prints, a PDF, and the numbers of its sheets."""
        answer = await self._send("POST", path, json=body)
        sheets = answer.headers.get("x-sheets", "")
        return answer.content, [code for code in sheets.split(",") if code]

    async def events(self, path: str, **params: Any) -> AsyncIterator[tuple[str, Any]]:
        """The live stream: (event, data), until the server ends it.

        Raises:
            UnavailableError: The server is gone, or silent for longer than its heartbeat.
        """
        timeout = httpx.Timeout(_SILENCE_S)
        try:
            async with self._http.stream("GET", path, params=params, timeout=timeout) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refused(answer)
                async for event in _events_of(answer):
                    yield event
        except httpx.TransportError:
            raise UnavailableError("The server doesn't answer.") from None

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        reads = method == "GET"
        unsure: UnsureError | None = None
        for _attempt in range(_TRIES):
            try:
                answer = await self._http.request(method, path, **more)
            except asyncio.CancelledError:  # how Ctrl-C comes to whoever awaits
                if reads:
                    raise
                raise StoppedError from None
            except httpx.TransportError as error:
                if not (reads or isinstance(error, _NOT_ASKED)):
                    unsure = UnsureError(
                        "The server doesn't answer: it may have done what it was asked."
                    )
                if isinstance(error, httpx.ReadTimeout):
                    break  # it is there and at it; who asks again waits as long again
            else:
                if answer.is_success:
                    return answer
                refused = _refused(answer)
                maybe = unsure is not None and answer.status_code == UnsureError.http_status
                if reads or not (maybe or refused.code == UnsureError.code):
                    raise refused
                unsure = unsure or UnsureError(refused.message)
        raise unsure or UnavailableError("The server doesn't answer.")


async def _events_of(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in answer.aiter_lines():
        head, _colon, rest = line.partition(":")
        if head == "event":
            name = rest.strip()
        elif head == "data":
            yield name, json.loads(rest)


def _refused(answer: httpx.Response) -> AlertdError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict) or "code" not in problem:
        return UnavailableError(f"The server answered {answer.status_code}.")
    if problem.get("problems"):
        several = ProblemsError(str(problem.get("detail")), [str(p) for p in problem["problems"]])
        several.field, several.hint = problem.get("field"), problem.get("hint")
        return several
    return RefusedError(problem)


@asynccontextmanager
async def connect(
    settings: Settings,
    *,
    acting_as: str | None = None,
    server_only: bool = False,
    reads_only: bool = False,
) -> AsyncIterator[Client]:
    """A client of the running server, or of a node in this process.

    Args:
        settings: Whose data folder.
        acting_as: The principal whose token ALERTD_TOKEN holds, or is asked for; None: whoever's
            that is, and without it the command line's own.
        server_only: What is asked for would end with this process, so that it needs a server.
        reads_only: It only reads, so that there has to be something: a folder that was mistaken
            for another isn't made into an empty city.

    Raises:
        UnavailableError: No server runs, and one is needed.
        NotConfiguredError: There is nothing to read.
        ConflictError: Somebody else has the data folder and doesn't answer.
    """
    server = running(settings.data_dir)
    if server is None and server_only:
        raise UnavailableError(
            "alertd isn't running here, so nothing would be sent.",
            hint=f"Its data folder would be {settings.data_dir}. Start it there: alertd serve; or "
            "name another folder by ALERTD_DATA_DIR.",
        )
    async with AsyncExitStack() as stack:
        if server is not None:
            url, own = server.url, kept_token(settings.data_dir)
            transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(verify=server.trusted())
        else:
            if reads_only:
                require_city(settings)
            url, transport, own = await stack.enter_async_context(_own_node(settings))
        token = _token_of(acting_as) or own
        http = await stack.enter_async_context(http_client(url, token, transport))
        client = Client(http, is_server=server is not None)
        if acting_as is not None:
            await _require_name(client, acting_as)
        yield client


def require_city(settings: Settings) -> None:
    """Raise NotConfiguredError where nothing ever was: another folder is meant than this one."""
    folder = settings.data_dir
    elsewhere = settings.database_url is not None
    if elsewhere or (folder.is_dir() and next(folder.iterdir(), None) is not None):
        return
    raise NotConfiguredError(
        f"There is no alertd in {folder}.",
        hint="Name its data folder by ALERTD_DATA_DIR, or start one there: alertd serve.",
    )


@asynccontextmanager
async def _own_node(
    settings: Settings,
) -> AsyncIterator[tuple[str, httpx.AsyncBaseTransport, str]]:
    """A node in this process, under the lock, and how its application is spoken to."""
    # Two thirds of a command's time go into loading these, and beside a server nothing needs them.
    from alertd.bootstrap import Node  # noqa: PLC0415 - see above
    from alertd.cli.keys import token_of_cli  # noqa: PLC0415 - the same

    node = Node(settings, in_place=True)
    try:
        await node.open()
        assert node.store is not None  # noqa: S101 - opened
        token = token_of_cli(node.store, settings.data_dir, node.clock())
        await node.start()
        yield "http://alertd.invalid", httpx.ASGITransport(node.app()), token  # type: ignore[arg-type]
    finally:
        await node.close()


def _token_of(acting_as: str | None) -> str:
    """What ALERTD_TOKEN holds; a person at the keyboard is asked."""
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    if given or acting_as is None:
        return given
    if not sys.stdin.isatty():
        raise NotConfiguredError(
            f"To act as {acting_as}, their token is needed.",
            hint=f"Set it in {TOKEN_VARIABLE}; it never stands on a command line.",
        )
    return getpass.getpass(_("Token of {name}: ").format(name=acting_as)).strip()


async def _require_name(client: Client, name: str) -> None:
    """Raise ForbiddenError where the token is somebody else's: the record would name the wrong."""
    me = await client.get("/api/v1/me")
    if me["name"] != unicodedata.normalize("NFKC", name).strip().casefold():
        raise ForbiddenError(f"That token isn't {name}'s.")


def http_client(
    url: str,
    token: str,
    transport: httpx.AsyncBaseTransport | None = None,
    *,
    patience_s: float = PATIENCE_S,
) -> httpx.AsyncClient:
    """An HTTP client with a token; no proxy stands between a command and its own server."""
    return httpx.AsyncClient(
        base_url=url,
        transport=transport,
        trust_env=False,
        timeout=patience_s,
        headers={"Authorization": f"Bearer {token}", "Accept-Language": LANGUAGE},
    )
