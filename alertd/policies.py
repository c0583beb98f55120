"""Escalation policies as files: the shipped ones, and a city's own."""

import tomllib
from importlib import resources
from pathlib import Path

from alertd.errors import NotConfiguredError
from alertd.model import Policy


def load_policies(own: Path | None = None) -> dict[str, Policy]:
    """Escalation policies by name: the shipped ones, and those in `own`, which win.

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
                    policy = Policy.from_dict(tomllib.loads(file.read_text(encoding="utf-8")))
                except (ValueError, TypeError, KeyError) as error:
                    raise NotConfiguredError(
                        f"The policy file {file.name} is wrong: {error}.",
                        hint="Compare it with the shipped ones.",
                    ) from None
                found[policy.name] = policy
    return found
