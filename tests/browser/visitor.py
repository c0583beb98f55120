"""Somebody before a browser, in words that read as prose; every page of theirs is watched.

officer = visit("officer", language="zh-CN", dark=True)
officer.goes_to("/alerts"); officer.sees("正在进行"); officer.presses("退出")
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.watch import Watch

PATIENCE_MS: Final = 10_000
COOKIE: Final = "alertd_session"
BAD: Final = frozenset({"serious", "critical"})
_AXE: Final = Axe()
# A drill's watermark is decoration, faint on purpose: what it says is said in words beside it.
_LOOKED_AT: Final = {"exclude": [[".watermark"]]}


@dataclass
class Visitor:
    """See the module; `page` is Playwright's own for what has no word here.

    Args:
        page: What is open now.
        watch: What its pages did that they may not.
    """

    context: BrowserContext
    page: Page
    watch: Watch

    def goes_to(self, path: str, *, status: int = 200) -> None:
        """Open a page; it must answer so."""
        if status >= 400:
            self.watch.forgives(f"the server responded with a status of {status}")
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"

    def sees(self, words: str | re.Pattern[str], *, within_s: float = 10) -> None:
        """These words can be read on the page, or will be."""
        body = expect(self.page.locator("body"))
        body.to_contain_text(words, use_inner_text=True, timeout=within_s * 1000)

    def does_not_see(self, words: str) -> None:
        """They are not, or will be gone."""
        expect(self.page.locator("body")).not_to_contain_text(words, use_inner_text=True)

    def fills(self, label: str, value: str) -> None:
        """Type into the field with this label."""
        self.page.get_by_label(label, exact=True).fill(value)

    def presses(self, name: str) -> None:
        """The button with exactly this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def follows(self, name: str) -> None:
        """The link with exactly this name."""
        self.page.get_by_role("link", name=name, exact=True).click()

    def is_at(self, path: str) -> None:
        """The page is this one, or will be."""
        expect(self.page).to_have_url(re.compile(rf"^[^/]+//[^/]+{re.escape(path)}(\?.*)?(#.*)?$"))

    def turns_dark(self) -> None:
        """The browser now asks for dark pages."""
        self.page.emulate_media(color_scheme="dark")

    def turns_light(self) -> None:
        """And now for light ones."""
        self.page.emulate_media(color_scheme="light")

    def barriers(self, *rules: str, without: str = "") -> list[str]:
        """What axe-core finds serious or critical on the page as it is now.

        By some rules only, where any are named, or by all but one.
        """
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        left_out = {"rules": {without: {"enabled": False}}} if without else {}
        options = {"resultTypes": ["violations"], **only, **left_out}
        found = _AXE.run(self.page, context=_LOOKED_AT, options=options)
        return [said(one) for one in found.response["violations"] if one["impact"] in BAD]


def open_browser(
    browser: Browser,
    url: str,
    *,
    session: str = "",
    language: str = "zh-CN",
    dark: bool = False,
    width: int = 1280,
    height: int = 800,
    script: bool = True,
) -> Visitor:
    """A fresh browser at an address, watched; whoever opens it closes its context."""
    context = browser.new_context(
        base_url=url,
        locale=language,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        viewport={"width": width, "height": height},
        java_script_enabled=script,
    )
    context.set_default_timeout(PATIENCE_MS)
    if session:
        context.add_cookies([{"name": COOKIE, "value": session, "url": url}])
    watch = Watch(url.removeprefix("http://"))
    watch.over(context)
    return Visitor(context, context.new_page(), watch)


def said(violation: dict[str, Any]) -> str:
    """A violation of axe-core's in a line, with the first places it was found at."""
    places = "; ".join(node["html"][:200] for node in violation["nodes"][:3])
    why = violation["nodes"][0]["any"][0]["message"] if violation["nodes"][0]["any"] else ""
    return f"{violation['impact']} {violation['id']}: {violation['help']}: {places} {why}"
