"""The API's other writes, and the page's sign-in, under sixty and more hostile bodies each.

Two thousand each in `make soak`; the hooks, which the world outside can reach, have as many in
`make test`, too (`test_hostile_bodies`).

As in `test_hostile_bodies`: every twentieth body is a valid one for a thing of its own and must
take effect; the others aim at things beside them, since a mangled body may happen to be valid.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import StartCity
from tests.acceptance.hostile import EVERY, bodies, form
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.within import within

DEAR = 60  # where a body that is accepted costs a password's hash
JSON = {"content-type": "application/json"}


@pytest.fixture(params=[60, pytest.param(2_000, marks=pytest.mark.soak)])
def count(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def city(living_city: StartCity) -> LivingCity:
    return living_city(speakers=None, mix={"silent": 1.0}, settings={"break_glass_delay_s": 3_600})


def storm(
    client: httpx.Client,
    url: Callable[[int], str],
    valid: Callable[[int], Any],
    *,
    method: str = "POST",
    seed: int,
    count: int,
) -> list[Any]:
    """Send all of it; no 5xx. Returns what the valid ones were answered, in their order.

    Args:
        client: As somebody who may.
        url: Of the n-th thing; those past the valid ones are what hostile bodies aim at.
        valid: The n-th thing's body, as JSON.
        method: Of the request.
        seed: The same one, the same bodies.
        count: How many in all.
    """
    answers = []
    made = bodies(count, lambda n: json.dumps(valid(n)).encode(), seed)
    for place, body in enumerate(made):
        aim = count // EVERY + place % 20 if body.number is None else body.number
        answer = client.request(method, url(aim), content=body.content, headers=JSON)
        assert answer.status_code < 500, (answer.status_code, answer.text, body.content[:500])
        if body.number is not None:
            assert answer.is_success, (answer.status_code, answer.text, body.content)
            answers.append(answer.json())
    assert len(answers) == count // EVERY
    return answers


def drafts(city: LivingCity, count: int) -> list[Alert]:
    return [city.draft("flood", "red", areas=["330281001"]) for _ in range(count)]


@pytest.mark.timeout(300)
def test_what_follows_a_draft(city: LivingCity, count: int) -> None:
    officer, ours = city.client("officer"), count // EVERY
    waiting = drafts(city, ours + 20)
    storm(
        officer,
        lambda n: f"/api/v1/alerts/{waiting[n].code}/approve",
        lambda _: {"break_glass": True},
        seed=21,
        count=count,
    )
    states = {alert.code: alert.state for alert in waiting[:ours]}
    assert set(states.values()) == {"approved"}, "valid ones have broken the glass, and wait"

    alert = city.issue("typhoon", "red", areas=["330281001"])
    storm_of_followers(city, alert, "update", seed=22, count=count)
    storm_of_followers(city, alert, "correction", seed=23, count=count)
    assert alert.state == "issued", "drafts have ended what they would follow"
    assert not [text for text in city.sms.texts() if not alert.is_about(text)]


def storm_of_followers(city: LivingCity, alert: Alert, kind: str, *, seed: int, count: int) -> None:
    short = {"template": "typhoon", "colour": "red", "areas": ["330281001"], "status": "Actual"}

    def valid(n: int) -> dict[str, Any]:
        return {**short, "incident": f"{kind}-{n}"} if kind == "update" else {"colour": "orange"}

    url = f"/api/v1/alerts/{alert.code}/{kind}"
    made = storm(city.client("officer"), lambda _: url, valid, seed=seed, count=count)
    kept = {item["id"]: item for item in everything(city, "/api/v1/alerts")}
    assert all(kept[each["id"]]["follows"] == alert.id for each in made)
    assert {kept[each["id"]]["state"] for each in made} == {"draft"}


def everything(city: LivingCity, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        page = city.get(path, limit=500, **after)
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}


@pytest.mark.timeout(300)
def test_what_operators_enter(city: LivingCity, count: int) -> None:
    officer, ours = city.client("officer"), count // EVERY
    alert = city.issue(roles=["grid_leader", "building_lead"])
    people = city.roll.of("building_lead", rank=1)[: ours + 20]
    acks = [alert.enter(person_id=p.person_id, kind="received")["no"] for p in people]
    storm(
        officer,
        lambda n: f"/api/v1/alerts/{alert.code}/acks/{acks[n]}",
        lambda n: {"reason": f"somebody else's, {n}"},
        method="DELETE",
        seed=31,
        count=count,
    )
    kept = {item["no"]: item for item in everything(city, f"/api/v1/alerts/{alert.code}/acks")}
    assert all(kept[no]["withdrawn_at"] for no in acks[:ours])

    cases = [alert.enter(person_id=p.person_id, kind="help")["no"] for p in people]
    storm(
        officer,
        lambda n: f"/api/v1/help/{cases[n]}/close",
        lambda n: {"outcome": f"由冲锋舟接走{n}"},
        seed=32,
        count=count,
    )
    outcomes = {
        case["no"]: case["outcome"]
        for case in city.get(f"/api/v1/alerts/{alert.id}/help", closed=True)
    }
    assert [outcomes[no] for no in cases[:ours]] == [f"由冲锋舟接走{n}" for n in range(ours)]

    replies = strangers_write(city, ours + 20)
    storm(
        officer,
        lambda n: f"/api/v1/inbound/{replies[n]}/classify",
        lambda _: {"kind": "nothing"},
        seed=33,
        count=count,
    )
    waiting = {item["no"] for item in everything(city, "/api/v1/inbound")}
    assert not waiting & set(replies[:ours])


def strangers_write(city: LivingCity, count: int) -> Sequence[int]:
    """Replies that an operator has to read; their numbers."""
    for n in range(count):
        city.sms.post(f"/phones/+86139{n:08d}/replies", {"text": f"谁{n}"})
    within(that=lambda: len(everything(city, "/api/v1/inbound")) == count)
    return [item["no"] for item in everything(city, "/api/v1/inbound")]


@pytest.mark.timeout(300)
def test_what_nobody_is_told_of(city: LivingCity, count: int) -> None:
    officer, ours = city.client("officer"), count // EVERY
    short = {"template": "typhoon", "colour": "red", "roles": ["grid_leader"], "status": "Actual"}
    towns = [f"330281{n:03d}" for n in range(1, 7)]
    shown = storm(
        officer,
        lambda _: "/api/v1/alerts/preview",
        lambda n: {**short, "areas": towns[: 1 + n % len(towns)]},
        seed=41,
        count=count,
    )
    assert [each["headcount"]["duties"] for each in shown] == [
        1 + n % len(towns) for n in range(ours)
    ]
    assert city.get("/api/v1/alerts")["items"] == []

    storm(
        city.client("cli"),
        lambda _: "/api/v1/tokens",
        lambda n: {"label": f"token-{n}"},
        seed=42,
        count=count,
    )
    labels = {token["label"] for token in city.get("/api/v1/tokens", who="cli")}
    assert {f"token-{n}" for n in range(ours)} <= labels
    storm(
        city.client("cli"),
        lambda _: "/api/v1/principals",
        lambda n: {"name": f"clerk-{n}", "role": "viewer"},
        seed=43,
        count=DEAR,
    )
    names = {each["name"] for each in city.get("/api/v1/principals", who="cli")}
    assert {f"clerk-{n}" for n in range(DEAR // EVERY)} <= names

    storm(
        city.client("cli"),
        lambda _: "/api/v1/routes/sms/test",
        lambda n: {"to": f"+86138{n:08d}", "wait_s": 0},
        seed=44,
        count=DEAR,
    )
    tried = {text["phone"] for text in city.sms.texts(kind="test")}
    assert {f"+86138{n:08d}" for n in range(DEAR // EVERY)} <= tried


@pytest.mark.timeout(300)
def test_the_sign_in_page(city: LivingCity, count: int) -> None:
    """Guessing shuts an address out, so that here no valid one is due to take effect."""
    with httpx.Client(base_url=city.server.url, timeout=30, trust_env=False) as nobody:
        statuses = set()
        guess = form({"name": "管理员", "password": "秘密", "to": "/alerts"})
        kinds = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
        for place, body in enumerate(bodies(count, lambda _: guess, 51)):
            headers = {"content-type": kinds[0 if place % 7 else place % 3]}
            answer = nobody.post("/sign-in", content=body.content, headers=headers)
            assert answer.status_code < 500, (answer.text, body.content[:500])
            statuses.add(answer.status_code)
            assert not answer.cookies
    assert statuses <= {401, 413, 422, 429}
    assert 429 in statuses
    assert city.get("/api/v1/me")["name"] == "officer"
