"""Reading a route's options: what is missing or wrong is told by name, never by value."""

from urllib.parse import urlsplit

from alertd.errors import NotConfiguredError
from channels.base import RouteConfig


def text(config: RouteConfig, option: str, default: str | None = None) -> str:
    """A non-empty string.

    Raises:
        NotConfiguredError: It is missing and has no default, or is something else.
    """
    value = config.options.get(option, default)
    if value is None:
        raise wrong(config, option, "is missing")
    if not isinstance(value, str) or not value.strip():
        raise wrong(config, option, "must be a text that isn't empty")
    return value


def header_text(config: RouteConfig, option: str) -> str:
    """A non-empty string that can stand in an HTTP header: printable ASCII.

    Raises:
        NotConfiguredError: It is missing or can't.
    """
    value = text(config, option)
    if not (value.isascii() and value.isprintable()):
        raise wrong(config, option, "must be printable ASCII")
    return value


def optional_text(config: RouteConfig, option: str) -> str | None:
    """A non-empty string, or None where it isn't set."""
    return text(config, option) if config.options.get(option) is not None else None


def flag(config: RouteConfig, option: str) -> bool:
    """True or false; false where it isn't set.

    Raises:
        NotConfiguredError: It is something else.
    """
    value = config.options.get(option, False)
    if not isinstance(value, bool):
        raise wrong(config, option, "must be true or false")
    return value


def url(config: RouteConfig, option: str, default: str | None = None) -> str:
    """An absolute http or https URL without a query, its last `/` taken off.

    Raises:
        NotConfiguredError: It is missing or isn't such a URL.
    """
    value = text(config, option, default)
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment:
        raise wrong(config, option, "must be an http:// or https:// URL")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise wrong(config, option, "must be a URL of ASCII signs without spaces")
    return value.rstrip("/")


def whole(config: RouteConfig, option: str, default: int, within: range) -> int:
    """A whole number of `within`.

    Raises:
        NotConfiguredError: It is something else.
    """
    value = config.options.get(option, default)
    if type(value) is not int or value not in within:
        least, most = within[0], within[-1]
        raise wrong(config, option, f"must be a whole number from {least} to {most}")
    return value


def only(config: RouteConfig, known: frozenset[str]) -> None:
    """Refuse options that nobody reads: a misspelt secret must not pass in silence.

    Raises:
        NotConfiguredError: An option isn't among `known`.
    """
    for option in config.options:
        if option not in known:
            names = ", ".join(sorted(known)) or "–"
            raise wrong(config, option, f"is unknown; known are: {names}")


def wrong(config: RouteConfig, option: str, reason: str) -> NotConfiguredError:
    """The error that says by `reason` what is the matter with `option`; raise it."""
    return NotConfiguredError(
        f"Route '{config.name}' ({config.type}): the option '{option}' {reason}.",
        field=f"routes.{config.name}.{option}",
        hint=f"Set it under [routes.{config.name}] in alertd.toml.",
    )
