"""What routes say of themselves is read in both languages: every such sentence is a marked text."""

import ast
from collections.abc import Iterator

import pytest

from alertd.i18n import sentence
from alertd.i18n.check import root
from alertd.web.pages.health import warnings_in
from alertd.web.ready import Readiness, RouteHealth

FILES = sorted((root() / "channels").rglob("*.py"))


def unmarked(source: str) -> Iterator[str]:
    """Details of `Health(…)` that are written there and then and that no catalog can know."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Health":
            for given in node.keywords:
                words = isinstance(given.value, ast.Constant) and given.value.value
                if given.arg == "detail" and (words or isinstance(given.value, ast.JoinedStr)):
                    yield ast.unparse(given.value)


@pytest.mark.parametrize(
    "source", ['Health(ok=True, detail="Fine.")', 'Health(ok=False, detail=f"It is {x}.")']
)
def test_an_unmarked_one_is_noticed(source: str) -> None:
    assert list(unmarked(source))


def test_no_route_speaks_english_only() -> None:
    found = {file.name: list(unmarked(file.read_text(encoding="utf-8"))) for file in FILES}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("0 of 1 modems are ready; m1: its SIM wants a PIN.", "m1:SIM卡要求输入PIN码。"),
        ("2 of 2 modems are ready; m1: signal 6 %; m1: credit 12.50.", "m1信号6%;m1余额12.50。"),
        ("The MQTT broker isn't connected: connection-lost.", "未连接:connection-lost。"),
    ],
)
def test_clauses_are_translated_one_by_one(english: str, chinese: str) -> None:
    assert sentence("zh-CN", english).endswith(chinese)
    assert sentence("en", english) == english


def test_a_warning_of_a_route_keeps_its_name() -> None:
    route = RouteHealth(name="sms-1", ok=False, detail="The handset gateway doesn't answer.")
    ready = Readiness(
        ready=True,
        reasons=(),
        warnings=(f"sms-1: {route.detail}", "The disk is nearly full."),
        cycle_age_s=0,
        oldest_pending_s=0,
        free_bytes=0,
        space="enough",
        routes=(route,),
        clock_trusted=True,
        clock_ahead_s=0,
    )
    of_route, of_disk = warnings_in("zh-CN", ready)
    assert of_route == "sms-1: 手机网关没有响应。"
    assert of_disk == sentence("zh-CN", "The disk is nearly full.") != "The disk is nearly full."
