"""The mailbox of a real mail server: what lies unseen in Dovecot's is read once, and marked."""

import asyncio
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from channels.base import Limits, Receipt, ReceiptStatus, Reply, RouteConfig, RouteContext
from channels.mail.marks import Marks
from channels.mail.smtp import MailRoute
from tests.contract.mail_letters import answer, bounce
from tests.contract.peer import Recorder, until

pytestmark = pytest.mark.peers

DOVECOT = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
MAY = DOVECOT is not None and os.geteuid() == 0
USER, PASSWORD, SECRET, OWNER = "alertd", "s3cret-word", "signs", "nobody"
TRIES = 20  # at a port that was free a moment ago

CONFIG = """
base_dir = {folder}/run
log_path = {folder}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
mail_uid = {owner}
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid=nogroup home={folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    """A server of its own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        for box in ("new", "cur", "tmp"):
            (self.folder / "mail" / box).mkdir(parents=True)
        who = pwd.getpwnam(OWNER)
        for path in (self.folder / "mail").rglob("*"):
            os.chown(path, who.pw_uid, -1)
        os.chown(self.folder / "mail", who.pw_uid, -1)
        dice = Random(os.getpid())
        for _ in range(TRIES):  # it takes no port 0
            self.port = dice.randrange(20_000, 30_000)
            if await self._comes_up():
                return
            await self.stop()
        pytest.fail((self.folder / "log").read_text("utf-8", "replace")[-2000:])

    async def _comes_up(self) -> bool:
        config = self.folder / "dovecot.conf"
        config.write_text(
            CONFIG.format(folder=self.folder, port=self.port, password=PASSWORD, owner=OWNER)
        )
        self._process = await asyncio.create_subprocess_exec(
            str(DOVECOT), "-F", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
        )
        end = time.monotonic() + 10
        while time.monotonic() < end and self._process.returncode is None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            greeting = await reader.readline()
            writer.close()
            return b"Dovecot" in greeting
        return False

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
        if self._process is not None:
            await self._process.wait()

    def put(self, raw: bytes, name: str) -> None:
        path = self.folder / "mail" / "tmp" / name
        path.write_bytes(raw)
        os.chown(path, pwd.getpwnam(OWNER).pw_uid, -1)
        path.rename(self.folder / "mail" / "new" / name)

    def seen(self) -> list[str]:
        names = [path.name for path in (self.folder / "mail" / "cur").iterdir()]
        return sorted(name.partition(":")[0] for name in names if "S" in name.partition(":2,")[2])


@asynccontextmanager
async def served() -> AsyncIterator[Dovecot]:
    if not MAY:
        pytest.skip(
            "Dovecot isn't here, or we aren't root: scripts/system-packages.sh dovecot-imapd"
        )
    # Not below pytest's own folder, which the mailbox's owner may not enter.
    with tempfile.TemporaryDirectory(prefix="alertd-dovecot-") as name:
        os.chmod(name, 0o755)  # noqa: PTH101, S103 - nothing waits yet; nothing in it is secret
        server = Dovecot(Path(name))
        try:
            await server.start()
            yield server
        finally:
            await server.stop()


def made(server: Dovecot, sink: Recorder) -> MailRoute:
    options = {
        "host": "127.0.0.1",
        "port": 1,
        "security": "none",
        "secret": SECRET,
        "from": "alertd@city.example",
        "poll_s": 0.1,
        "imap_host": "127.0.0.1",
        "imap_port": server.port,
        "imap_security": "none",
        "imap_username": USER,
        "imap_password": PASSWORD,
    }
    return MailRoute(
        RouteConfig(name="r1", type="mail", limits=Limits(timeout_s=10), options=options),
        RouteContext(
            now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url="http://x"
        ),
    )


async def test_what_lies_unseen_is_read_once_and_marked() -> None:
    async with served() as server:
        ours = Marks(SECRET, "city.example").make(7, 2, "v@village.example")
        names = [f"m{number:02}" for number in range(30)]
        for number, name in enumerate(names):
            given = {"sender": "v@village.example", "Message_ID": f"<{number}@phone.example>"}
            server.put(answer(f"2 {number}/40\r\n\r\n> 回1收到\r\n", to=ours, **given), name)
        server.put(bounce(ours, "failed", "5.1.1"), "z-bounce")
        sink = Recorder()
        route = made(server, sink)
        await route.start()
        try:

            async def all_seen() -> bool:
                return server.seen() == [*names, "z-bounce"]

            await until(all_seen)
            # A mail that comes while the connection stands is found, too.
            server.put(answer("收到", sender="w@village.example"), "zz-later")

            async def later_seen() -> bool:
                return "zz-later" in server.seen()

            await until(later_seen)
        finally:
            await route.close()
        texts = [event.text for event in sink.events if isinstance(event, Reply)]
        assert sorted(texts[:-1]) == sorted(f"2 {number}/40" for number in range(30))
        assert texts[-1] == "收到"
        states = [event.status for event in sink.events if isinstance(event, Receipt)]
        assert states.count(ReceiptStatus.FAILED) == 1
        assert states.count(ReceiptStatus.DELIVERED) == 30
