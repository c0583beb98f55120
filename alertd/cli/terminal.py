"""`alertd terminal …`: be a loudspeaker, and let loudspeakers in or shut them out."""

import asyncio
import secrets
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from alertd.cli import show
from alertd.cli.client import connect
from alertd.cli.enrolling import Enrolment, bundle_of, let_in
from alertd.cli.logs import configure
from alertd.cli.options import As, Json
from alertd.cli.words import LANGUAGE, _
from alertd.errors import ConflictError, InvalidInputError, NotConfiguredError
from alertd.i18n import sentence
from alertd.settings import Settings, load
from alertd.whole import in_place_of, write_whole
from alertd.words.sound import why_away, why_silent
from channels.loudspeaker.accounts import ALERTD, Account, Accounts, require_enrollable
from channels.loudspeaker.box.box import Box
from channels.loudspeaker.box.player import CommandPlayer, FilePlayer, Player, alsa
from channels.loudspeaker.broker_config import (
    mosquitto_acl,
    mosquitto_conf,
    mosquitto_passwords,
)
from channels.loudspeaker.bundle import Bundle
from channels.loudspeaker.loudness import Hours, read_hours
from channels.loudspeaker.passwords import logins, new_password
from channels.loudspeaker.speech.store import SoundStore
from channels.loudspeaker.speech.voice import NoSpeechError, Voice

_UP_PATIENCE_S: Final = 10.0

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help=_("The loudspeakers' ids."))]
Listed = Annotated[
    Path | None, typer.Option("--from", help=_("A file with an id a line, in place of arguments."))
]
Clips = Annotated[
    Path | None,
    typer.Option(help=_("A folder of recorded phrases; each WAV is named by its words.")),
]

app = typer.Typer()


@app.command("run", help=_("Be a loudspeaker: obey signed commands until Ctrl-C."))
def run(  # noqa: D103 - its help says it
    bundle: Annotated[Path, typer.Argument(help=_("The file that `alertd terminal enrol` made."))],
    folder: Annotated[
        Path, typer.Option(help=_("Its memory and its sounds; one for each loudspeaker."))
    ] = Path("terminal"),
    player: Annotated[
        str,
        typer.Option(help=_("alsa, alsa:DEVICE, file:FOLDER, or a command that gets {file}.")),
    ] = "alsa",
    quiet: Annotated[
        list[str] | None,
        typer.Option(help=_("Quieter hours, as 22:00-06:00=40; repeatable. Red isn't quieter.")),
    ] = None,
    clips: Clips = None,
    speech: Annotated[
        bool, typer.Option(help=_("Speak a text here where its sound can't be had."))
    ] = True,
    as_json: Json = False,
) -> None:
    configure("info")
    try:
        told = Bundle.from_json(bundle.read_bytes())
        hours = [read_hours(text) for text in quiet or []]
    except OSError as error:
        raise NotConfiguredError(f"The bundle can't be read: {error.strerror}.") from None
    except ValueError as error:
        reason = str(error)
        raise InvalidInputError(f"The bundle or an option is wrong: {reason}.") from None
    voice = Voice(clips) if speech else None
    asyncio.run(_run(told, folder, _player(player), voice, hours, as_json=as_json))


