"""Every setting that isn't its default, by name, as text: what is compared from start to start."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from alertd.settings.model import Settings
from alertd.settings.route import RouteSettings

# Where a process finds its files differs between the machines of one node, and port 0 becomes
# another at each start.
_OF_THE_MACHINE: Final = frozenset({"data_dir", "config_dir", "port"})


def spelled(settings: Settings) -> dict[str, str]:
    """The settings that aren't as shipped, as `node` or `routes.sms.rate_per_s`.

    Returns:
        Name → value as JSON, secrets readable: for a keyed digest, never for a log.
    """
    found = dict(_differing(settings, "", without=_OF_THE_MACHINE | {"routes"}))
    for name, route in settings.routes.items():
        prefix = f"routes.{name}."
        found |= dict(_differing(route, prefix, without=frozenset({"options"})))
        found |= {f"{prefix}{key}": _text(value) for key, value in route.options.items()}
    return found


def _differing(
    model: Settings | RouteSettings, prefix: str, *, without: frozenset[str]
) -> Iterator[tuple[str, str]]:
    kind: type[BaseModel] = type(model)
    for name, field in kind.model_fields.items():
        value = getattr(model, name)
        if name not in without and value != field.default:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
