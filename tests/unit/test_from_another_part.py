"""Every route of the API, asked by somebody of another part of the city for what isn't theirs.

The routes are taken from the OpenAPI document, so that a new one is asked, too; a parameter that
`PLACES` hasn't fails here.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import pytest
from sqlalchemy import select

from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.reads.units import path_of
from alertd.store.roster import Stored
from tests.unit.console_pages import PAGES, lived_in
from tests.unit.test_every_write_on_record import BARE, LIVED_IN, Asked, facts, filled, source
from tests.unit.web_city import TOWN, WebCity, web_city

ELSEWHERE: Final = "330281201"
ALERTS: Final = ("running", "draft", "drill", "held")
# What stands for a place in an address, by the parameter's name; several are all tried.
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "alert": ALERTS,
    "against": ALERTS,
    "sheet": ("sheet",),
    "person": ("person",),
    "unit": ("unit", "town"),
    "unit_code": ("unit", "town"),
    "parent": ("unit", "town"),
    "name": ("plan",),
}
# Whose key is the address itself; and a form that shows how a code looks, by that of the town.
NOT_THEIRS: Final = {"/a/{token}", "/a/{token}/now", "/a/{token}/grid", "/issue/{template}"}
# Whoever may read at all may do this, whatever their part: of their own, or about nobody.
THEIR_OWN: Final = {
    *("POST /tokens", "DELETE /tokens/{name}", "POST /alerts/preview"),
    "POST /inbound/set-aside",  # of the old ones of their part: test_web_answers
}


@dataclass(frozen=True)
class Foreign:
    """A city with something on every page, and what of it a stranger's answers never hold."""

    web: WebCity
    places: Mapping[str, str]
    canaries: frozenset[str]


@pytest.fixture(scope="module")
async def foreign(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Foreign]:
    async with web_city(tmp_path_factory.mktemp("city")) as web:
        places = await lived_in(web)
        await web.administer("stranger", ELSEWHERE)
        yield Foreign(web, places, canaries(web))


def canaries(web: WebCity) -> frozenset[str]:
    """Names and ids of who holds a duty in the town alone, its units' codes, its alerts' ids."""
    h, p, u = t.holding.c, t.person.c, t.unit.c
    with web.city.store.read() as connection:
        town = path_of(connection, TOWN)
        held = (
            select(p.name, p.person_id, u.path)
            .join(t.person, p.no == h.person_no)
            .join(t.unit, u.no == h.unit_no)
            .where(*(each.to_version == FOREVER for each in (h, p, u)))
        )
        rows = connection.execute(held).all()
        codes = connection.execute(select(u.code).where(u.path.startswith(town))).scalars().all()
        alerts = connection.execute(select(t.alert.c.id)).scalars().all()
    within = {word for row in rows if row.path.startswith(town) for word in row[:2]}
    beyond = {word for row in rows if not row.path.startswith(town) for word in row[:2]}
    assert within - beyond
    return frozenset({*(within - beyond), *codes, *(each.hex() for each in alerts)})


def addresses(path: str, operation: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[str]:
    """Every address of a GET that names something of another part, by path or by query."""
    parameters = operation.get("parameters", [])
    wanted = [each["name"] for each in parameters if each["in"] == "path"]
    options = [
        [places[one] for one in PLACES[name]] if name in PLACES else _numbers(path, name)
        for name in wanted
    ]
    for chosen in product(*options):
        whole = path
        for name, value in zip(wanted, chosen, strict=True):
            whole = whole.replace(f"{{{name}}}", value)
        yield whole
        for each in parameters:
            if each["in"] == "query" and each["name"] in PLACES:
                for one in PLACES[each["name"]]:
                    yield f"{whole}?{each['name']}={places[one]}"


def _numbers(path: str, name: str) -> list[str]:
    known = {"no": ["1", "2", "3"], "version": ["1"], "at": ["1"], "name": ["vacant"]}
    assert name in known, f"{path}: what is {name}?"
    return known[name]


def numbers(web: WebCity) -> frozenset[str]:
    """Every telephone number of the city, as people dial it, and the groups' addresses."""
    with web.city.store.read() as connection:
        stored = Stored(connection, web.city.store.vault, masked=False)
        people = {row.person for row in stored.rows() if row.person}
        groups = [group.url for group in stored.groups()]
    phones = [phone for person in people for phone in person.phones]
    assert len(phones) > 100
    assert groups
    return frozenset({*(phone.removeprefix("+86") for phone in phones), *groups})


async def told_to(foreign: Foreign, who: str, canaries: frozenset[str]) -> list[str]:
    """What somebody is told of that, by every address."""
    told = []
    async with foreign.web.client(who) as client:
        for path, operations in foreign.web.app.openapi()["paths"].items():
            if "get" not in operations or path.endswith("/events"):
                continue
            for address in addresses(path, operations["get"], foreign.places):
                answer = await client.get(address)
                known = {word for word in canaries if word in answer.text}
                known -= {word for word in known if word in address}
                if known or answer.status_code >= 500:
                    told.append(f"{address}: {answer.status_code} {sorted(known)[:4]}")
    return told


async def shown_to(foreign: Foreign, who: str, canaries: frozenset[str]) -> list[str]:
    """The same on the console's pages."""
    shown, cookie = [], await foreign.web.session(who)
    async with foreign.web.client(cookies={"alertd_session": cookie}) as browser:
        for page in PAGES:
            if page.route in NOT_THEIRS:
                continue
            address = page.example.format_map({**foreign.places, "language": "en"})
            text = (await browser.get(address)).text
            known = {word for word in canaries if word in text and word not in address}
            shown += [f"{address}: {sorted(known)[:4]}"] if known else []
    return shown


async def test_whatever_is_read_nothing_of_another_part_is_told(foreign: Foreign) -> None:
    told = await told_to(foreign, "stranger", foreign.canaries)
    told += await shown_to(foreign, "stranger", foreign.canaries)
    assert not told, "\n".join(told)
    assert len(await told_to(foreign, "officer", foreign.canaries)) > 40, (
        "so that it would have been noticed"
    )


@pytest.mark.parametrize("who", ["admin", "auditor", "viewer"])
async def test_no_number_is_told_unless_it_is_asked_for(foreign: Foreign, who: str) -> None:
    """By no answer of the API and on no page; shown for a call, or unmasked, it goes on record."""
    kept = numbers(foreign.web)
    told = await told_to(foreign, who, kept) + await shown_to(foreign, who, kept)
    assert not told, "\n".join(told)


@pytest.mark.parametrize("step", [*BARE, *LIVED_IN], ids=lambda step: step.path)
async def test_nothing_of_another_part_is_changed(foreign: Foreign, step: Asked) -> None:
    if step.route in THEIR_OWN:
        return
    web, places = foreign.web, {**foreign.places, "ack": "1", "made": foreign.places["draft"]}
    before = len(facts(web))
    async with web.client("stranger") as stranger:
        body = filled(step.body, places) if step.body else None
        path = f"/api/v1{step.path.format_map(places)}"
        answer = await stranger.request(step.route.split()[0], path, json=body)
    assert answer.status_code in {403, 404, 409, 422}, answer.text
    assert source(web, "stranger") not in {by for _, by, _ in facts(web)[before:]}
