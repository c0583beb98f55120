"""Pictures of the console for the docs: a whole sample city in the midst of an alert.

    make screenshots     (or: python -m tests.browser.screenshots docs/images)

275 grids, their people on simulated phones: most answer, some are silent, some phones are off. A
page that isn't there fails the run, as does a picture too large for the repository.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from tests import databases
from tests.acceptance.living_city import CITY, Alert, LivingCity
from tests.acceptance.within import within
from tests.browser.chromium import HOW_TO, Chromium, installed, launched
from tests.browser.office import signs_in
from tests.browser.season import new_season
from tests.browser.visitor import Visitor, open_browser

MOST_BYTES: Final = 250_000
ANSWERED: Final = 0.6  # of those asked, when the pictures are taken
MIX: Final = {"ack": 0.7, "silent": 0.2, "off": 0.1}
BESIDE: Final = ("wall", "unanswered")  # pages of an alert's own, beside its board
ROLES: Final = ("grid_leader", "building_lead", "community_lead")


@contextmanager
def mid_alert(folder: Path) -> Iterator[tuple[LivingCity, Alert]]:
    """A city of full scale, some seconds after a red typhoon alert."""
    city = LivingCity(
        folder / "city",
        scale=1.0,
        mix=MIX,
        answer_s=5.0,
        minute_s=10.0,
        settings={"ack_links": True, "public_base_url": "http://alertd.lan"},
    )
    with ExitStack() as stack:
        stack.callback(city.close)
        city.open()
        alert = city.issue(roles=ROLES)
        within(180, that=lambda: alert.at_rest() and _answered(alert) >= ANSWERED)
        city.draft("flood", "orange", areas=[f"{CITY}001"])
        yield city, alert


def _answered(alert: Alert) -> float:
    funnel = alert.funnel
    return float(funnel["answered"] / max(1, funnel["asked"]))


def pictures(city: LivingCity, alert: Alert, browse: Callable[..., Visitor], into: Path) -> None:
    """Take all of them."""
    officer = signs_in(city, browse, "officer", language="zh-CN")
    officer.goes_to("/issue/typhoon?colour=red")
    officer.page.locator("input[name=status][value=Actual]").check()
    officer.page.locator("#tree input[name=area]").first.check()
    officer.page.locator("#outlook blockquote").first.wait_for()
    take(officer, into / "issue.png")
    board = f"/alerts/{alert.code}"
    for path, name in ((board, "board"), *((f"{board}/{each}", each) for each in BESIDE)):
        tall = 640 if name == "unanswered" else 800  # a list is dear in bytes
        officer.page.set_viewport_size({"width": 1280, "height": tall})
        officer.goes_to(path)
        officer.does_not_see("正在查询")  # the strip of channels is asked for apart
        take(officer, into / f"{name}.png")
    officer.turns_dark()
    officer.page.set_viewport_size({"width": 1280, "height": 800})
    officer.goes_to(board)
    take(officer, into / "board-dark.png")

    leader = city.roll.of("grid_leader", rank=1)[0]
    text = within(60, that=lambda: alert.texts(phone=leader.phone))[0]["text"]
    phone = browse(city.server.url, width=390, height=760)
    phone.goes_to(text[text.index("/a/") :].split()[0])
    take(phone, into / "phone.png")
    admin = signs_in(city, browse, "admin", language="zh-CN")
    admin.page.set_viewport_size({"width": 1280, "height": 860})
    admin.goes_to("/roster/import")
    brings(city, admin)
    admin.sees("明细", within_s=120)
    take(admin, into / "roster-diff.png")


def brings(city: LivingCity, admin: Visitor) -> None:
    """Choose the new season's files and send them."""
    for name in ("people", "terminals", "groups"):
        path = city.folder / "roster" / f"{name}.csv"
        content = path.read_bytes()
        if name == "people":
            content = new_season(content.decode("utf-8-sig"))
        file: Any = {"name": path.name, "mimeType": "text/csv", "buffer": content}
        admin.page.locator(f"input[name={name}]").set_input_files(file)
    admin.page.locator("main form.files button").click()


def take(visitor: Visitor, file: Path) -> None:
    """One picture of what is in the window."""
    visitor.page.screenshot(path=file, animations="disabled")
    size = file.stat().st_size
    if size > MOST_BYTES:
        sys.exit(f"{file}: {size} bytes are more than {MOST_BYTES}")
    print(f"{file}  {size // 1000} kB")


def main(into: Path) -> None:
    """Take the pictures."""
    executable = installed()
    if executable is None:
        sys.exit(HOW_TO)
    into.mkdir(parents=True, exist_ok=True)
    with (
        databases.of_a_command(),
        tempfile.TemporaryDirectory() as folder,
        mid_alert(Path(folder)) as (city, alert),
        launched(executable) as chromium,
    ):
        chromium.comes_back()
        pictures(city, alert, opener(chromium), into)
        chromium.steps_aside()


def opener(chromium: Chromium) -> Callable[..., Visitor]:
    """Opens browsers that end with Chromium."""

    def opens(url: str, **how: Any) -> Visitor:
        return open_browser(chromium.browser, url, **how)

    return opens


if __name__ == "__main__":
    main(Path(sys.argv[1]))
