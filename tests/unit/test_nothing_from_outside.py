"""DESIGN §6.11: what the console, the reports and the docs need is in the tree, and a browser would
refuse the rest.
"""

import re
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from alertd.web.headers import SafeHeaders

ROOT = Path(__file__).parents[2]
SHOWN = {".html", ".css", ".js", ".svg"}
NAMESPACE = re.compile(r'\bxmlns(?::\w+)?="[^"]*"')
OUTSIDE = re.compile(r"""https?://|wss?://|["'(=\s]//\w|@import|importScripts""", re.IGNORECASE)
# What a page of the docs would load by itself; a link that somebody has to press is none.
LOADED = re.compile(r"!\[[^\]]*\]\((?:https?:)?//|<(?:img|script|link|iframe)\b", re.IGNORECASE)


def outside(text: str) -> list[str]:
    """Every reference of a page, style or script to another host."""
    return OUTSIDE.findall(NAMESPACE.sub("", text))


def shown_files() -> list[Path]:
    """What is sent to a browser or made a report of."""
    return [path for path in sorted((ROOT / "alertd").rglob("*")) if path.suffix in SHOWN]


def test_no_page_style_script_or_picture_names_another_host() -> None:
    files = shown_files()
    assert {path.suffix for path in files} == SHOWN
    found = {path.name: hits for path in files if (hits := outside(path.read_text("utf-8")))}
    assert not found


def test_no_page_of_the_docs_loads_anything() -> None:
    pages = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    assert len(pages) > 5
    found = {path.name: hits for path in pages if (hits := LOADED.findall(path.read_text("utf-8")))}
    assert not found


async def test_a_browser_is_told_to_load_nothing_from_elsewhere() -> None:
    transport = httpx.ASGITransport(SafeHeaders(PlainTextResponse("a page")))
    async with httpx.AsyncClient(transport=transport, base_url="http://alertd.test") as client:
        headers = (await client.get("/alerts")).headers
    policy = {
        name: set(sources)
        for name, *sources in map(str.split, headers["content-security-policy"].split(";"))
    }
    assert policy["default-src"] == {"'none'"}
    allowed = {"'none'", "'self'", "data:"}
    assert {name: more for name, given in policy.items() if (more := given - allowed)} == {}


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://cdn.example/htmx.js"></script>',
        "<link rel=stylesheet href=//cdn.example/a.css>",
        '@import "fonts.css"',
        "background: url(//tiles.example/1.png)",
        "new WebSocket('wss://elsewhere.example')",
    ],
)
def test_the_rule_bites(planted: str) -> None:
    assert outside(planted)
    assert not outside(
        '<svg xmlns="http://www.w3.org/2000/svg"><a href="/alerts">// note</a></svg>'
    )
