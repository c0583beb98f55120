"""Every page and every form of the console, and who may have it: the matrix that tests go through.

A page or a form that the application has and this list hasn't fails `test_every_page.py`: add its
line here, with an address at which it shows something. `lived_in` makes a city that has
something to show; what addresses may hold is what it returns.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select

from alertd.engine.authority import Actor, may
from alertd.store import tables as t
from tests.unit.web_city import PEOPLE, TOWN, WebCity, short

ROLES: Final = tuple(PEOPLE)


class Shown(NamedTuple):
    """Something that a browser gets.

    Args:
        route: The application's own pattern.
        example: An address of it, with places of `lived_in`, and `language`.
        right: Of engine.authority; "" where nobody need be signed in.
        whole: Whether only those may who act for the whole city.
        page: Whether it is a whole page with a head and a menu, or else a part or a way on.
    """

    route: str
    example: str
    right: str = "read"
    whole: bool = False
    page: bool = True


class Sent(NamedTuple):
    """A form's target; `fields` are enough for one who may, so that a refusal is of the right.

    `right`: several with a bar between them, where any of them will do.
    """

    route: str
    example: str
    right: str = "read"
    whole: bool = False
    fields: Mapping[str, str] = {}


PAGES: Final = (
    Shown("/sign-in", "/sign-in", right=""),
    Shown("/password", "/password"),
    Shown("/", "/", page=False),
    Shown("/language", "/language?set=en", right="", page=False),
    Shown("/alerts", "/alerts"),
    Shown("/alerts/{alert}", "/alerts/{running}"),
    Shown("/alerts/{alert}", "/alerts/{draft}"),
    Shown("/alerts/{alert}", "/alerts/{drill}"),
    Shown("/alerts/{alert}/lists", "/alerts/{running}/lists", page=False),
    Shown("/alerts/{alert}/wall", "/alerts/{running}/wall"),
    Shown("/alerts/{alert}/wall", "/alerts/{drill}/wall"),
    Shown("/alerts/{alert}/wall/lists", "/alerts/{running}/wall/lists", page=False),
    Shown("/alerts/{alert}/unanswered", "/alerts/{running}/unanswered"),
    Shown("/alerts/{alert}/unanswered", "/alerts/{running}/unanswered?sheet=1"),
    Shown("/alerts/{alert}/paper", "/alerts/{running}/paper?unit={town}"),
    Shown("/alerts/{alert}/situations", "/alerts/{running}/situations"),
    Shown(
        "/alerts/{alert}/situations/{at}.{form}",
        "/alerts/{running}/situations/1.html",
        page=False,
    ),
    Shown("/paper", "/paper", "answer"),
    Shown("/paper/{sheet}", "/paper/{sheet}", "answer"),
    Shown("/alerts/{alert}/timeline", "/alerts/{running}/timeline"),
    Shown("/alerts/{alert}/units/{unit}", "/alerts/{running}/units/{unit}"),
    Shown("/alerts/{alert}/people/{person}", "/alerts/{running}/people/{person}"),
    Shown("/alerts/{alert}/follow/{kind}", "/alerts/{running}/follow/all-clear", "draft"),
    Shown("/alerts/{alert}/follow/{kind}", "/alerts/{running}/follow/correction", "draft"),
    Shown("/issue", "/issue", "draft"),
    Shown("/issue/{template}", "/issue/typhoon?colour=red", "draft"),
    Shown("/issue/areas", "/issue/areas?parent={town}", "draft", page=False),
    Shown("/issue/inside", "/issue/inside?polygon=0,0+900,0+900,900", "draft", page=False),
    Shown("/wall", "/wall"),
    Shown("/board", "/board", page=False),
    Shown("/channels", "/channels", page=False),
    Shown("/inbox", "/inbox", "answer"),
    Shown("/loudspeakers", "/loudspeakers"),
    Shown("/roster", "/roster"),
    Shown("/roster", "/roster?q={unit}"),
    Shown("/roster/branches", "/roster/branches?parent={town}", page=False),
    Shown("/roster/units/{code}", "/roster/units/{unit}"),
    Shown("/roster/person", "/roster/person?id={person}"),
    Shown("/roster/lists/{name}", "/roster/lists/no-alternate"),
    Shown("/roster/history", "/roster/history", whole=True),
    Shown("/roster/history/{version}", "/roster/history/1", whole=True),
    Shown("/roster/import", "/roster/import", "roster", whole=True),
    Shown("/roster/import/{key}", "/roster/import/{upload}", "roster", whole=True),
    Shown("/roster/import/{key}", "/roster/import/{wrong}", "roster", whole=True),
    Shown(
        "/roster/import/{key}/problems.csv",
        "/roster/import/{wrong}/problems.csv",
        "roster",
        whole=True,
        page=False,
    ),
    Shown("/templates", "/templates"),
    Shown("/templates/{name}", "/templates/{template}"),
    Shown("/policies", "/policies"),
    Shown("/drills", "/drills"),
    Shown("/drills/plan", "/drills/plan?name={plan}"),
    Shown("/drills/plan", "/drills/plan", "draft"),
    Shown("/drills/{no}", "/drills/{planned}"),
    Shown("/readiness", "/readiness"),
    Shown("/readiness/scores/{alert}", "/readiness/scores/{held}"),
    Shown("/readiness/todo", "/readiness/todo?state=any"),
    Shown("/readiness/ledger", "/readiness/ledger"),
    Shown("/readiness/dark", "/readiness/dark"),
    Shown("/reports", "/reports"),
    Shown("/users", "/users", "principals", whole=True),
    Shown("/record", "/record", "audit", whole=True),
    Shown("/health", "/health"),
    Shown("/account", "/account"),
    Shown("/a/{token}", "/a/{token}?l={language}", right=""),
    Shown("/a/{token}/grid", "/a/{token}/grid?l={language}", right=""),
    Shown("/a/{token}/now", "/a/{token}/now", right="", page=False),
    Shown("/handsets", "/handsets", "answer", whole=True, page=False),  # in demo mode only
    Shown("/oidc/start", "/oidc/start", right="", page=False),  # where a provider is set
    Shown("/oidc/back", "/oidc/back", right="", page=False),
    Shown("/code", "/code", page=False),  # a page for those with a second factor only
)
NOT_THE_CONSOLES: Final = ("/api/", "/audio/", "/hooks/")  # for programs and loudspeakers
FORMS: Final = (
    Sent("/sign-in", "/sign-in", right=""),
    Sent("/sign-out", "/sign-out"),
    Sent("/password", "/password"),
    Sent(
        "/alerts/{alert}/approve",
        "/alerts/{draft}/approve",
        "approve",
        fields={"confirm": "{draft}"},
    ),
    Sent("/alerts/{alert}/discard", "/alerts/{draft}/discard", "draft|approve"),
    Sent("/alerts/{alert}/correct", "/alerts/{running}/correct", "approve"),
    Sent("/alerts/{alert}/follow/{kind}", "/alerts/{running}/follow/all-clear", "draft"),
    Sent(
        "/alerts/{alert}/acks",
        "/alerts/{running}/acks",
        "answer",
        fields={"kind": "received", "via": "radio", "unit_code": "{unit}", "role": "grid_leader"},
    ),
    Sent(
        "/alerts/{alert}/halt/{how}",
        "/alerts/{running}/halt/pause",
        "pause",
        fields={"reason": "wrong text"},
    ),
    Sent(
        "/alerts/{alert}/urge/{act}",
        "/alerts/{running}/urge/remind",
        "answer",
        fields={"unit_code": "{unit}", "role": "grid_leader"},
    ),
    Sent(
        "/alerts/{alert}/call", "/alerts/{running}/call", "call", fields={"person_id": "{person}"}
    ),
    Sent("/paper/{sheet}", "/paper/{sheet}", "answer", fields={"marks": "1n"}),
    Sent(
        "/alerts/{alert}/paper/{kind}",
        "/alerts/{running}/paper/poster",
        fields={"unit_code": "{unit}"},
    ),
    Sent("/a/{token}", "/a/{token}", right=""),
    Sent("/a/{token}/grid", "/a/{token}/grid", right=""),
    Sent("/handsets/reply", "/handsets/reply", "answer", whole=True),
    Sent("/help/{no}/{act}", "/help/{help}/take", "help"),
    Sent(
        "/inbound/{no}/classify",
        "/inbound/{unclear}/classify",
        "answer",
        fields={"kind": "nothing"},
    ),
    Sent("/inbox/set-aside", "/inbox/set-aside", "answer"),
    Sent("/issue/{template}", "/issue/typhoon", "draft"),
    Sent("/drills", "/drills", "draft", fields={"plan": "{plan}", "when": "planned"}),
    Sent("/drills/plan", "/drills/plan", "draft", fields={"toml": "name = 1", "act": "check"}),
    Sent("/drills/plan/remove", "/drills/plan/remove", "draft", fields={"name": "{plan}"}),
    Sent("/drills/{no}/{act}", "/drills/{planned}/call-off", "draft", fields={"reason": "x"}),
    Sent("/loudspeakers/revoke", "/loudspeakers/revoke", "terminals"),
    Sent("/loudspeakers/try", "/loudspeakers/try", "routes", fields={"terminal": "{speaker}"}),
    Sent("/readiness/scores/{alert}", "/readiness/scores/{held}", "draft"),
    Sent("/readiness/todo/{no}/close", "/readiness/todo/{todo}/close", "answer"),
    Sent("/roster/edit", "/roster/edit", "roster"),
    Sent("/roster/confirm", "/roster/confirm", "roster"),
    Sent("/roster/import", "/roster/import", "roster", whole=True),
    Sent(
        "/roster/import/{key}/confirm",
        "/roster/import/{upload}/confirm",
        "roster",
        whole=True,
        fields={"why": "a new season"},
    ),
    Sent("/roster/import/{key}/discard", "/roster/import/{upload}/discard", "roster", whole=True),
    Sent("/users", "/users", "principals", whole=True),
    Sent("/users/{name}/{act}", "/users/viewer/disable", "principals", whole=True),
    Sent("/code", "/code"),
    Sent("/account/factor", "/account/factor"),
    Sent("/account/sessions/{key}/end", "/account/sessions/none/end"),
    Sent("/account/tokens", "/account/tokens"),
    Sent("/account/tokens/{key}/revoke", "/account/tokens/none/revoke"),
    Sent("/health/routes/{route}/try", "/health/routes/sms-1/try", "routes", whole=True),
)


def permitted(who: str, thing: Shown | Sent) -> bool:
    """Whether somebody of web_city may have it."""
    role, unit = PEOPLE[who]
    path = "part/" if unit else ""
    actor = Actor(no=1, id=b"x" * 16, name=who, role=role, path=path)
    paths = [""] if thing.whole else []
    return not thing.right or any(may(actor, each, paths) for each in thing.right.split("|"))


def routes_of(app: FastAPI, method: str) -> set[str]:
    """The console's patterns that the application answers by `method`."""
    found = {
        str(route.path)
        for route in iter_route_contexts(app.routes)
        if method in (route.methods or ()) and not getattr(route, "include_in_schema", True)
    }
    return {path for path in found if not path.startswith(NOT_THE_CONSOLES)}


