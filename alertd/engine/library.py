"""What an alert freezes when it is drafted: policies and templates, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from alertd import messages
from alertd.canonical import canonical
from alertd.errors import AlertdError, InvalidInputError
from alertd.model import MessageKind, Policy

HELP: Final = MessageKind.HELP.value
HEARD: Final = "confirmation-help"
"""The text that a call for help is in, and who is told of it."""
UNHEARD: Final = "unheard"
"""The text that nobody could be told; an alert that was drafted before there was one lacks it."""


@dataclass(frozen=True, slots=True)
class Library:
    """Policies by name (a colour's name is its default), message templates, the city's time.

    `lacks` says which of the city's own files couldn't be read; what is shipped stands for them.
    """

    policies: Mapping[str, Policy]
    templates: messages.Library
    zone: tzinfo
    lacks: tuple[AlertdError, ...] = ()

    def policy(self, name: str) -> Policy:
        """The policy called `name`; raises InvalidInputError."""
        found = self.policies.get(name)
        if found is None:
            known = ", ".join(sorted(self.policies))
            raise InvalidInputError(
                f"There is no policy {name}; there are: {known}.", field="policy"
            )
        return found

    def help(self) -> dict[str, Any]:
        """The words about a call for help, as an alert would freeze them now."""
        return {name: self.templates.get(name).to_dict() for name in (HELP, HEARD, UNHEARD)}

    def spelled(self) -> dict[str, str]:
        """Each policy and template as JSON, under a name such as `policies.red`."""
        found = {f"policies.{name}": policy.to_dict() for name, policy in self.policies.items()}
        found |= {f"templates.{each.name}": each.to_dict() for each in self.templates}
        return {name: canonical(content) for name, content in found.items()}

    def freeze(self, template: str, *more: str) -> dict[str, Any]:
        """The alert's own template, all that its later messages may need, and `more`."""
        own = {name: self.templates.get(name).to_dict() for name in more}
        return self.templates.frozen(template) | own
