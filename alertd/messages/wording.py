"""The engine's way to texts: frozen templates in, finished texts out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alertd.i18n import negotiate
from alertd.messages.render import preflight, render
from alertd.messages.template import Template

_MOST_KEPT = 100  # templates: those of the alerts under way


@dataclass(frozen=True, slots=True)
class Wording:
    """Renders templates as an alert froze them.

    Attributes:
        signatures: The sender's short name by language, in front of SMS and chat texts.
        issuers: Its full name by language, as loudspeakers say it; else the signature.
        link: Where a person's own page is, with a placeholder of constant length for whose; ""
            where messages carry no link.
    """

    signatures: Mapping[str, str] = field(default_factory=dict)
    issuers: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    _templates: dict[int, tuple[Mapping[str, Any], Template]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def text(
        self,
        template: Mapping[str, Any],
        *,
        language: str,
        channel: str,
        params: Mapping[str, Any],
        status: str,
        duplicate: bool,
    ) -> str:
        """The text as it will be shown or spoken. Errors: as `render` and `Template.from_dict`."""
        ours = negotiate(language)
        return render(
            self._read(template),
            language,
            channel,
            params,
            status=status,
            signature=self.signatures.get(ours, ""),
            issuer=self.issuers.get(ours, ""),
            duplicate=duplicate,
        )

    def _read(self, template: Mapping[str, Any]) -> Template:
        """A frozen template, read and checked once for all the texts that are made of it."""
        known = self._templates.get(id(template))
        # With what it was read from, so that nothing else can pass for it.
        if known is None or known[0] is not template:
            if len(self._templates) >= _MOST_KEPT:
                self._templates.clear()
            known = self._templates[id(template)] = template, Template.from_dict(template)
        return known[1]

    def preflight(
        self,
        name: str,
        frozen: Mapping[str, Mapping[str, Any]],
        params: Mapping[str, Any],
        *,
        status: str,
    ) -> None:
        """Try every text that an alert may need. Errors: as `render.preflight`."""
        linked = {**params, "link": self.link}
        preflight(name, frozen, linked, status=status, signatures=self.signatures)