PLAN: Final = f"""
name = "汛前演练"
name_en = "Before the season"
alert = {{ template = "typhoon-red", areas = ["{TOWN}"] }}
when = {{ at = 2027-05-12T09:30:00+08:00 }}
channels = {{ sms-1 = "simulated" }}
injects = [{{ at_min = 10, text = "姚江水位超警", to = ["{TOWN}"] }}]
losses = [{{ kind = "road", area = "{TOWN}", from_min = 5 }}]
"""


async def uploaded(web: WebCity, people: bytes) -> str:
    """The key of an import of the administrator's that is read and waits."""
    secret = await web.session("admin")
    files = {"people": ("people.csv", people, "text/csv")}
    async with web.client(cookies={"alertd_session": secret}) as client:
        sent = await client.post("/roster/import", data={"csrf": f"csrf-{secret}"}, files=files)
        assert sent.status_code == 303, sent.text
        path = sent.headers["location"]
        while "refresh" in (await client.get(path)).headers:
            pass  # the page itself waits for the reading
    return str(path.rpartition("/")[2])


async def scored(web: WebCity) -> str:
    """A drill that is over, with its score and its to-do list on record; returns its code."""
    held = await web.issue(status="Exercise", roles=["grid_leader"])
    await web.until(held["id"], lambda board: not board["funnel"]["waiting"])
    web.clock.forward(minutes=16)  # the time that there was to answer is over
    async with web.client("officer") as officer:
        path = f"/api/v1/alerts/{held['id']}"
        for call, body in (("halt/stop", {"reason": "it is over"}), ("score", {})):
            done = await officer.post(f"{path}/{call}", json=body)
            assert done.status_code == 200, done.text
    return str(held["short_code"])


