"""Every page × every role × both languages: what one may not do is absent, and refused.

The list of pages and forms is `console_pages.py`; the same pages go through a real browser and
axe-core in tests/browser/test_every_page.py.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from jinja2 import Environment

from alertd.i18n import LANGUAGES, catalog
from alertd.web.pages.menu import ROOMS
from alertd.web.pages.rendering import STATIC
from tests.unit.console_pages import (
    FORMS,
    PAGES,
    ROLES,
    Sent,
    Shown,
    lived_in,
    permitted,
    routes_of,
)
from tests.unit.html_reading import Reading, read
from tests.unit.web_city import WebCity, web_city

TEMPLATES: Final = STATIC.parent / "templates"
CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
FRAME: Final = re.compile(r"\{% block frame %\}.*?\{% endblock %\}")  # a class, not words
COOKIE: Final = "alertd_session"


@dataclass
class Matrix:
    """A city with something on every page, and its addresses."""

    web: WebCity
    places: Mapping[str, str]

    async def browser(self, who: str | None, language: str = "en") -> httpx.AsyncClient:
        headers = {"accept": "text/html", "accept-language": language}
        client = self.web.client(headers=headers)
        if who:
            client.cookies.set(COOKIE, await self.web.session(who))
        return client

    def at(self, thing: Shown | Sent, language: str = "en") -> str:
        return thing.example.format_map({**self.places, "language": language})


@pytest.fixture(scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    async with web_city(tmp_path_factory.mktemp("city")) as web:
        yield Matrix(web, await lived_in(web))


async def test_no_page_and_no_form_is_missing_here(matrix: Matrix) -> None:
    assert {page.route for page in PAGES} == routes_of(matrix.web.app, "GET")
    assert {form.route for form in FORMS} == routes_of(matrix.web.app, "POST")


def test_the_menu_asks_for_the_rights_that_its_pages_ask_for() -> None:
    pages = {(page.route, page.right, page.whole) for page in PAGES}
    assert {(room.path, room.right, room.whole) for room in ROOMS} <= pages


def is_right(page: Shown, who: str, status: int) -> bool:
    if not permitted(who, page):
        return status in {403, 404}
    return status == 200 if page.page else status not in {403, 500}


@pytest.mark.parametrize("who", ROLES)
async def test_a_role_has_the_pages_that_it_may_have_and_no_others(
    matrix: Matrix, who: str
) -> None:
    wrong = []
    async with await matrix.browser(who) as client:
        for page in PAGES:
            answer = await client.get(matrix.at(page))
            if not is_right(page, who, answer.status_code):
                wrong.append(f"{page.example}: {answer.status_code}")
            if answer.status_code == 200 and page.page:
                wrong += misplaced(page, who, read(matrix.at(page), answer.text))
    assert not wrong, "\n".join(wrong)


def misplaced(page: Shown, who: str, reading: Reading) -> Iterator[str]:
    """Menu entries, links and forms on a page that whoever reads it may not follow."""
    for path in sorted(reading.posts):
        form = which(FORMS, path)
        if form is None or not permitted(who, form):
            yield f"{page.example}: a form to {path}"
    for link in sorted(reading.links):
        target = which(PAGES, link.partition("?")[0])
        if target is not None and not permitted(who, target):
            yield f"{page.example}: a link to {link}"


def which(things: tuple[Sent, ...] | tuple[Shown, ...], path: str) -> Sent | Shown | None:
    """What an address belongs to; a word of the pattern goes before a place in it."""
    fits = [thing for thing in things if re.fullmatch(pattern(thing.route), path)]
    return min(fits, key=lambda thing: thing.route.count("{"), default=None)


def pattern(route: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route))


@pytest.mark.parametrize("who", ROLES)
async def test_what_a_role_may_not_send_is_refused(matrix: Matrix, who: str) -> None:
    wrong = []
    async with await matrix.browser(who) as client:
        front = await client.get("/alerts")
        token = re.search(r'name="csrf" value="([^"]+)"', front.text)
        assert token
        for form in FORMS:
            if permitted(who, form):
                continue
            fields = {name: value.format_map(matrix.places) for name, value in form.fields.items()}
            answer = await client.post(matrix.at(form), data={**fields, "csrf": token[1]})
            if answer.status_code not in {403, 404}:
                wrong.append(f"{form.example}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


async def test_without_a_session_every_page_leads_to_where_one_signs_in(matrix: Matrix) -> None:
    async with await matrix.browser(None) as client:
        for page in PAGES:
            if page.right:
                answer = await client.get(matrix.at(page))
                assert answer.status_code == 303, page
                assert answer.headers["location"].startswith("/sign-in"), page
        for form in FORMS:
            if form.right:
                answer = await client.post(matrix.at(form), data={"csrf": "", **form.fields})
                assert answer.status_code in {303, 401, 403}, form
                assert answer.headers.get("location", "/sign-in").startswith("/sign-in"), form


async def test_every_link_leads_somewhere(matrix: Matrix) -> None:
    async with await matrix.browser("admin") as client:
        links: dict[str, str] = {}
        for page in PAGES:
            if page.page:
                answer = await client.get(matrix.at(page))
                links |= dict.fromkeys(read(matrix.at(page), answer.text).links, page.example)
        wrong = []
        for link, on in links.items():
            if not link.startswith("/language"):
                status = (await client.get(link)).status_code
                wrong += [f"{on}: {link}: {status}"] if status >= 400 else []
    assert links
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_speaks_one_language(matrix: Matrix, language: str) -> None:
    wrong = []
    async with await matrix.browser("admin", language) as client:
        for page in PAGES:
            if page.page:
                answer = await client.get(matrix.at(page, language))
                reading = read(matrix.at(page), answer.text)
                assert reading.language == language, page
                wrong += [f"{page.example}: {word}" for word in foreign(language, reading)]
    assert not wrong, "\n".join(sorted(set(wrong)))


def foreign(language: str, reading: Reading) -> Iterator[str]:
    """Words of ours on a page that are the other language's; what people wrote is theirs."""
    texts = catalog("zh-CN")
    others = texts.keys() if language == "zh-CN" else texts.values()
    ours = {text for text in others if len(text.split()) > 2 or CHINESE.search(text)}
    for words in reading.words:
        if words in ours:
            yield words


def own_words(template: str) -> Iterator[str]:
    """What a template says without `_`: words outside its tags and in what is read aloud."""
    blank = "\0"
    tokens = Environment(autoescape=True).lex(FRAME.sub("", template))
    text = "".join(value if kind == "data" else blank for _line, kind, value in tokens)
    aloud = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*)"', text)
    shown = re.sub(r"<[^>]*>", blank, text)
    for piece in [*aloud, *shown.split(blank)]:
        if re.search(r"[^\W\d_]{2}|[\u3400-\u9fff]", piece.replace("&amp;", "")):
            yield " ".join(piece.split())


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.html")), ids=lambda file: file.name)
def test_a_template_says_nothing_by_itself(file: Path) -> None:
    said = set(own_words(file.read_text(encoding="utf-8")))
    assert said <= NAMES, said


# A language is named in itself, and the program by its name.
NAMES: Final = frozenset({"alertd", "· alertd", "SMS", "ms", "s"})


def test_a_template_that_speaks_is_noticed() -> None:
    planted = '<p title="Wait {{ x }}">{{ _("Fine") }} and {% if a %}等{% endif %}</p>'
    assert set(own_words(planted)) >= {"and", "等"}
    assert any("Wait" in words for words in own_words(planted))
