"""The server beside us: what it left in the data folder for commands, and whether it answers.

`python -m alertd.beside` is what the image's HEALTHCHECK asks: 0 where the server answers, else 1.
"""

import json
import os
import ssl
import sys
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from alertd.errors import AlertdError
from alertd.settings import TOKEN_FILE, load
from alertd.whole import write_whole

RUN_FILE: Final = "run.json"
_WHATEVER_THE_DAY: Final = ssl.VerifyFlags(0x200000)  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME
_PATIENCE_S: Final = 4.0  # the image's HEALTHCHECK gives up after five


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs on this data folder."""

    url: str
    pid: int
    certificate: str = ""  # what it serves with, PEM, as it was read; "" where it speaks plain HTTP
    process: str = ""  # what it is called on record; "" where its settings are those of a sample

    def write(self, data_dir: Path) -> Path:
        """Leave word for commands beside it."""
        path = data_dir / RUN_FILE
        write_whole(path, json.dumps(asdict(self)).encode())
        return path

    def trusted(self) -> ssl.SSLContext | bool:
        """What to trust on the way to it: its very certificate, whatever its names and days.

        One that was renewed since, or is past its day, takes no command away from who has the
        machine: least of all in mid-alert, when nobody starts anything anew.
        """
        if not self.certificate:
            return True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # it is reached by an address of this machine
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _WHATEVER_THE_DAY
        context.load_verify_locations(cadata=self.certificate)
        return context


def left_word(data_dir: Path) -> Running | None:
    """The server that left word here and whose process is there, or None."""
    try:
        found = json.loads((data_dir / RUN_FILE).read_text(encoding="utf-8"))
        words = (str(found.get(name, "")) for name in ("certificate", "process"))
        server = Running(str(found["url"]), int(found["pid"]), *words)
        os.kill(server.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return server


def kept_token(data_dir: Path) -> str:
    """The command line's own token, or ""."""
    try:
        return (data_dir / TOKEN_FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def healthy(data_dir: Path) -> bool:
    """Whether the server of this folder answers, by HTTP or HTTPS as it is served.

    Nothing is told to it and nothing of its answer is believed but that it came. So the certificate
    isn't looked at: one that was renewed since the start, or is past its day, doesn't make a server
    that still sends alerts a dead one.
    """
    server = left_word(data_dir)
    if server is None:
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(f"{server.url}/healthz", timeout=_PATIENCE_S) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's
    except (OSError, ValueError):  # refused, too late, or no such address
        return False


def main() -> int:
    """0 where the server beside us answers, else 1."""
    try:
        return 0 if healthy(load().data_dir) else 1
    except AlertdError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
