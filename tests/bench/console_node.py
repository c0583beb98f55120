"""An alertd whose city has been told, with its console served; a process of its own.

    python console_node.py FACTS_OUT BOARDS

Prints its port. Writes, as JSON: the alert's id and short code, the phones of those who were told,
one each, and a signed-in session's cookie for each of so many boards. Everything is the real thing
but the gateway, which takes at once whatever is handed over.
"""

import asyncio
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from ground import CACHE, Ground, ground  # noqa: E402 - the path comes first
from inbound_node import SECRET, Taking, _now, _nowhere, _phones  # noqa: E402 - the same

from alertd.clock import SteadyClock  # noqa: E402 - the same
from alertd.engine.heap import settle_heap  # noqa: E402 - the same
from alertd.engine.runner import Runner  # noqa: E402 - the same
from alertd.engine.timekeeping import Timekeeper  # noqa: E402 - the same
from alertd.settings import load  # noqa: E402 - the same
from alertd.store import access  # noqa: E402 - the same
from alertd.store.identity import SequentialIds  # noqa: E402 - the same
from alertd.store.reads import alerts as reads  # noqa: E402 - the same
from alertd.web.app import create_app  # noqa: E402 - the same
from alertd.web.commands.sessions import open_session  # noqa: E402 - the same
from alertd.web.deps import Deps  # noqa: E402 - the same
from alertd.web.server import listen, server_for  # noqa: E402 - the same
from channels import registry  # noqa: E402 - the same
from channels.base import RouteConfig, RouteContext  # noqa: E402 - the same

_SHIFT_MS = 12 * 3_600_000


async def main(facts_out: Path, boards: int) -> None:
    """Tell the city, then serve it."""
    with ground(20_000) as here, tempfile.TemporaryDirectory(dir=CACHE) as folder:
        here.now = _now()
        drafted = here.draft()
        here.expand(drafted)
        here.hand_over(30_000)
        with here.store.read() as connection:
            code = reads.alert(connection, drafted).view.short_code
        sessions = _let_in(here, boards)
        facts = {
            "alert": drafted.hex(),
            "code": code,
            "phones": _phones(here),
            "sessions": sessions,
        }
        facts_out.write_text(json.dumps(facts))  # noqa: ASYNC240 - nothing runs beside it yet
        await _serve(here, Path(folder))


def _let_in(here: Ground, boards: int) -> list[str]:
    """A duty officer who is signed in once for each board; the sessions' cookies."""
    with here.store.transaction(here.now) as tx:
        officer = access.create_principal(
            tx, SequentialIds("who"), name="desk", role="duty_officer", by="bench"
        )
    cookies = [f"session-{number}-{'x' * 24}" for number in range(boards)]
    for cookie in cookies:
        opening = partial(
            open_session,
            principal_no=officer.no,
            secret=cookie,
            csrf=f"csrf-{cookie}",
            lasts_ms=_SHIFT_MS,
        )
        here.take(opening)
    return cookies


async def _serve(here: Ground, folder: Path) -> None:
    config = RouteConfig(
        name="sms", type="handsets", options={"url": "http://127.0.0.1:1", "secret": SECRET}
    )
    context = RouteContext(now=_now, sink=_nowhere, public_base_url="http://127.0.0.1")
    channel = Taking(registry.build(config, context))
    here.engine.routes = {"sms": here.engine.routes["sms"]}
    clock = SteadyClock()
    keeper = Timekeeper(here.store, clock, moved=here.engine.leapt)
    runner = Runner(here.engine, {"sms": channel}, now=clock, keeper=keeper)
    deps = Deps(
        store=here.store,
        runner=runner,
        library=here.library,
        wording=here.engine.wording,
        settings=load(data_dir=folder, host="127.0.0.1", port=0),
        now=clock,
        channels={"sms": channel},
        stopping=asyncio.Event(),
    )
    await runner.start()
    server = server_for(create_app(deps), deps.stopping, deps.settings)
    sock = listen(deps.settings)
    settle_heap()
    sys.stdout.write(f"{sock.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve(sockets=[sock])
    await runner.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
    os._exit(0)
