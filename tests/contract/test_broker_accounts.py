"""Each loudspeaker has a login of its own, and may speak of itself and hear what is for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.errors import ConflictError, InvalidInputError
from channels.loudspeaker.accounts import MOST_AREAS, Account, Accounts, newest
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.broker_config import MOST_UNCONFIRMED
from channels.loudspeaker.broker_sessions import Session, crowds, surplus
from channels.loudspeaker.nats_api import MESSAGES, SESSIONS
from tests.contract.mqtt_bytes import Speaker
from tests.contract.peer import PATIENCE_S, until
from tests.enrolled import enrol

NOW = 1_790_000_000_000


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(folder)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def login(broker: EmbeddedBroker, account: Account) -> Speaker:
    return await Speaker.connect(broker.address.port, account.terminal, account.password)


async def ours(broker: EmbeddedBroker) -> Speaker:
    address = broker.address
    return await Speaker.connect(address.port, address.username or "", address.password or "")


async def lets_in(broker: EmbeddedBroker, account: Account) -> bool:
    try:
        await (await login(broker, account)).close()
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    return True


async def test_a_terminal_hears_and_says_only_what_is_its_own(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    (t1,) = enrol(accounts, ["t1"], ["330281"], NOW)
    enrol(accounts, ["t2"], [], NOW)
    async with running(tmp_path) as broker:
        alertd, terminal = await ours(broker), await login(broker, t1)
        await alertd.subscribe("alertd/v1/#")
        for topic in ("terminal/t2/cmd", "area/1/cmd", "terminal/+/cmd", "area/+/cmd", "#"):
            assert await terminal.subscribe(f"alertd/v1/{topic}") == 0x80, topic
        assert await terminal.subscribe("alertd/v1/terminal/t1/cmd") == 1
        assert await terminal.subscribe("alertd/v1/area/330281/cmd") == 1
        for topic in ("terminal/t2/ack", "terminal/t1/cmd", "area/330281/cmd"):
            speaker = await login(broker, t1)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await speaker.publish(f"alertd/v1/{topic}", b"forbidden")
            except (asyncio.IncompleteReadError, ConnectionError):
                pass  # hanging up is its way to refuse
            await speaker.close()
        await terminal.publish("alertd/v1/terminal/t1/ack", b"mine")
        assert (await alertd.next_message()).payload == b"mine"
        await terminal.close()
        await alertd.close()


async def test_one_loudspeaker_does_not_fill_the_broker_with_sessions(tmp_path: Path) -> None:
    """nats-server keeps each for ever, with a tenth of a megabyte of memory."""
    accounts = Accounts(tmp_path)
    t1, t2 = enrol(accounts, ["t1", "t2"], [], NOW)
    broker = EmbeddedBroker(tmp_path, tidy_s=0.2)
    broker._tidier._growth = 5
    await broker.start()
    port = broker.address.port

    async def enter(account: Account, name: str) -> Speaker:
        speaker = await Speaker.connect(
            port, account.terminal, account.password, name=name, clean=False
        )
        await speaker.subscribe(f"alertd/v1/terminal/{account.terminal}/cmd")
        return speaker

    async def enter_and_leave(name: str) -> None:
        await (await enter(t1, name)).close()

    await (await enter(t2, "other")).close()
    await asyncio.gather(*(enter_and_leave(f"t1-{number}") for number in range(8)))
    last = await enter(t1, "last")

    async def few() -> bool:
        async with broker.api(PATIENCE_S) as api:
            told = await api.ask("STREAM.INFO", SESSIONS, {})
            kept = await api.ask("CONSUMER.NAMES", MESSAGES, {"offset": 0})
        return bool(told["state"]["messages"] == kept["total"] <= 7)

    await until(few)
    sender = await ours(broker)
    for account in (t1, t2):
        await sender.publish(f"alertd/v1/terminal/{account.terminal}/cmd", b"heard")
    assert (await last.next_message()).payload == b"heard"
    other = await Speaker.connect(port, "t2", t2.password, name="other", clean=False)
    assert (await other.next_message()).payload == b"heard"
    for speaker in (last, other, sender):
        await speaker.close()
    await broker.stop()


def test_who_has_too_many_sessions() -> None:
    def of(owner: str, *numbers: int) -> list[Session]:
        return [Session(number, owner) for number in numbers]

    def numbers(found: list[Session]) -> list[int]:
        return sorted(session.number for session in found)

    assert numbers(surplus(of("t1", *range(1, 8)) + of("t2", 9, 10), 0)) == [1, 2]
    assert surplus(of("", *range(1, 2000)), since=0) == [], "a thousand come at once"
    assert numbers(surplus(of("", *range(1, 1003)), since=5000)) == [1, 2]
    assert crowds(of("t1", *range(1, 400)) + of("t2", *range(400, 500)), since=0) == ["t1"]
    assert crowds(of("t1", *range(1, 400)), since=300) == [], "they were there before"
    assert crowds(of("", *range(1, 9999)), since=0) == []


async def test_there_is_no_login_for_all_unless_it_is_asked_for(tmp_path: Path) -> None:
    async with running(tmp_path) as broker:
        shared = broker.terminal_address.password or ""
        assert not await lets_in(broker, Account("terminal", shared))


async def test_who_is_enrolled_while_it_runs_is_let_in_and_who_is_revoked_is_thrown_out(
    tmp_path: Path,
) -> None:
    accounts = Accounts(tmp_path)
    (t1,) = enrol(accounts, ["t1"], [], NOW)
    async with running(tmp_path) as broker:
        pid = broker.pid
        alertd, stays = await ours(broker), await login(broker, t1)
        await alertd.subscribe("alertd/v1/#")
        (t2,) = enrol(accounts, ["t2"], [], NOW)

        async def enters() -> bool:
            return await lets_in(broker, t2)

        await until(enters)
        leaves = await login(broker, t2)
        accounts.shut_out("t2", NOW, "test")
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await leaves.next_message()
        assert not await lets_in(broker, t2)
        # Nobody else noticed.
        await stays.publish("alertd/v1/terminal/t1/ack", b"still here")
        assert (await alertd.next_message()).payload == b"still here"
        assert (broker.pid, broker.restarts) == (pid, 0)
        for speaker in (stays, alertd, leaves):
            await speaker.close()


async def test_enrolling_again_makes_the_old_password_worthless(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    (before,) = enrol(accounts, ["t1"], [], NOW)
    (after,) = enrol(accounts, ["t1"], [], NOW + 1)
    async with running(tmp_path) as broker:
        assert await lets_in(broker, after)
        assert not await lets_in(broker, before)


def test_accounts_are_kept_and_secret(tmp_path: Path) -> None:
    (made,) = enrol(Accounts(tmp_path / "broker"), ["t1"], ["1", "2"], NOW)
    assert Accounts(tmp_path / "broker").all() == {"t1": made}
    assert made.password not in repr(made)
    assert (tmp_path / "broker" / "terminals.json").stat().st_mode & 0o777 == 0o600
    for moment in (NOW + 5, NOW + 9):
        Accounts(tmp_path / "broker").shut_out("t1", moment, "test")
    ended = Accounts(tmp_path / "broker").all()["t1"]
    assert (ended.good, ended.revoked_at, ended.why) == (False, NOW + 5, "test")


def test_a_file_that_says_so_already_isnt_written_again(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    enrol(accounts, ["t1"], [], NOW)
    before = accounts.path.stat()
    accounts.follow(accounts.all())
    assert accounts.path.stat() == before  # the broker would read it again


@pytest.mark.parametrize(
    ("one", "other", "wins"),
    [
        ((5, None), (7, None), "other"),
        ((7, None), (5, None), "one"),
        ((5, None), (5, 6), "other"),  # whichever copy knows that it was shut out
        ((5, 6), (5, None), "one"),
        ((5, 6), (7, None), "other"),  # enrolled anew since
        ((7, None), (5, 9), "one"),  # shut out late, by the clock, but of the login before
        ((5, 6), (5, 9), "one"),
    ],
)
def test_of_two_copies_the_newer_enrolment_counts_and_shut_out_is_shut_out(
    one: tuple[int, int | None], other: tuple[int, int | None], wins: str
) -> None:
    here, there = (
        {"t": Account("t", name, (), enrolled, revoked)}
        for name, (enrolled, revoked) in (("one", one), ("other", other))
    )
    assert newest(here, there)["t"].password == wins
    assert newest(here, {}) == newest({}, here) == here


@pytest.mark.parametrize("terminal", ["", "a/b", "a b", "alertd", "terminal", "x" * 65, "#"])
def test_names_that_no_terminal_can_have(tmp_path: Path, terminal: str) -> None:
    with pytest.raises(InvalidInputError):
        enrol(Accounts(tmp_path), ["ok", terminal], [], NOW)
    assert Accounts(tmp_path).all() == {}


def test_a_terminal_has_no_more_areas_than_a_broker_lets_it_listen_to(tmp_path: Path) -> None:
    areas = [f"3302{number}" for number in range(MOST_AREAS + 1)]
    with pytest.raises(InvalidInputError, match=str(MOST_AREAS)):
        enrol(Accounts(tmp_path), ["t1"], areas, NOW)
    assert Accounts(tmp_path).all() == {}
    enrol(Accounts(tmp_path), ["t1"], areas[1:], NOW)
    assert (MOST_AREAS + 1) * MOST_UNCONFIRMED <= 65_535  # nats-server's own limit


def test_one_that_is_not_enrolled_cannot_be_shut_out(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    enrol(accounts, ["t1"], [], NOW)
    accounts.shut_out("t2", NOW, "test")
    assert {name: account.good for name, account in accounts.all().items()} == {"t1": True}


@pytest.mark.parametrize("content", ["", "[]", '{"terminals": [{}]}', '{"terminals": 5}'])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "terminals.json").write_text(content)
    with pytest.raises(ConflictError, match="can't be read"):
        Accounts(tmp_path).all()


async def test_no_loudspeaker_takes_the_session_of_another(tmp_path: Path) -> None:
    """Whoever is let in takes any session by its name, and wipes what waits in it."""
    t1, t2 = enrol(Accounts(tmp_path), ["t1", "t2"], [], NOW)
    topic = "alertd/v1/terminal/t2/cmd"
    async with running(tmp_path) as broker:
        port = broker.address.port
        name = replace(broker.address, username="t2", password=t2.password).session("t2")
        owner = await Speaker.connect(port, "t2", t2.password, name=name, clean=False)
        assert await owner.subscribe(topic) == 1
        await owner.close()
        known = replace(broker.address, username="t1", password=t1.password)
        for guess in ("terminal-t2", "t2", known.session("t2")):
            await (await Speaker.connect(port, "t1", t1.password, name=guess)).close()
        alertd = await ours(broker)
        await alertd.publish(topic, b"sound")
        owner = await Speaker.connect(port, "t2", t2.password, name=name, clean=False)
        assert (await owner.next_message()).payload == b"sound"
        await owner.close()
        await alertd.close()
