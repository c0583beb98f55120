"""Every page in a real browser, in both languages, light and dark: axe-core finds no barrier.

That the list is whole, and who may see what, is shown without a browser by
tests/unit/test_every_page.py. What no page may do (errors, another host, its policy) is watched in
each of them, see watch.py.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from alertd.i18n import LANGUAGES
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.unit.console_pages import PAGES, lived_in


@pytest.fixture(scope="module")
def places(stage: Stage) -> Mapping[str, str]:
    return stage.does(lived_in(stage.web))


# The other language comes from the same templates: it is looked at in `make soak`, and each page in
# the dark with it. Colours are the same in every language, and the dearest to look at.
EVERY = 4  # of the pages in the dark, in `make test`


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "language",
    [LANGUAGES[0], *(pytest.param(other, marks=pytest.mark.soak) for other in LANGUAGES[1:])],
)
def test_axe_finds_no_barrier(visit: Visit, places: Mapping[str, str], language: str) -> None:
    somebody, nobody = visit("admin", language=language), visit(language=language)
    first = language == LANGUAGES[0]
    wrong = []
    for number, page in enumerate(page for page in PAGES if page.page):
        visitor = somebody if page.right else nobody
        visitor.goes_to(page.example.format_map({**places, "language": language}))
        seen = visitor.barriers(without="" if first else "color-contrast")
        wrong += [f"{page.example}: {barrier}" for barrier in seen]
        if not first or number % EVERY == 0:
            visitor.turns_dark()
            dark = visitor.barriers("color-contrast")
            wrong += [f"{page.example}, dark: {barrier}" for barrier in dark]
            visitor.turns_light()
    assert not wrong, "\n".join(wrong)


SAMPLE = Path(__file__).parents[2] / "docs" / "sample-report" / "report.html"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_whole_in_itself_and_has_no_barrier(
    visit: Visit, places: Mapping[str, str], language: str
) -> None:
    reader = visit("admin", language=language)
    asked: list[str] = []
    reader.context.on("request", lambda request: asked.append(request.url))
    for alert in ("running", "drill"):
        reader.goes_to(f"/api/v1/alerts/{places[alert]}/report?format=html&lang={language}")
        assert not reader.barriers()
    # The one in the docs has all that a report can have: a comparison, names, a long course.
    reader.page.set_content(SAMPLE.read_text("utf-8"), wait_until="load")
    assert not reader.barriers()
    assert len(asked) == 2, asked
