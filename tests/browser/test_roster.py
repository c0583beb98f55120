"""The roster in a real browser: files chosen, looked at and put in force, without a script."""

from typing import Any

from tests.browser.conftest import Visit
from tests.browser.season import new_season
from tests.browser.stage import Stage


def test_a_seasons_files_become_the_roster_without_a_script(
    own_stage: Stage, browse: Visit
) -> None:
    folder = own_stage.web.city.directory / "roster"
    people = (folder / "people.csv").read_text("utf-8-sig")
    session = own_stage.session_of("admin")
    admin = browse(own_stage.url, session=session, language="en", script=False)
    admin.goes_to("/roster")
    admin.follows("Import")
    for name in ("people", "terminals", "groups"):
        content = new_season(people) if name == "people" else (folder / f"{name}.csv").read_bytes()
        file: Any = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": content}
        admin.page.locator(f"input[name={name}]").set_input_files(file)
    admin.presses("Read the files and show what changes")
    admin.sees("In detail", within_s=30)
    admin.sees("周立群")
    admin.sees("***01")
    admin.does_not_see("15400000101")
    admin.fills("Why; it goes on record", "the season's roster")
    admin.presses("Make it so")
    admin.is_at("/roster/history/2")
    admin.sees("the season's roster")
    admin.goes_to("/roster?q=15400000101")
    admin.sees("Found")
    admin.does_not_see("Nothing found.")
