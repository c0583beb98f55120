"""What a loudspeaker is told when it is enrolled, from the settings and from what was asked for."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from alertd.cli.client import Client
from alertd.errors import InvalidInputError, UnsureError
from alertd.settings import RouteSettings, Settings
from alertd.whole import in_place_of, sync
from channels.loudspeaker.accounts import Account
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.bundle import Bundle
from channels.loudspeaker.keys import make_key, read_public

_EMBEDDED = "embedded"
_ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - looked for, not listened on


class Enrolment:
    """What all loudspeakers of one call have in common.

    Args:
        settings: As read; its loudspeakers' route says which broker and key.
        areas: Codes.
        broker: How they reach the broker; None: as the settings say.
        ca: A PEM file; None: the route's own, where its broker is theirs too.
        audio: Where sounds are; None: at the server's own address, where it has one.
        trust: Further public keys.
        heartbeat_s: How often they say how they are.

    Raises:
        InvalidInputError: Something given is wrong, or can't be known.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        areas: Sequence[str] | None,
        broker: str | None,
        ca: Path | None,
        audio: str | None,
        trust: Sequence[str] | None,
        heartbeat_s: float,
    ) -> None:
        routes = [route for route in settings.routes.values() if route.type == "mqtt"]
        route = routes[0] if routes else None
        self.areas = tuple(areas or ())
        self._broker = _broker(settings, route, broker)
        self._keys = _keys(settings, route, trust or ())
        known = None if route is None or broker is not None else route.options.get("ca_file")
        file = ca or (Path(str(known)) if known else None)
        self._ca = "" if file is None else _pem(file)
        offered = f"{settings.public_base_url}/audio" if settings.public_base_url else ""
        self._audio = offered if audio is None else audio
        self._heartbeat_s = heartbeat_s
        self._timezone = settings.timezone
        self.bundle(Account("probe", "probe", self.areas))  # before anybody's password is changed

    def bundle(self, account: Account) -> Bundle:
        """The bundle of one of them.

        Raises:
            InvalidInputError: It would be one that no loudspeaker can read.
        """
        login = replace(self._broker, username=account.terminal, password=account.password)
        made = Bundle(
            terminal=account.terminal,
            broker=login,
            keys=self._keys,
            areas=account.areas,
            ca=self._ca,
            audio=self._audio,
            heartbeat_s=self._heartbeat_s,
            timezone=self._timezone,
        )
        try:
            return Bundle.from_json(made.to_json())
        except ValueError as error:
            reason = str(error)
            raise InvalidInputError(f"The bundle would be wrong: {reason}.") from None


def bundle_of(account: Account, out: Path) -> Path:
    """Its bundle's file."""
    return out / f"{account.terminal}.json"


async def let_in(
    client: Client, enrolment: Enrolment, accounts: Sequence[Account], out: Path
) -> bool:
    """Write a bundle for each, which only we may read, and have alertd let them in by it.

    A password that nobody has would shut its loudspeaker out: the bundles are on the disk before
    alertd is asked, under other names in `out`, and take their places unless it refuses.

    Returns:
        Whether the embedded broker's file follows already.

    Raises:
        AlertdError: It refused: nothing has changed. Or no answer came, and the bundles are kept.
        OSError: They can't be written: nothing has changed.
    """
    body = {
        "logins": [{"terminal": each.terminal, "password": each.password} for each in accounts],
        "areas": list(enrolment.areas),
    }
    unsure: UnsureError | None = None
    with ExitStack() as drafts:
        for account in accounts:
            draft = drafts.enter_context(in_place_of(bundle_of(account, out), mode=0o600))
            draft.write_bytes(enrolment.bundle(account).to_json().encode())
            sync(draft)
        try:
            done = await client.post("/api/v1/terminals/enrol", body)
        except UnsureError as error:
            unsure = error
    if unsure is not None:
        raise unsure
    return bool(done["followed"])


def _broker(settings: Settings, route: RouteSettings | None, given: str | None) -> BrokerAddress:
    known = None if route is None else route.plain_options().get("broker")
    url = given or (known if known != _EMBEDDED else None)
    if url is not None:
        try:
            return BrokerAddress.from_url(url)
        except ValueError:
            raise InvalidInputError(
                "The broker must be an mqtt:// or mqtts:// URL.", field="broker"
            ) from None
    if settings.broker_host in _ANYWHERE or settings.broker_port == 0:
        raise InvalidInputError(
            "Loudspeakers need an address of the broker that stays.",
            field="broker",
            hint="Set broker_host and broker_port, or give --broker mqtt://host:port.",
        )
    return BrokerAddress(settings.broker_host, settings.broker_port)


def _keys(
    settings: Settings, route: RouteSettings | None, further: Sequence[str]
) -> dict[str, bytes]:
    own = None if route is None else route.plain_options().get("key_file")
    key = make_key(Path(own) if own else settings.data_dir / "keys" / "commands.key")
    try:
        return {key.key_id: key.public, **dict(read_public(text) for text in further)}
    except ValueError:
        raise InvalidInputError(
            "A trusted key is the base64 of 32 bytes of an Ed25519 public key.", field="trust"
        ) from None


def _pem(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        raise InvalidInputError("The authority's file can't be read.", field="ca") from None
