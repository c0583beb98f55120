"""Whatever is asked of the API: that it was done, and by whom, is on record.

A write that the application has and `BARE` and `LIVED_IN` haven't fails here: add its line, with
the facts that it leaves in the name of whoever asks, or why it leaves none.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from alertd.store import journal
from alertd.store import tables as t
from tests.unit.console_pages import PLAN, lived_in
from tests.unit.web_city import WebCity, short, web_city


class Asked(NamedTuple):
    """A write, and what it leaves.

    Args:
        route: Method and the application's own pattern, below /api/v1.
        path: An address of it, with places of the city.
        leaves: The kind of its fact; "" for none.
        body: JSON, with places of the city; bytes for a roster's people.
        who: Of web_city.
    """

    route: str
    path: str
    leaves: str
    body: Any = None
    who: str = "officer"


WHY: Final = {"reason": "because"}
DUTY: Final = {"unit_code": "{unit}"}
LEADER: Final = {"unit_code": "{unit}", "role": "grid_leader"}
ANNA: Final = {"name": "anna", "role": "viewer"}
LOGIN: Final = {"logins": [{"terminal": "LS1", "password": "p" * 40}]}
EDIT: Final = {"do": "person", "person_id": "{person}", "cells": {"phone2": "15400001234"}}

# In a city in which nothing is under way.
BARE: Final = (
    Asked("POST /drill-plans/check", "/drill-plans/check", "", {"toml": PLAN}),  # nothing is kept
    Asked("POST /drill-plans", "/drill-plans", "drill.plan-saved", {"toml": PLAN}),
    Asked("POST /drills", "/drills", "drill.scheduled", {"plan": "汛前演练"}),
    Asked("POST /drills/{no}/agree", "/drills/1/agree", "drill.agreed", who="second"),
    Asked("POST /drills/{no}/call-off", "/drills/1/call-off", "drill.off", WHY),
    Asked("POST /drills", "/drills", "drill.scheduled", {"plan": "汛前演练", "when": "now"}),
    Asked("POST /drills/{no}/stop", "/drills/2/stop", "drill.ended", WHY),
    Asked("POST /drill-plans/{name}/remove", "/drill-plans/汛前演练/remove", "drill.plan-removed"),
    Asked("POST /principals", "/principals", "principal.created", ANNA, "admin"),
    Asked(
        "POST /principals/{name}/password",
        "/principals/anna/password",
        "principal.changed",
        who="admin",
    ),
    Asked(
        "POST /principals/{name}/disable",
        "/principals/anna/disable",
        "principal.changed",
        who="admin",
    ),
    Asked(
        "POST /principals/{name}/enable",
        "/principals/anna/enable",
        "principal.changed",
        who="admin",
    ),
    Asked("POST /tokens", "/tokens", "token.created", {"label": "wall"}),
    Asked("DELETE /tokens/{name}", "/tokens/wall", "token.revoked"),
    Asked("POST /terminals/enrol", "/terminals/enrol", "terminals.enrolled", LOGIN, "admin"),
    Asked(
        "POST /terminals/revoke",
        "/terminals/revoke",
        "terminals.revoked",
        {"terminals": ["LS1"]},
        "admin",
    ),
    Asked(
        "POST /routes/{route}/test",
        "/routes/sms-1/test",
        "route.tested",
        {"to": "+8613800009999", "wait_s": 0},
        "admin",
    ),
    Asked(
        "POST /record/handed-out",
        "/record/handed-out",
        "report.exported",
        {"what": "mosquitto"},
        "admin",
    ),
    Asked("POST /clock", "/clock", "clock.set", {"time": "{wall}"}),
)
# In the city of `console_pages.lived_in`.
LIVED_IN: Final = (
    Asked("POST /alerts/preview", "/alerts/preview", "", short()),  # nothing is kept
    Asked("POST /alerts", "/alerts", "alert.drafted", short(colour="yellow")),
    Asked(
        "POST /alerts/{alert}/approve", "/alerts/{draft}/approve", "alert.approved", who="second"
    ),
    Asked("POST /alerts/{alert}/discard", "/alerts/{made}/discard", "alert.ended"),
    Asked("POST /alerts/{alert}/halt/{how}", "/alerts/{running}/halt/pause", "alert.paused", WHY),
    Asked("POST /alerts/{alert}/halt/{how}", "/alerts/{running}/halt/resume", "alert.resumed", WHY),
    Asked(
        "POST /alerts/{alert}/people/{person}/call",
        "/alerts/{running}/people/{person}/call",
        "number.shown",
    ),
    Asked("POST /alerts/{alert}/urge/{act}", "/alerts/{running}/urge/remind", "urged", DUTY),
    Asked(
        "POST /alerts/{alert}/acks",
        "/alerts/{running}/acks",
        "acked",
        {
            "kind": "received",
            "via": "radio",
            "duty": {"unit_code": "{unit}", "role": "grid_leader"},
        },
    ),
    Asked("DELETE /alerts/{alert}/acks/{no}", "/alerts/{running}/acks/{ack}", "ack.withdrawn", WHY),
    Asked("POST /help/{no}/take", "/help/{help}/take", "help.taken"),
    Asked("POST /help/{no}/close", "/help/{help}/close", "help.closed", {"outcome": "found"}),
    Asked(
        "POST /inbound/{no}/classify",
        "/inbound/{unclear}/classify",
        "interpreted",
        {"kind": "nothing"},
    ),
    # Nothing there is old enough: test_web_answers puts some aside.
    Asked("POST /inbound/set-aside", "/inbound/set-aside", ""),
    Asked(
        "POST /alerts/{alert}/paper/{kind}",
        "/alerts/{running}/paper/door-list",
        "paper.printed",
        {"unit_code": "{unit}"},
    ),
    Asked("POST /sheets/{sheet}/marks", "/sheets/{sheet}/marks", "paper.entered", {"marks": "1n"}),
    Asked("POST /alerts/{alert}/score", "/alerts/{held}/score", "drill.scored", {"record": True}),
    Asked(
        "POST /readiness/todo/{no}/close",
        "/readiness/todo/{todo}/close",
        "todo.closed",
        {"note": "mended"},
    ),
    Asked("POST /alerts/{alert}/update", "/alerts/{running}/update", "alert.drafted", short()),
    Asked("POST /alerts/{alert}/correct", "/alerts/{running}/correct", "alert.drafted", short()),
    Asked("POST /alerts/{alert}/{kind}", "/alerts/{draft}/all-clear", "alert.drafted"),
    Asked(
        "POST /roster/edits",
        "/roster/edits",
        "roster.imported",
        {"acts": [EDIT], "why": "a second number"},
        "admin",
    ),
    Asked("POST /roster", "/roster", "roster.imported", b"", "admin"),
    Asked(
        "POST /roster/versions/{version}/restore",
        "/roster/versions/2/restore",
        "roster.imported",
        {"why": "as it was"},
        "admin",
    ),
)


def filled(value: Any, places: Mapping[str, Any]) -> Any:
    """A body with the city's places in it."""
    if isinstance(value, str):
        return places.get(value[1:-1], value)
    if isinstance(value, Mapping):
        return {name: filled(each, places) for name, each in value.items()}
    return [filled(each, places) for each in value] if isinstance(value, list | tuple) else value