async def _run(
    bundle: Bundle,
    folder: Path,
    player: Player,
    voice: Voice | None,
    hours: list[Hours],
    *,
    as_json: bool,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    box = Box(bundle, folder, player, voice=voice, hours=hours)
    await box.start()
    try:
        up = await box.wait_up(_UP_PATIENCE_S)
        document = {"terminal": bundle.terminal, "online": up, "problem": box.problem}
        show.answer(document, as_json=as_json, human=lambda: _welcome(bundle.terminal, box.problem))
        sys.stdout.flush()  # whoever started us waits for this word
        await stop.wait()
    finally:
        await box.close()


def _welcome(terminal: str, problem: str) -> None:
    if problem:
        show.line(
            _("{terminal} isn't connected yet: {problem}").format(
                terminal=terminal, problem=sentence(LANGUAGE, why_away(problem))
            )
        )
    else:
        show.line(_("{terminal} is online.").format(terminal=terminal))
    show.line(_("Ctrl-C ends it."))


def _player(text: str) -> Player:
    kind, _colon, rest = text.partition(":")
    if kind == "alsa":
        return alsa(rest or "default")
    if kind == "file" and rest:
        return FilePlayer(Path(rest))
    command = _words(text, "player")
    if not command:
        raise InvalidInputError("The player is empty.", field="player")
    return CommandPlayer(command)


@app.command("enrol", help=_("Let loudspeakers in: an account and a bundle for each."))
def enrol(  # noqa: D103 - its help says it
    ids: Ids = None,
    listed: Listed = None,
    out: Annotated[Path, typer.Option(help=_("Where the bundles go."))] = Path("bundles"),
    area: Annotated[
        list[str] | None, typer.Option(help=_("An area whose commands they obey; repeatable."))
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(help=_("How they reach the broker: mqtt://host:port or mqtts://host:port.")),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help=_("The authority of the broker's certificate, PEM."))
    ] = None,
    audio: Annotated[
        str | None, typer.Option(help=_("Where they fetch sounds ahead; '' for nowhere."))
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(help=_("A further public key whose commands they obey, base64; repeatable.")),
    ] = None,
    heartbeat_s: Annotated[float, typer.Option(help=_("How often they say how they are."))] = 60.0,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    settings = load()
    enrolment = Enrolment(
        settings,
        areas=area,
        broker=broker,
        ca=ca,
        audio=audio,
        trust=trust,
        heartbeat_s=heartbeat_s,
    )
    named = _named(ids, listed)
    require_enrollable(named, enrolment.areas)
    accounts = [Account(terminal, new_password(), enrolment.areas) for terminal in named]

    async def enrolled() -> bool:
        async with connect(settings, acting_as=acting_as) as client:
            return await let_in(client, enrolment, accounts, out)

    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        followed = asyncio.run(enrolled())
    except OSError as error:
        raise InvalidInputError(f"{out} can't be written to: {error.strerror}.") from None
    text = _("{count} enrolled; their bundles are in {out}. Each is a secret.")
    show.answer(
        [{"terminal": a.terminal, "bundle": str(bundle_of(a, out))} for a in accounts],
        as_json=as_json,
        human=lambda: _told(text.format(count=len(accounts), out=out), followed=followed),
    )


def _told(text: str, *, followed: bool) -> None:
    show.line(text)
    if not followed:
        show.line(
            _("It is on record, but the broker's file can't be written yet: see alertd doctor.")
        )


@app.command("revoke", help=_("Shut loudspeakers out; the embedded broker does it at once."))
def revoke(  # noqa: D103 - its help says it
    ids: Ids = None, listed: Listed = None, acting_as: As = None, as_json: Json = False
) -> None:
    named = _named(ids, listed)

    async def revoked() -> Any:
        async with connect(load(), acting_as=acting_as, reads_only=True) as client:
            return await client.post("/api/v1/terminals/revoke", {"terminals": named})

    done = asyncio.run(revoked())
    ended = done["logins"]
    text = _("{count} shut out.").format(count=len(ended))
    show.answer(
        [{"terminal": each["terminal"], "revoked_at": each["revoked_at"]} for each in ended],
        as_json=as_json,
        human=lambda: _told(text, followed=done["followed"]),
    )


@app.command("list", help=_("List enrolled loudspeakers."))
def list_terminals(acting_as: As = None, as_json: Json = False) -> None:  # noqa: D103 - its help
    accounts = asyncio.run(_logins(load(), acting_as))
    heads = (_("loudspeaker"), _("areas"), _("enrolled"), _("shut out"))
    rows = [
        (
            each["terminal"],
            " ".join(each["areas"]),
            show.moment(each["enrolled_at"]),
            show.moment(each["revoked_at"]),
        )
        for each in accounts
    ]
    show.answer(accounts, as_json=as_json, human=lambda: show.table(heads, rows))


async def _logins(settings: Settings, acting_as: str | None = None) -> list[dict[str, Any]]:
    """The logins on record; the broker's file follows them once this has answered."""
    async with connect(settings, acting_as=acting_as, reads_only=True) as client:
        found: list[dict[str, Any]] = await client.get("/api/v1/terminals/logins")
        return found


@app.command(
    "mosquitto", help=_("Write Mosquitto's passwords, ACL and an example of its settings.")
)
def mosquitto(  # noqa: D103 - its help says it
    out: Annotated[Path, typer.Argument(metavar="FOLDER")],
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    settings = load()
    folder = settings.broker_dir

    async def handed_out() -> set[str]:
        async with connect(settings, acting_as=acting_as, reads_only=True) as client:
            known = await client.get("/api/v1/terminals/logins")
            await client.post("/api/v1/record/handed-out", {"what": "mosquitto"})
        return {each["terminal"] for each in known if not each["revoked_at"]}

    good = asyncio.run(handed_out())
    accounts, own = list(Accounts(folder).all().values()), logins(folder)[ALERTD]
    if good != {account.terminal for account in accounts if account.good}:
        raise ConflictError(
            "The file of the loudspeakers' logins here doesn't say what is on record.",
            hint="Run it where alertd serves, and see: alertd doctor",
        )
    passwords = mosquitto_passwords(own, accounts, secrets.token_bytes)
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(out / "passwords", passwords.encode(), mode=0o600)
        write_whole(out / "acl", mosquitto_acl(accounts).encode(), mode=0o600)
        write_whole(out / "mosquitto.conf", mosquitto_conf(out.resolve()).encode())
    except OSError as error:
        raise InvalidInputError(f"{out} can't be written to: {error.strerror}.") from None
    text = _("Written to {out}. alertd logs in as 'alertd' with the password in {logins}.")
    where = {"out": str(out), "logins": str(folder / "logins.json")}
    show.answer(where, as_json=as_json, human=lambda: show.line(text.format(**where)))


@app.command("say", help=_("Say a text: into a file, or for the season's sounds."))
def say(  # noqa: D103 - its help says it
    text: Annotated[str, typer.Argument(help=_("What is said."))],
    out: Annotated[Path | None, typer.Option(help=_("The WAV that is written."))] = None,
    language: Annotated[str, typer.Option(help=_("zh-CN or en."))] = "zh-CN",
    clips: Clips = None,
    voice: Annotated[
        str | None,
        typer.Option(help=_("A command in espeak-ng's place: text on stdin, WAV to {file}.")),
    ] = None,
    season: Annotated[
        bool, typer.Option("--season", help=_("Loudspeakers fetch it before it is needed."))
    ] = False,
    as_json: Json = False,
) -> None:
    speaker = Voice(clips, program=_words(voice, "voice"))
    try:
        name = asyncio.run(_say(speaker, text, language, out, season=season))
    except NoSpeechError as error:
        reason = why_silent(error.code)
        raise NotConfiguredError(f"It can't be said: {reason}.") from None
    show.answer({"sha256": name}, as_json=as_json, human=lambda: show.line(name))


def _words(command: str | None, option: str) -> list[str]:
    try:
        return shlex.split(command or "")
    except ValueError:
        raise InvalidInputError("The command has a quotation mark too few.", field=option) from None


async def _say(voice: Voice, text: str, language: str, out: Path | None, *, season: bool) -> str:
    store = SoundStore(load().data_dir / "audio")
    name = await store.said(voice, text, language)
    if out is not None and (path := store.path(name)) is not None:
        try:
            with in_place_of(out) as draft:
                await asyncio.to_thread(shutil.copyfile, path, draft)
        except OSError as error:
            raise InvalidInputError(f"{out} can't be written to: {error.strerror}.") from None
    if season:
        store.keep_for_season([name])
    return name


def _named(ids: list[str] | None, listed: Path | None) -> list[str]:
    try:
        more = [] if listed is None else listed.read_text("utf-8").split()
    except OSError as error:
        raise InvalidInputError(
            f"The list can't be read: {error.strerror}.", field="from"
        ) from None
    found = list(dict.fromkeys([*(ids or []), *more]))
    if not found:
        raise InvalidInputError(
            "No loudspeaker is named.", hint="Give ids, or a file of them with --from."
        )
    return found
