"""What a process is set to is on record from start to start, without a value that could be read."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.decide.shares import Part
from alertd.engine import starting
from alertd.engine.runner import Runner
from alertd.errors import NotConfiguredError
from alertd.settings import RouteSettings, Settings, spelled
from alertd.store import journal, starts
from alertd.store import tables as t
from alertd.store.vault import Vault
from tests.city import City


def settings(**given: Any) -> Settings:
    return Settings.model_construct(**{**Settings().model_dump(exclude={"routes"}), **given})


def test_only_what_is_not_as_shipped_is_spelled_routes_option_by_option() -> None:
    route = RouteSettings.model_validate(
        {"type": "http", "rate_per_s": 0.3, "token": "s3cret", "headers": {"b": 1, "a": 2}}
    )
    found = spelled(settings(tick_s=2.0, routes={"sms": route}, data_dir=Path("/x"), port=1))
    assert found == {
        "tick_s": "2.0",
        "routes.sms.type": '"http"',
        "routes.sms.rate_per_s": "0.3",
        "routes.sms.token": '"s3cret"',
        "routes.sms.headers": '{"a": 2, "b": 1}',
    }


def test_a_print_shows_a_change_and_no_value_and_looks_like_no_number() -> None:
    vault, other = Vault(b"k" * 32), Vault(b"o" * 32)
    one = starts.prints(vault, {"a": "1", "b": "1"})
    assert one == starts.prints(vault, {"a": "1", "b": "1"})
    assert one["a"] != one["b"], "nor that two settings are the same"
    assert one["a"] != starts.prints(vault, {"a": "2"})["a"]
    assert one["a"] != starts.prints(other, {"a": "1"})["a"]
    assert all(re.fullmatch("[a-p]{16}", said) for said in one.values())


def test_a_start_is_on_record_with_what_changed_since_the_start_before(tmp_path: Path) -> None:
    city = City(tmp_path)

    def start(process: str = "server", **settings: str) -> None:
        city.take(partial(starting.started, process=process, settings=settings))
        city.now += 1_000

    first = city.now
    start(tick_s="2", node="a")
    start(tick_s="2", node="b")
    start(process="worker sms", tick_s="2")
    start(tick_s="2")
    with city.store.read() as connection:
        facts = [row.fact for row in journal.stream(connection)]
    bodies = [fact.body for fact in facts if fact.kind == "engine.started"]
    said = [(body["process"], body["settings"]) for body in bodies]
    assert [(process, sorted(given)) for process, given in said] == [
        ("server", ["node", "tick_s"]),
        ("server", ["node"]),
        ("worker sms", ["tick_s"]),
        ("server", ["node"]),
    ]
    assert said[-1][1] == {"node": None}, "as shipped again"
    known = city.rows(select(t.known_setting).order_by(t.known_setting.c.process))
    assert [(row.process, row.name, row.since) for row in known] == [
        ("server", "tick_s", first),
        ("worker sms", "tick_s", first + 2_000),
    ]


def test_each_process_has_the_name_of_what_it_does() -> None:
    assert Part().title == "server"
    assert Part(decides=False, routes=frozenset()).title == "console"
    assert Part(routes=frozenset({"voice", "sms"})).title == "worker sms,voice"
    assert Part(routes=frozenset()).title == "worker"


async def test_a_start_that_can_t_be_put_on_record_starts_all_the_same(tmp_path: Path) -> None:
    city = City(tmp_path)
    runner = Runner(city.engine, {}, now=lambda: city.now)
    await runner.start()
    try:
        unspellable: Any = {"tick_s": object(), "node": None}.keys()
        await starting.began(runner, "server", unspellable)
    finally:
        await runner.stop()
    with city.store.read() as connection:
        kinds = [row.fact.kind for row in journal.stream(connection)]
    assert "engine.started" not in kinds


def test_two_processes_are_compared_by_what_they_decide_and_write_by() -> None:
    sms = {"routes.sms.type": "a", "routes.sms.rate_per_s": "b"}
    ours = {"signature": "c", "host": "d", "log_level": "e", **sms}
    assert starts.unlike(ours, {"signature": "c", "oidc_issuer": "f", **sms}) == set()
    theirs = {"signature": "g", "routes.sms.type": "a", "routes.voice.type": "h"}
    found = {"signature", "routes.sms.rate_per_s", "routes.voice"}
    assert starts.unlike(theirs, ours) == starts.unlike(ours, theirs) == found
    assert starts.listed([*"abcdefgh"]) == "a, b, c, d, e, f, g, h"
    assert starts.listed([*"abcdefghi"]).endswith("h, …")


def test_without_the_citys_name_nothing_new_is_begun_and_what_is_out_goes_on(
    tmp_path: Path,
) -> None:
    city = City(tmp_path)
    out, waits = city.issue(), city.draft("flood", "red")
    told = len(city.sent)
    city.engine.nameless = ["signature"]
    for follows in ((), (city.reference(out),)):
        with pytest.raises(NotConfiguredError, match="are gone: signature"):
            city.draft("typhoon", "red", references=follows)
    city.approve(waits)
    assert len(city.sent) > told
    told = len(city.sent)
    city.issue("all-clear", references=[city.reference(out)])
    assert len(city.sent) > told


def test_a_name_that_is_lost_is_looked_for_at_every_start_until_it_is_given(
    tmp_path: Path,
) -> None:
    city = City(tmp_path)

    def begin(**given: str) -> list[str]:
        """A start with these settings, as shipped where the value is "x"."""
        with city.store.read() as connection:
            lost = starts.identity_lost(starts.known(connection, "server"), given)
        told = {name: value for name, value in given.items() if value != "x"}
        city.take(partial(starting.started, process="server", settings=told, lost=lost))
        return lost

    assert begin(signature="甲乙", sender="a@b") == []
    assert begin(sender="a@b") == ["signature"]
    assert begin() == ["sender", "signature"]
    assert begin(signature="x", sender="a@b") == []
    assert begin(sender="a@b") == []
