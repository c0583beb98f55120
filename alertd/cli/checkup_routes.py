"""Routes as doctor sees them: asked of the server, or built and asked here."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from alertd.beside import Running, kept_token
from alertd.bootstrap import EMBEDDED
from alertd.cli.checkup_answers import one_way_findings
from alertd.cli.client import Client, http_client
from alertd.cli.findings import PATIENCE_S, Finding, Health, of_error
from alertd.cli.words import LANGUAGE, _, listed, told, word
from alertd.clock import SteadyClock
from alertd.errors import AlertdError
from alertd.i18n import sentence
from alertd.provision import command_key, route_config
from alertd.settings import Settings
from channels import registry
from channels.base import Channel, ChannelKind, Event, RouteContext
from channels.base import Health as RouteHealth
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.broker import find_binary
from channels.loudspeaker.broker_life import is_run
from channels.loudspeaker.broker_port import free_port
from channels.loudspeaker.broker_store import kept_aside
from channels.out import trouble_of

_HEALTH_S: Final = 3.0
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_COMING_S: Final = {"modems": 10.0}  # what a route may need to find its gateway: gammu takes 4 s
# A city without one of these reaches too few; calls, mail and paper come on top.
_EXPECTED: Final = (ChannelKind.SMS, ChannelKind.LOUDSPEAKER, ChannelKind.CHAT)


async def route_findings(settings: Settings, server: Running | None) -> list[Finding]:
    """Every route, and every channel that has none."""
    if server is not None:
        token = kept_token(settings.data_dir)
        async with http_client(server.url, token, patience_s=PATIENCE_S) as http:
            try:
                found = await Client(http, is_server=True).get("/api/v1/routes")
            except AlertdError as error:
                return [of_error(_("routes"), error)]
        findings = [_asked(route) for route in found]
        channels = {route["name"]: route["channel"] for route in found}
        kinds = {route["channel"] for route in found if "Actual" in route["carries"]}
    else:
        names = settings.routes
        built = await asyncio.gather(*(_built(settings, name) for name in names))
        findings = [finding for finding, _ in built]
        channels = {name: kind for name, (_, kind) in zip(names, built, strict=True)}
        kinds = {channels[name] for name, route in names.items() if "Actual" in route.carries}
    return findings + _missing(kinds) + one_way_findings(settings, channels)


def _asked(route: dict[str, Any]) -> Finding:
    health = Health.WELL if route["ok"] and not route["open"] else Health.BROKEN
    text = told(route["type"], sentence(LANGUAGE, route["detail"]))
    if route["open"]:
        text += _(" (its breaker is open: others take its messages)")
    if route["simulated"]:
        text += _(" (simulated: it reaches nobody real)")
    return Finding(_("route {name}").format(name=route["name"]), health, text)


async def _built(settings: Settings, name: str) -> tuple[Finding, str]:
    """A route of the settings, built and asked for its health without the engine; its channel."""
    speakers = ChannelKind.LOUDSPEAKER.value
    what, given = _("route {name}").format(name=name), settings.routes[name]
    options = given.plain_options()
    if given.type == "mqtt" and options.get("broker", EMBEDDED) == EMBEDDED:
        text = _("mqtt: the embedded broker starts with the server")
        return Finding(what, Health.WELL, text), speakers
    if given.type == "mqtt":
        options.setdefault("key_file", str(command_key(settings)))
        if not _is_there(options["key_file"]):
            text = _("mqtt: its signing key is made at the first start")
            return Finding(what, Health.LOOK, text), speakers
    context = RouteContext(now=SteadyClock(), sink=_nobody, public_base_url=settings.base_url)
    try:
        channel = registry.build(replace(route_config(name, given), options=options), context)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are looked at
        return of_error(what, trouble_of(route_config(name, given), error)), ""
    try:
        coming_s = _COMING_S.get(given.type, 0.0)
        async with asyncio.timeout(_HEALTH_S + coming_s):
            await channel.start()
            health = await _settled(channel, coming_s)
    except TimeoutError:
        return Finding(what, Health.BROKEN, _("It doesn't answer.")), channel.kind.value
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are looked at
        return of_error(what, trouble_of(channel.config, error)), channel.kind.value
    finally:
        await channel.close()
    detail = told(given.type, sentence(LANGUAGE, health.detail))
    well = Health.WELL if health.ok else Health.BROKEN
    return Finding(what, well, detail), channel.kind.value


async def _settled(channel: Channel, coming_s: float) -> RouteHealth:
    """Its health once it is well, or has had `coming_s` for it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + coming_s
    while not (health := await channel.health()).ok and loop.time() < until:  # noqa: ASYNC110 - as said
        await asyncio.sleep(0.2)
    return health


def _is_there(file: object) -> bool:
    return Path(str(file)).is_file()


async def _nobody(route: str, events: Sequence[Event]) -> None:
    """What comes in while doctor looks isn't taken: the gateway brings it again."""
    raise ConnectionError(f"{len(events)} events of {route} left with the gateway")


def _missing(kinds: set[str]) -> list[Finding]:
    """A channel without a route reaches nobody in an emergency."""
    lacking = [kind.value for kind in _EXPECTED if kind.value not in kinds]
    if not lacking:
        return []
    text = _("no route carries Actual alerts by: {kinds}").format(
        kinds=listed(word("channel", kind) for kind in lacking)
    )
    if len(lacking) < len(_EXPECTED):
        return [Finding(_("routes"), Health.LOOK, text)]
    how = _("A gateway is a table [routes.NAME] in the settings file: see config/alertd.toml.")
    return [Finding(_("routes"), Health.BROKEN, f"{text}. {how}")]


def broker_finding(settings: Settings) -> Finding:
    """Whether the embedded broker could be started, and whether loudspeakers reach it."""
    what = _("embedded broker")
    needed = any(
        route.type == "mqtt" and route.options.get("broker", EMBEDDED) == EMBEDDED
        for route in settings.routes.values()
    )
    try:
        find_binary()
        enrolled = Accounts(settings.broker_dir).all().values() if needed else ()
        if needed and not is_run(settings.broker_dir):
            free_port(settings.broker_host, settings.broker_port)
    except AlertdError as error:
        finding = of_error(what, error)
        return finding if needed else Finding(what, Health.LOOK, finding.detail)
    here = settings.broker_host in _THIS_MACHINE or settings.broker_port == 0
    if here and any(account.good for account in enrolled):
        text = _(
            "loudspeakers are enrolled, but only this machine reaches it, or on a port that"
            " changes: set broker_host and broker_port"
        )
        return Finding(what, Health.LOOK, text)
    if needed and (kept := kept_aside(settings.broker_dir)):
        text = _(
            "its store was damaged, and was put aside and made anew: look after the disk, then"
            " delete {folder}"
        )
        return Finding(what, Health.LOOK, text.format(folder=kept[-1]))
    return Finding(what, Health.WELL, _("installed"))
