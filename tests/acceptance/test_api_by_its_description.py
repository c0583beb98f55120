"""Every operation of the API, asked by its own description with whatever Schemathesis thinks of."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.acceptance.conftest import StartCity

EXAMPLES = 15
STREAMS = {"/api/v1/events"}  # never end by themselves; tests of their own listen to them


@pytest.mark.timeout(300)
def test_no_operation_fails_or_answers_what_it_does_not_describe(living_city: StartCity) -> None:
    city = living_city(speakers=None)
    alert = city.issue("typhoon", "red", status="Exercise")
    schema = schemathesis.openapi.from_url(f"{city.server.url}/api/v1/openapi.json")
    headers = {"authorization": f"Bearer {city.server.token}"}
    asked = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in STREAMS:
            continue
        asked.append(operation.label)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answers(case: Any) -> None:
            if "alert" in (case.path_parameters or {}):
                case.path_parameters["alert"] = alert.code
            response = case.call(headers=headers, timeout=30)
            assert response.status_code < 500, (case.as_curl_command(), response.text)
            described = set(case.operation.definition.raw["responses"])
            assert str(response.status_code) in described | {"400", "401", "405"}, response.text

        answers()
    assert len(asked) >= 40, asked
