"""Escalation policies as files: the shipped ones, and a city's own."""

import re
import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from alertd.errors import AlertdError, NotConfiguredError
from alertd.i18n import N_
from alertd.model import Policy

_UNKNOWN: Final = re.compile(r"unexpected keyword argument '(\w+)'")


def load_policies(
    own: Path | None = None, lacks: list[AlertdError] | None = None
) -> dict[str, Policy]:
    """Escalation policies by name: the shipped ones, and those in `own`, which win.

    Args:
        own: The city's.
        lacks: Where it is a list, a file that is wrong is left out and told there.

    Raises:
        NotConfiguredError: A file is wrong; the message names it.
    """
    folders = [resources.files("config") / "policies"]
    if own is not None and own.is_dir():
        folders.append(own)
    found = {}
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".toml"):
                try:
                    policy = _read(file)
                except NotConfiguredError as error:
                    if lacks is None:
                        raise
                    lacks.append(error)
                else:
                    found[policy.name] = policy
    return found


def _read(file: Traversable) -> Policy:
    try:
        return Policy.from_dict(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = _reason(error)
        raise NotConfiguredError(
            f"The policy file {file.name} is wrong: {reason}.",
            hint="Compare it with the shipped ones.",
        ) from None


def _reason(error: Exception) -> str:
    """What is wrong, as a clause that the catalogs know."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return str(error)
    if isinstance(error, OSError):
        return str(error.strerror)
    if isinstance(error, UnicodeDecodeError):
        return N_("it isn't UTF-8 text")
    if isinstance(error, KeyError):
        return N_("its {name} is missing or unknown").format(name=str(error.args[0]).lower())
    unknown = _UNKNOWN.search(str(error))
    if unknown:
        return N_("its {name} isn't known").format(name=unknown[1])
    return N_("a value isn't of the right kind")
