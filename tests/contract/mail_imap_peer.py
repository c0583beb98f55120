"""A small IMAP4rev1 server (RFC 3501) on a real socket: one folder, and what was done to it.

It shares no code with the route. Debian's Dovecot is asked the same in tests/peers.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass


@dataclass
class Mail:
    """A mail in the folder."""

    uid: int
    raw: bytes
    seen: bool = False


class ImapPeer:
    """One user's INBOX.

    Attributes:
        mails: What lies there.
        commands: What was asked, without arguments that are secret.
        trouble: `refuse-login`, `drop` (in the middle of a mail), `garbage`, `hang`; None is none.
        hanging: How many commands found no answer.
    """

    def __init__(self, username: str, password: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self.trouble: str | None = None
        self.hanging = 0
        self.port = 0
        self._login = f'"{username}" "{password}"'
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def put(self, raw: bytes) -> Mail:
        """A mail arrives."""
        mail = Mail(len(self.mails) + 1, raw)
        self.mails.append(mail)
        return mail

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            for writer in list(self._writers):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            writer.write(b"* OK ready\r\n")
            while line := await reader.readline():
                tag, _, rest = line.decode().rstrip("\r\n").partition(" ")
                word = rest.split(" ")[0].upper()
                self.commands.append(word if word == "LOGIN" else rest)
                if self.trouble == "hang":
                    self.hanging += 1
                    continue
                if self.trouble == "garbage":
                    writer.write(b"\x16\x03\x01 nonsense\r\n" * 3)
                    return
                for piece in self._answer(word, rest):
                    writer.write(piece)
                    if self.trouble == "drop" and b"{" in piece:
                        return
                ok = not (word == "LOGIN" and self._refuses(rest))
                writer.write(f"{tag} {'OK' if ok else 'NO'} done\r\n".encode())
                await writer.drain()
                if word == "LOGOUT":
                    return
        except ConnectionError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def _refuses(self, rest: str) -> bool:
        given = rest.partition(" ")[2].replace('"', "")
        return self.trouble == "refuse-login" or given != self._login.replace('"', "")

    def _answer(self, word: str, rest: str) -> list[bytes]:
        match word:
            case "CAPABILITY":
                return [b"* CAPABILITY IMAP4rev1\r\n"]
            case "SELECT":
                return [f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY 77] ok\r\n".encode()]
            case "LOGOUT":
                return [b"* BYE\r\n"]
            case "UID":
                return self._by_uid(rest)
        return []

    def _by_uid(self, rest: str) -> list[bytes]:
        _, what, *more = rest.split(" ")
        if what.upper() == "SEARCH":
            unseen = " ".join(str(mail.uid) for mail in self.mails if not mail.seen)
            return [f"* SEARCH {unseen}".rstrip().encode() + b"\r\n"]
        uids = {int(uid) for uid in more[0].split(",")}
        chosen = [mail for mail in self.mails if mail.uid in uids]
        if what.upper() == "STORE":
            assert more[1:] == ["+FLAGS", r"(\Seen)"]
            for mail in chosen:
                mail.seen = True
            return []
        asked = re.fullmatch(r"\(UID BODY\.PEEK\[\]<0\.(\d+)>\)", " ".join(more[1:]))
        assert asked is not None
        return [piece for mail in chosen for piece in _fetched(mail, int(asked[1]))]


def _fetched(mail: Mail, most: int) -> list[bytes]:
    raw = mail.raw[:most]
    head = f"* {mail.uid} FETCH (UID {mail.uid} BODY[]<0> {{{len(raw)}}}\r\n"
    return [head.encode() + raw[: len(raw) // 2], raw[len(raw) // 2 :] + b")\r\n"]
