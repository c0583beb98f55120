"""What an alert freezes when it is drafted: policies and templates, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alertd.errors import InvalidInputError
from alertd.model import Policy


@dataclass(frozen=True, slots=True)
class Library:
    """Policies by name (a colour's name is its default), templates by name, each JSON-able."""

    policies: Mapping[str, Policy]
    templates: Mapping[str, Mapping[str, Any]]

    def policy(self, name: str) -> Policy:
        """The policy called `name`; raises InvalidInputError."""
        found = self.policies.get(name)
        if found is None:
            known = ", ".join(sorted(self.policies))
            raise InvalidInputError(
                f"There is no policy {name}; there are: {known}.", field="policy"
            )
        return found

    def freeze(self, template: str) -> dict[str, Any]:
        """The alert's own template and all that its later messages may need."""
        if template not in self.templates:
            known = ", ".join(sorted(self.templates))
            raise InvalidInputError(
                f"There is no template {template}; there are: {known}.", field="template"
            )
        return {
            name: dict(value)
            for name, value in self.templates.items()
            if name == template or name in FOLLOWING or name.startswith("confirmation")
        }


FOLLOWING = frozenset({"reminder", "takeover", "digest", "help", "menu", "help-notice"})