def facts(web: WebCity) -> list[tuple[str, str, Mapping[str, Any]]]:
    with web.city.store.read() as connection:
        rows = list(journal.stream(connection))
    return [(row.fact.kind, row.fact.source, row.fact.body) for row in rows]


def source(web: WebCity, who: str) -> str:
    with web.city.store.read() as connection:
        query = select(t.principal.c.id).where(t.principal.c.name == who)
        return f"principal:{connection.execute(query).scalar_one().hex()}"


async def story(web: WebCity, steps: tuple[Asked, ...], places: dict[str, Any]) -> list[str]:
    """Do them one after another; returns what isn't as it should be."""
    wrong = []
    for step in steps:
        method, _ = step.route.split()
        before = len(facts(web))
        more: dict[str, Any] = {"json": filled(step.body, places)} if step.body else {}
        if step.body == b"":
            more = {"files": roster(web), "data": {"why": "one has left"}}
        async with web.client(step.who) as client:
            path = f"/api/v1{step.path.format_map(places)}"
            done = await client.request(method, path, **more)
        if not done.is_success:
            wrong.append(f"{step.route}: {done.status_code} {done.text}")
            continue
        theirs = [kind for kind, by, _ in facts(web)[before:] if by == source(web, step.who)]
        if (step.leaves not in theirs) if step.leaves else theirs:
            wrong.append(f"{step.route}: {facts(web)[before:]}")
        if step.leaves == "acked":
            places["ack"] = next(b["no"] for kind, _, b in facts(web)[before:] if kind == "acked")
        if step.leaves == "alert.drafted":
            places["made"] = done.json()["short_code"]
    return wrong


def roster(web: WebCity) -> dict[str, tuple[str, bytes, str]]:
    """The city's files, with a person fewer."""
    found = {path.stem: path.read_bytes() for path in (web.city.directory / "roster").glob("*.csv")}
    found["people"] = b"".join(found["people"].splitlines(keepends=True)[:-1])
    return {name: (f"{name}.csv", content, "text/csv") for name, content in found.items()}


async def test_no_write_is_missing_here(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        there = {
            f"{method.upper()} {path.removeprefix('/api/v1')}"
            for path, operations in web.app.openapi()["paths"].items()
            for method in operations
            if method != "get" and path.startswith("/api/")
        }
    assert {step.route for step in (*BARE, *LIVED_IN)} == there


async def test_what_is_done_in_quiet_times_is_on_record(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        web.clock.wrong_by_ms = 3_600_000
        wrong = await story(web, BARE, {"wall": web.clock.wall()})
        assert not wrong, "\n".join(wrong)


async def test_what_is_done_about_alerts_and_people_is_on_record(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        wrong = await story(web, LIVED_IN, dict(await lived_in(web)))
        assert not wrong, "\n".join(wrong)


async def test_who_signs_out_is_on_record(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        cookie = await web.session("officer")
        async with web.client(cookies={"alertd_session": cookie}) as browser:
            form = {"csrf": f"csrf-{cookie}"}
            assert (await browser.post("/sign-out", data=form)).status_code == 303
            assert (await browser.post("/sign-out", data=form)).status_code == 401
        theirs = [kind for kind, by, _ in facts(web) if by == source(web, "officer")]
        assert theirs == ["signed-in", "session.revoked"]
