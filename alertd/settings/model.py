"""Every setting, with its default and its bounds; `config/alertd.toml` explains each to people."""

import re
from datetime import date, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from alertd.i18n import N_
from alertd.settings.route import RouteSettings, bare, no_truth

# China has had one time since 1991, so that a machine without a time zone database can serve it.
_SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

_SERVER: Final = re.compile(r"([^@\[\]]*@)?(\[[0-9a-fA-F:.]+\]|[^@:\[\]]*)(:\d{1,5})?")
TOKEN_FILE: Final = "cli.token"  # noqa: S105 - a name: the command line's own, of the city here
_MOST_LINKED: Final = 60  # characters of an address that stands in every SMS

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
RouteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]


class Settings(BaseSettings):
    """The settings of one node; read by `alertd.settings.load`, never changed while it runs."""

    model_config = SettingsConfigDict(
        env_prefix="ALERTD_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    # Where
    data_dir: Path = Path("data")
    config_dir: Path | None = None
    database_url: SecretStr | None = None
    host: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8730
    public_base_url: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    broker_host: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "127.0.0.1"
    broker_port: Annotated[int, Field(ge=0, le=65_535)] = 0

    # Sign-in by an identity provider of the office's own
    oidc_issuer: str = ""
    oidc_client_id: Annotated[str, Field(max_length=200)] = ""
    oidc_client_secret: SecretStr | None = None
    oidc_name_claim: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,80}$")] = (
        "preferred_username"
    )

    # Who
    node: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] = "city"
    city_code: Annotated[str, Field(pattern=r"^[0-9]{2,12}$")] = "330281"
    sender: Annotated[str, Field(pattern=r"^[^\s,<&]{1,200}$")] = "fxb@yuyao.example"
    sender_name: Name = "余姚市防汛防旱指挥部"
    sender_name_en: Name = "Yuyao Flood and Drought Control Headquarters"
    signature: Annotated[str, Field(pattern=r"^[^【】\s]{2,12}$")] = "余姚市防指"
    signature_en: Annotated[str, Field(pattern=r"^[ -~]{2,30}$")] = "Yuyao Flood HQ"
    language: Literal["zh-CN", "en"] = "zh-CN"
    timezone: str = "Asia/Shanghai"

    # How
    break_glass_delay_s: Annotated[int, Field(ge=0, le=86_400)] = 300
    confirmations: bool = True
    ack_links: bool = False
    tick_s: Annotated[float, Field(ge=0.05, le=60, allow_inf_nan=False)] = 1.0
    situation_every_min: Annotated[float, Field(ge=0, le=1_440, allow_inf_nan=False)] = 30.0
    clock_gap_s: Annotated[int, Field(ge=60, le=2_592_000)] = 172_800
    season_begins: Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$")] = "06-01"
    ballast_mb: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)] = 64.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    routes: dict[RouteName, RouteSettings] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content `load` hands in."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    _numbers = field_validator(
        *("port", "broker_port", "break_glass_delay_s", "tick_s", "clock_gap_s", "ballast_mb"),
        "situation_every_min",
        mode="before",
    )(no_truth)

    @field_validator("data_dir", "config_dir", "tls_cert", "tls_key")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path else None

    @field_validator("database_url")
    @classmethod
    def _database(cls, url: SecretStr | None) -> SecretStr | None:
        # A variable that came to nothing is refused: an empty city would be served in its stead.
        if url is not None and not _names_a_database(url.get_secret_value()):
            raise ValueError(N_("must begin with sqlite:/// or postgresql://"))
        if url is not None and not _is_whole(url.get_secret_value()):
            raise ValueError(
                N_(
                    "isn't written as a URL: a port is a number, and in a name or a password the"
                    " signs @ : / ? # % [ ] are written as %40 %3A %2F %3F %23 %25 %5B %5D"
                )
            )
        return url

    @field_validator("public_base_url")
    @classmethod
    def _base_url(cls, url: str) -> str:
        url = bare(url)
        if not url:
            return url
        try:
            parts = urlsplit(url)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound or parts.query or parts.fragment or parts.username:
            raise ValueError(N_("must be a URL such as https://alert.example.cn"))
        return url.rstrip("/")

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(N_("tls_cert and tls_key must be given together."))
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        # A phone on a carrier's network doesn't find this machine's own address.
        if self.ack_links and not self.public_base_url:
            raise ValueError(N_("ack_links needs public_base_url, which phones can open."))
        if self.ack_links and len(self.public_base_url) > _MOST_LINKED:
            reason = N_("ack_links needs a public_base_url of at most {most} characters.")
            raise ValueError(reason.format(most=_MOST_LINKED))
        return self

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError(N_("must be a URL such as https://id.example.cn"))
        return url.rstrip("/")

    @field_validator("season_begins")
    @classmethod
    def _day_of_a_year(cls, day: str) -> str:
        month, number = map(int, day.split("-"))
        try:
            date(2001, month, number)  # no leap year: a day that every year has
        except ValueError:
            raise ValueError(N_("must be a day of every year, such as 06-01")) from None
        return day

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        _zone(name)
        return name

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @property
    def base_url(self) -> str:
        """How gateways and people reach us: `public_base_url`, else the host and port served."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_base_url or f"{self.scheme}://{host}:{self.port}"

    @property
    def scheme(self) -> str:
        """How the server itself speaks: `https` where it has a certificate."""
        return "https" if self.tls_cert else "http"

    @property
    def store_url(self) -> str:
        """The database's URL, with its password where it has one; never for a log."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return sqlite_url(self.data_dir / "alertd.sqlite3")

    @property
    def broker_dir(self) -> Path:
        """The embedded broker's folder, and that of the loudspeakers' logins for any broker."""
        return self.data_dir / "broker"

    @property
    def zone(self) -> tzinfo:
        """The city's time zone."""
        return _zone(self.timezone)

    @property
    def signatures(self) -> dict[str, str]:
        """The short name in front of SMS and chat texts, by language."""
        return {"zh-CN": self.signature, "en": self.signature_en}

    @property
    def issuers(self) -> dict[str, str]:
        """The full name, as CAP's senderName and loudspeakers have it, by language."""
        return {"zh-CN": self.sender_name, "en": self.sender_name_en}


def _names_a_database(url: str) -> bool:
    scheme, there, rest = url.partition("://")
    if scheme == "sqlite":
        return rest.startswith("/") and rest != "/"
    return scheme in {"postgresql", "postgresql+psycopg"} and bool(there)


def _is_whole(url: str) -> bool:
    """Whether PostgreSQL's address can be read from it, and means what was meant."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return True
    server = re.split(r"[/?]", rest, maxsplit=1)[0]
    return _SERVER.fullmatch(server) is not None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        known = None
    except KeyError:
        known = _SHANGHAI if name == "Asia/Shanghai" else None
    if known is None:
        raise ValueError(N_("must be a time zone that this machine knows, such as Asia/Shanghai"))
    return known


def sqlite_url(file: Path | str) -> str:
    """The URL of an SQLite file, whatever signs its path has: a "?" would begin a query."""
    return f"sqlite:///{str(file).replace('%', '%25').replace('?', '%3F')}"
