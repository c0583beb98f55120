"""What a page holds, read as a browser would: its words, links and forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

_SAID: Final = ("title", "aria-label", "placeholder", "alt")
_SILENT: Final = frozenset({"script", "style"})


@dataclass
class Reading(HTMLParser):
    """See the module.

    Args:
        path: Where the page is; addresses on it are told as whole paths.
    """

    path: str
    words: list[str] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    posts: set[str] = field(default_factory=set)
    language: str = ""
    _silent: bool = False
    _action: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._silent = tag in _SILENT
        self.words += [given[name] for name in _SAID if given.get(name)]
        if tag == "html":
            self.language = given.get("lang", "")
        if tag in {"a", "area"} and given.get("href"):
            self._link(given["href"])
        if tag == "form":
            self._action = urljoin(self.path, given.get("action", ""))
            if given.get("method", "").lower() == "post":
                self.posts.add(urlsplit(self._action).path)
        if "formaction" in given:
            self.posts.add(urlsplit(urljoin(self.path, given["formaction"])).path)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base class has it
        self._silent = False

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._silent:
            self.words.append(" ".join(data.split()))

    def _link(self, href: str) -> None:
        whole = urlsplit(urljoin(self.path, href))
        if whole.scheme or whole.netloc:
            self.links.add(href)
        elif href[0] != "#":
            self.links.add(whole._replace(fragment="").geturl())


def read(path: str, text: str) -> Reading:
    """Read a page."""
    reading = Reading(path)
    reading.feed(text)
    reading.close()
    return reading
