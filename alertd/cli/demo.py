"""`alertd demo`: the whole job once, in a world of simulated phones, and what it came to.

A sample city is imported, a red typhoon alert is drafted by one principal and approved by a second
one, everybody answers or doesn't, the ladders climb to the duty desk, the all-clear goes out, and
the report is written. At the end the promises are held against what the peers wrote down.
"""

import asyncio
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from alertd.bootstrap import Node
from alertd.cli import show
from alertd.cli.client import Client, http_client
from alertd.cli.demo_check import Checked, check
from alertd.cli.demo_summary import document, summary
from alertd.cli.demo_view import Progress
from alertd.cli.framework import INTERRUPTED
from alertd.cli.keys import token_for
from alertd.cli.logs import configure
from alertd.cli.options import Json
from alertd.cli.sample import SampleWorld
from alertd.cli.serving import Serving, stoppable
from alertd.cli.words import LANGUAGE, _
from alertd.clock import SteadyClock
from alertd.errors import AlertdError
from alertd.i18n import LANGUAGES
from alertd.report.make import FORMATS, make_report
from alertd.settings import Settings, load

OUT: Final = Path("demo-output")
ROLES: Final = ("subdistrict_lead", "community_lead", "grid_leader")
_ALERT: Final = {
    "template": "typhoon",
    "colour": "red",
    "areas": ["330281"],
    "status": "Actual",
    "response_level": "I",
    "storm": "台风“菲特” / Typhoon Fitow",
}
_LADDER_MIN: Final = 16  # red: the duty desk is told 15 minutes after the issue
_SETTLE_S: Final = 12.0  # of our own time, for what is still under way at the end
_DROPPED: Final = 0.03  # of the messages: taken, and the connection cut before the answer
_ONLINE_S: Final = 5.0
_POLL_S: Final = 0.25


def demo(
    speed: Annotated[float, typer.Option(help=_("How many times faster than life."))] = 60.0,
    seed: Annotated[int, typer.Option(help=_("The same seed makes the same city."))] = 7,
    scale: Annotated[float, typer.Option(help=_("1 for Yuyao; 0.05 to 100."))] = 1.0,
    stairwells: Annotated[
        bool, typer.Option("--stairwells", help=_("Tell the 6,900 stairwells too, not only grids."))
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help=_("Keep the data folder here instead of throwing it away."))
    ] = None,
    out: Annotated[Path, typer.Option(help=_("Where the report's files go."))] = OUT,
    as_json: Json = False,
) -> None:
    """Run the demonstration."""
    configure("error")
    folder = keep or Path(tempfile.mkdtemp(prefix="alertd-demo-"))
    started = time.monotonic()
    try:
        settings = _settings(folder)
        roles = (*ROLES, "building_lead") if stairwells else ROLES
        shown = Demo(
            settings, speed=speed, seed=seed, scale=scale, roles=roles, out=out, quiet=as_json
        )
        asyncio.run(stoppable(shown.run, shown.ask_to_stop))
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if shown.checked is None:
        raise typer.Exit(INTERRUPTED)
    checked, wall_s = shown.checked, time.monotonic() - started
    show.answer(
        document(checked, shown.files, wall_s),
        as_json=as_json,
        human=lambda: summary(checked, shown.files, wall_s),
    )
    if broken := [verdict.name for verdict in checked.verdicts if not verdict.held]:
        raise AlertdError(f"A promise was broken: {'; '.join(broken)}.")


def _settings(folder: Path) -> Settings:
    """The city's own settings, but on a folder and a port of its own and with no real route."""
    return load(
        data_dir=folder,
        database_url=None,
        host="127.0.0.1",
        port=0,
        broker_host="127.0.0.1",
        broker_port=0,
        public_base_url="",
        ballast_mb=0.0,
        routes={},
    )