async def lived_in(web: WebCity) -> dict[str, str]:
    """Something on every page: alerts in several states, a call for help, an unclear reply."""
    city = web.city
    held = await scored(web)  # before anything is live: no drill begins beside that
    async with web.client("officer") as officer:
        draft = (await officer.post("/api/v1/alerts", json=short(colour="orange"))).json()
        drill = (await officer.post("/api/v1/alerts", json=short(status="Exercise"))).json()
        sent = await officer.post(f"/api/v1/alerts/{drill['id']}/approve")
        assert sent.status_code == 200, sent.text
    running = await web.issue()  # the drill gives way to it
    await web.until(running["id"], lambda board: not board["funnel"]["waiting"])
    _, person = city.leaders()[0]
    await web.reply(city.phone_of(person), "3", "help-1")
    await web.reply("+8613800009999", "什么？", "unclear-1")
    with city.store.read() as connection:
        speaker = connection.execute(select(t.terminal.c.terminal_id).limit(1)).scalar_one()
    async with web.client("officer") as officer:
        cases = (await officer.get("/api/v1/help")).json()
        inbound = (await officer.get("/api/v1/inbound")).json()["items"]
        silent = (await officer.get(f"/api/v1/alerts/{running['id']}/unanswered")).json()["items"]
        unit = silent[0]["unit_code"]
        url = f"/api/v1/alerts/{running['id']}/paper/door-list"
        printed = await officer.post(url, json={"unit_code": unit})
        assert printed.status_code == 200, printed.text
    people = (city.directory / "roster" / "people.csv").read_bytes()
    rows = people.splitlines(keepends=True)
    async with web.client("officer") as officer:
        saved = await officer.post("/api/v1/drill-plans", json={"toml": PLAN})
        assert saved.status_code == 201, saved.text
        planned = (await officer.post("/api/v1/drills", json={"plan": "汛前演练"})).json()
    return {
        "upload": await uploaded(web, b"".join(rows[:-1])),
        "wrong": await uploaded(web, b"".join([*rows, b"no,such,row\r\n"])),
        "plan": "汛前演练",
        "planned": str(planned["no"]),
        "running": running["short_code"],
        "draft": draft["short_code"],
        "drill": drill["short_code"],
        "held": held,
        "todo": "1",
        "town": TOWN,
        "unit": unit,
        "sheet": printed.headers["x-sheets"],
        "person": silent[0]["holders"][0]["person_id"],
        "token": city.store.vault.links.token(running["no"], bytes.fromhex(running["id"]), person),
        "help": str(cases[0]["no"]),
        "unclear": str(inbound[0]["no"]),
        "speaker": speaker,
        "template": next(each.name for each in web.deps.library.templates if each.kind == "alert"),
    }
