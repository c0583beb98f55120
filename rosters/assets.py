"""One row of the loudspeakers' or the chat groups' file → a value."""

import re
from urllib.parse import urlsplit

from rosters import words
from rosters.cells import Cells
from rosters.model import ChatGroup, Terminal
from rosters.problems import holds_phone

_TERMINAL_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MAILBOX = re.compile(r"[^@\s,;<>\"]{1,64}@[0-9A-Za-z.-]{1,255}")
_NO_ADDRESS = {"mail": "mailbox-invalid", "dingwork": "account-invalid"}
_ACCOUNT = re.compile(r"[A-Za-z0-9_.@$:=+-]{1,64}", re.ASCII)  # of a person, on the platform
_ANY_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S")
_DEFAULT_VOLUME = 80


def read_terminal(cells: Cells) -> Terminal:
    """Read a row of the loudspeakers' file."""
    terminal_id = cells.required("terminal_id")
    if terminal_id and not _TERMINAL_ID.fullmatch(terminal_id):
        cells.error("terminal_id", "terminal-id-invalid")
    elif holds_phone(terminal_id):  # the number of its SIM, perhaps
        cells.error("terminal_id", "id-private")
    lon, lat = cells.number("lon", -180, 180), cells.number("lat", -90, 90)
    if bool(cells.text("lon")) != bool(cells.text("lat")):
        cells.error("lon", "place-half")
    volume = cells.number("volume", 0, 100)
    return Terminal(
        terminal_id=terminal_id,
        unit_code=_unit_code(cells),
        name=cells.required("name"),
        lon=lon,
        lat=lat,
        volume=_DEFAULT_VOLUME if volume is None else round(volume),
    )


def read_group(cells: Cells) -> ChatGroup:
    """Read a row of the chat groups' file."""
    cells.required("kind")
    unit_code = _unit_code(cells)
    kind = cells.word("kind", words.group_kind_of, "kind-unknown") or ""
    url = cells.required("url")
    if kind == "mail":
        url = url.lower()  # as an answer's sender is read; no server tells the two apart
    if url and not _is_address(kind, url):
        cells.error("url", _NO_ADDRESS.get(kind, "url-invalid"))
    group_id = cells.text("group_id")
    if group_id and holds_phone(group_id):
        cells.error("group_id", "id-private")
    return ChatGroup(
        group_id=group_id or f"{unit_code}-{kind}",
        unit_code=unit_code,
        kind=kind,
        url=url,
        secret=cells.text("secret"),
    )


def _unit_code(cells: Cells) -> str:
    cells.required("unit_code")
    return cells.code("unit_code")


def _is_address(kind: str, url: str) -> bool:
    """Whether a group of that kind can be reached there."""
    match kind:
        case "mail":
            return bool(_MAILBOX.fullmatch(url))
        case "poster":
            return True  # where the board hangs, in words
        case "dingwork":
            return bool(_ACCOUNT.fullmatch(url))
        case "apprise":
            return bool(_ANY_URL.match(url))
    return _is_http(url)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
