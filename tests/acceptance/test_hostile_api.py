"""Every operation that the API itself declares, with what schemathesis makes of its schema.

The hooks and the routes that take bodies from outside are in `test_hostile_bodies`; here each
operation is asked with bodies, paths, queries and headers that its own schema refuses, and with
odd ones that it allows. No answer is a 5xx, refusals are problems in our words, and what was there
before is there afterwards. `make soak` asks each of them five times as much.
"""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from tests.acceptance.conftest import StartCity
from tests.acceptance.living_city import Alert, LivingCity
from tests.acceptance.roll import phones
from tests.acceptance.within import within

STREAM = "/api/v1/events"  # it doesn't end
DEAR = frozenset({"/api/v1/principals", "/api/v1/principals/{name}/password"})  # hash a password
REFUSED, ALLOWED = GenerationMode.NEGATIVE, GenerationMode.POSITIVE
CASES = {
    ("write", REFUSED): 5,
    ("write", ALLOWED): 3,
    ("read", REFUSED): 3,
    ("read", ALLOWED): 3,
}
Operation = APIOperation[Any, Any, Any, Any]
Check = Callable[[Any], None]  # of a schemathesis case


@pytest.fixture(params=[1, pytest.param(5, marks=pytest.mark.soak)])
def depth(request: pytest.FixtureRequest) -> int:
    """How many times as often as in `CASES`."""
    return int(request.param)


@pytest.fixture
def city(living_city: StartCity) -> LivingCity:
    return living_city(speakers=None, mix={"silent": 1.0})


def operations(city: LivingCity, *, write: bool) -> Iterator[Operation]:
    schema = schemathesis.openapi.from_dict(city.get("/api/v1/openapi.json"))
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if operation.path != STREAM and write == (operation.method.upper() != "GET"):
            yield operation


def ask_all(city: LivingCity, depth: int, *, write: bool, who: str) -> int:
    """Ask every operation; returns how many requests that were."""
    asked = 0
    headers = {"authorization": f"Bearer {city.tokens.get(who) or city.server.token}"}

    def check(case: Any) -> None:
        nonlocal asked
        asked += 1
        answer = case.call(base_url=city.server.url, headers=headers)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        if answer.status_code >= 400:
            told = httpx.Headers({k: v[0] for k, v in answer.headers.items()})
            assert told["content-type"] == "application/problem+json", case.as_curl_command()
            assert {"type", "title", "status", "detail", "code"} <= answer.json().keys()

    for operation in operations(city, write=write):
        raw = operation.definition.raw
        takes = raw.get("requestBody") or raw.get("parameters")
        # What takes nothing can't be asked in a way that its schema refuses.
        for mode in (REFUSED, ALLOWED) if takes else (ALLOWED,):
            count = 3 if operation.path in DEAR else CASES["write" if write else "read", mode]
            _run(operation, mode, count * depth, check)
    return asked


def _run(operation: Operation, mode: GenerationMode, count: int, check: Check) -> None:
    strategy = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def each(case: Any) -> None:
        check(case)

    each()


@pytest.mark.timeout(600)
def test_every_write(city: LivingCity, depth: int) -> None:
    alert = city.issue("typhoon", "red")
    leaders = city.roll.of("grid_leader", rank=1)
    within(that=lambda: alert.told(kind="alert") == phones(leaders))
    # The machine's own administrator may do everything, so that nothing is refused for that.
    assert ask_all(city, depth, write=True, who="cli") > 110 * depth
    everything_still_works(city, alert)


@pytest.mark.timeout(600)
def test_every_read(city: LivingCity, depth: int) -> None:
    alert = city.issue("typhoon", "red")
    assert ask_all(city, depth, write=False, who="officer") > 130 * depth
    everything_still_works(city, alert)


def everything_still_works(city: LivingCity, alert: Alert) -> None:
    assert city.get("/readyz")["ready"]
    assert alert.state == "issued"
    leader = city.roll.of("grid_leader", rank=1)[5]
    city.phone(leader).replies(f"{alert.code} 1")
    within(that=lambda: alert.cell(leader.unit)["state"] == "covered")
