"""What no page of ours may ever do, watched in every browser a test opens.

A console error or a warning of a refused policy, an uncaught exception, a request to another host,
an answer of 500 and more. A test that provokes one on purpose says so: `watch.forgives("409")`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# A violation is said in the console by Chromium; this says it too where a policy only reports.
_POLICY: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI}`);
});
"""
_OWN_SCHEMES: Final = frozenset({"data", "blob", "about"})


@dataclass
class Watch:
    """Watches one browser context; `offences` holds what it saw, in order.

    Args:
        host: The only one that pages may ask, with its port.
    """

    host: str
    offences: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Begin; every page that the context opens is watched."""
        context.add_init_script(_POLICY)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("response", self._response)

    def forgives(self, part: str) -> None:
        """Offences with these words in them are what the test wants."""
        self.forgiven.append(part)

    def found(self) -> Iterator[str]:
        """The offences that nobody wanted."""
        return (o for o in self.offences if not any(part in o for part in self.forgiven))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.offences.append(f"console error: {message.text} ({where})")

    def _error(self, error: WebError) -> None:
        self.offences.append(f"uncaught: {error.error}")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in _OWN_SCHEMES and url.netloc != self.host:
            self.offences.append(f"asked another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.offences.append(f"answered {response.status}: {response.url}")