@dataclass(slots=True)
class Demo:
    """One run.

    Args:
        settings: On a folder of its own.
        speed: Of the clock and of the simulated world.
        seed: Of the city.
        scale: Of the city.
        roles: Who is told first.
        out: Where the report goes.
        quiet: No live progress.
    """

    settings: Settings
    speed: float
    seed: int
    scale: float
    roles: tuple[str, ...]
    out: Path
    quiet: bool
    checked: Checked | None = None
    files: list[Path] = field(default_factory=list)
    _serving: Serving | None = None
    _around: SampleWorld | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    def ask_to_stop(self) -> bool:
        """Not asked: it is cancelled, and ends what it started."""
        return False

    async def run(self) -> None:
        """All of it."""
        self._serving = serving = Serving(
            self.settings, prepare=self._prepare, clock=SteadyClock(self.speed)
        )
        await serving.start()
        try:
            async with (
                http_client(serving.url, self._tokens["officer"]) as one,
                http_client(serving.url, self._tokens["second"]) as two,
            ):
                officer, second = Client(one, is_server=True), Client(two, is_server=True)
                alerts = await self._storm(officer, second)
            await self._write_up(serving, alerts)
        finally:
            await serving.stop()

    async def _prepare(self, node: Node, stack: AsyncExitStack) -> None:
        self._around = around = SampleWorld(
            node,
            self.settings.data_dir / "sample",
            seed=self.seed,
            scale=self.scale,
            speed=self.speed,
        )
        stack.push_async_callback(around.stop)
        await around.prepare()
        # Lost answers are a day's work: nobody can tell, until a receipt comes or it is sent again.
        await around.world.trouble_gateway("drop", _DROPPED)
        assert node.store is not None  # noqa: S101 - opened
        with node.store.transaction(node.clock()) as tx:
            self._tokens["officer"] = token_for(tx, "officer", "duty_officer")
            self._tokens["second"] = token_for(tx, "second", "approver")

    async def _storm(self, officer: Client, second: Client) -> tuple[str, str]:
        """From the draft to the all-clear; returns both alerts' ids."""
        with Progress(quiet=self.quiet) as progress:
            await self._until_online(officer)
            body = {**_ALERT, "roles": list(self.roles)}
            first = await self._issue(officer, second, "/api/v1/alerts", body)
            progress.phase(_("Red typhoon alert: told, answered, chased"))
            await self._until_calm(officer, first, progress, least_min=_LADDER_MIN)
            path = f"/api/v1/alerts/{first}/all-clear"
            last = await self._issue(officer, second, path, {})
            progress.phase(_("All-clear to everybody who was told"))
            await self._until_calm(officer, last, progress, least_min=0)
        return first, last

    async def _until_online(self, client: Client) -> None:
        """Until alertd has heard of every loudspeaker, or patience ends."""
        for _try in range(round(_ONLINE_S / _POLL_S)):
            counts = (await client.get("/api/v1/terminals", limit=1))["counts"]
            if counts["online"] == counts["total"]:
                return
            await asyncio.sleep(_POLL_S)

    async def _issue(self, officer: Client, second: Client, path: str, body: Any) -> str:
        """One drafts, the other approves."""
        made = await officer.post(path, body)
        await second.post(f"/api/v1/alerts/{made['id']}/approve")
        return str(made["id"])

    async def _until_calm(
        self, client: Client, alert: str, progress: Progress, *, least_min: float
    ) -> None:
        """Until the ladders had their time and nothing waits any more, or patience ends."""
        calm_by: float | None = None
        while True:
            found = await client.get(f"/api/v1/alerts/{alert}/board")
            progress.show(found)
            now, issued = found["now"], found["alert"]["issued_at"]
            over = issued is not None and now - issued >= least_min * 60_000
            if over and not found["alert"]["expanding"] and not found["board"]["funnel"]["waiting"]:
                return
            if over:
                calm_by = calm_by or time.monotonic() + _SETTLE_S
                if time.monotonic() > calm_by:
                    return
            await asyncio.sleep(_POLL_S)

    async def _write_up(self, serving: Serving, alerts: tuple[str, str]) -> None:
        node, around = serving.node, self._around
        assert node is not None and around is not None  # noqa: S101, PT018 - started
        assert node.runner is not None and node.store is not None  # noqa: S101, PT018 - the same
        with show.working(_("Writing the report and checking the promises")):
            # The engine rests before it is judged: what is under way ends, nothing new begins.
            await node.runner.stop()
            await around.stop()
            self.files, self.checked = await asyncio.to_thread(self._judge, node, around, alerts)

    def _judge(
        self, node: Node, around: SampleWorld, alerts: tuple[str, str]
    ) -> tuple[list[Path], Checked]:
        assert node.store is not None  # noqa: S101 - opened
        languages = (LANGUAGE, *(other for other in LANGUAGES if other != LANGUAGE))
        with node.store.read() as connection:
            checked = check(connection, around, bytes.fromhex(alerts[0]), self.roles, node.clock())
            files = make_report(
                connection,
                checked.alert_no,
                self.out,
                languages=languages,
                forms=FORMATS,
                zone=self.settings.zone,
            )
        return files, checked
