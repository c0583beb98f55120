"""Who is asking, case by case: tokens, cookies, the page's own token; and passwords."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from alertd.engine.authority import Actor
from alertd.errors import ForbiddenError, InvalidInputError, UnauthenticatedError
from alertd.settings import load
from alertd.store import access, credentials, migrate
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.vault import Vault
from alertd.web import auth
from alertd.web.deps import Deps
from alertd.web.passwords import LEAST, MOST, Passwords, one_time_password, require_good

NOW = 1_760_000_000_000
TOKEN, COOKIE, CSRF = "t" * 32, "c" * 32, "x" * 32
TOWNS_TOKEN, TOWNS = "k" * 32, "s" * 32
UNIT = {
    "no": 1, "from_version": 1, "to_version": 2**31 - 1, "id": b"u", "code": "330281001",
    "official_code": "", "name": "", "level": "subdistrict", "path": "330281/330281001/",
    "shelter": "", "fingerprint": b"",
}  # fmt: skip
FORCED, WAITS, LASTS = "f" * 32, "w" * 32, NOW + 1


@pytest.fixture(scope="module")
def deps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deps]:
    """A node's store with an officer, who has a token, a session and one that waits for the second
    factor, and somebody with a session by a one-time password."""
    folder = tmp_path_factory.mktemp("node")
    url = f"sqlite:///{folder / 'alertd.db'}"
    migrate.upgrade(url)
    store = Store(url, Vault(bytes(32)), node="city")
    with store.transaction(NOW) as tx:
        ids = SequentialIds("test", at=NOW)
        officer = access.create_principal(
            tx, ids, name="officer", role="duty_officer", by="cli", person_no=5
        )
        new = access.create_principal(
            tx, ids, name="new", role="viewer", by="cli", must_change=True
        )
        credentials.create_token(
            tx,
            TOKEN,
            principal_no=officer.no,
            label="wall",
            scopes=("read",),
            by="cli",
            expires_at=LASTS,
        )
        tx.connection.execute(t.unit.insert().values(**UNIT))
        town = access.create_principal(
            tx, ids, name="town", role="area_administrator", by="cli", unit_code="330281001"
        )
        credentials.create_token(
            tx, TOWNS_TOKEN, principal_no=town.no, label="town", scopes=("draft",), by="cli"
        )
        for secret, who in ((COOKIE, officer), (FORCED, new), (TOWNS, town)):
            credentials.open_session(tx, secret, principal_no=who.no, csrf=CSRF, expires_at=LASTS)
        credentials.open_session(
            tx, WAITS, principal_no=officer.no, csrf=CSRF, expires_at=LASTS, waits=True
        )
    nothing: Any = None
    yield Deps(
        store=store,
        runner=nothing,
        library=nothing,
        wording=nothing,
        settings=load(data_dir=folder, public_base_url="https://Alerts.example:8443/base"),
        now=lambda: NOW,
        channels={},
        stopping=asyncio.Event(),
    )
    store.close()


def asked(method: str = "GET", **headers: str) -> Request:
    """A request with headers; `_` in a name stands for `-`."""
    given = [(n.replace("_", "-").encode(), v.encode("latin-1")) for n, v in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "headers": given})


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer   {TOKEN} ", True),
        (f"BEARER {TOKEN}", True),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN} {TOKEN}", False),
        (f"Bearer {COOKIE}", False),
        ("Bearer " + "u" * 101, False),
    ],
)
async def test_a_token_is_known_by_its_whole_self(deps: Deps, header: str, known: bool) -> None:
    found = await auth.signed_in(asked(authorization=header), deps)
    assert (found is not None) == known
    # A header that is none is no sign to look at the cookie.
    both = await auth.signed_in(asked(authorization=header, cookie=f"{auth.COOKIE}={COOKIE}"), deps)
    assert (both is not None) == known


async def test_a_tokens_actor_has_its_scopes_and_no_page(deps: Deps) -> None:
    found = await auth.signed_in(asked(authorization=f"Bearer {TOKEN}"), deps)
    assert found is not None
    assert found.actor == Actor(
        no=found.principal.no,
        id=found.principal.id,
        name="officer",
        role="duty_officer",
        path="",
        person_no=5,
        scopes=frozenset({"read"}),
    )
    assert (found.csrf, found.secret) == ("", "")


async def test_a_cookies_actor_has_every_right_of_its_role(deps: Deps) -> None:
    found = await auth.signed_in(asked(cookie=f"{auth.COOKIE}={COOKIE}"), deps)
    assert found is not None
    assert (found.actor.name, found.actor.scopes, found.actor.path) == ("officer", None, "")
    assert (found.csrf, found.secret) == (CSRF, COOKIE)
    assert found.principal.name == "officer"


@pytest.mark.parametrize(
    "headers",
    [{"authorization": f"Bearer {TOWNS_TOKEN}"}, {"cookie": f"{auth.COOKIE}={TOWNS}"}],
)
async def test_whoever_is_of_a_unit_acts_in_it_alone(deps: Deps, headers: dict[str, str]) -> None:
    found = await auth.signed_in(asked(**headers), deps)
    assert found is not None
    assert (found.actor.name, found.actor.path) == ("town", "330281/330281001/")


@pytest.mark.parametrize(
    "cookie", ["", "other=1", f"{auth.COOKIE}={TOKEN}", f"{auth.COOKIE}=short", f"x={COOKIE}"]
)
async def test_another_cookie_is_nobodys(deps: Deps, cookie: str) -> None:
    assert await auth.signed_in(asked(cookie=cookie), deps) is None
    with pytest.raises(UnauthenticatedError) as refused:
        await auth.who_asks(asked(cookie=cookie), deps)
    said = (str(refused.value), refused.value.hint)
    assert said == ("Nobody is signed in.", "Send a bearer token, or sign in by the console.")


SIGNED = f"{auth.COOKIE}={COOKIE}"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_browser_reads_by_its_cookie_alone(deps: Deps, method: str) -> None:
    found = await auth.who_asks(asked(method, cookie=SIGNED, sec_fetch_site="cross-site"), deps)
    assert found.actor.name == "officer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "out of date"),
        ({"x_csrf_token": ""}, "out of date"),
        ({"x_csrf_token": CSRF[:-1]}, "out of date"),
        ({"x_csrf_token": COOKIE}, "out of date"),
        ({"x_csrf_token": CSRF, "sec_fetch_site": "cross-site"}, "another site"),
        ({"x_csrf_token": CSRF, "sec_fetch_site": "same-site"}, "another site"),
        ({"x_csrf_token": CSRF, "origin": "https://elsewhere.example"}, "another site"),
        ({"x_csrf_token": CSRF, "origin": "null"}, "another site"),
        ({"x_csrf_token": CSRF, "origin": "https://[bad"}, "another site"),
        ({"x_csrf_token": CSRF, "origin": "https://alerts.example"}, "another site"),
    ],
)
async def test_a_browsers_write_needs_our_own_page(
    deps: Deps, method: str, headers: dict[str, str], why: str
) -> None:
    with pytest.raises(ForbiddenError, match=why):
        await auth.who_asks(asked(method, cookie=SIGNED, **headers), deps)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": "https://alerts.example:8443"},
        {"origin": "https://ALERTS.example:8443"},
        {"origin": "http://10.0.0.7:8080", "host": "10.0.0.7:8080"},
        {"origin": "http://city.example", "host": "City.example"},
    ],
)
async def test_our_own_page_writes(deps: Deps, headers: dict[str, str]) -> None:
    found = await auth.who_asks(asked("POST", cookie=SIGNED, x_csrf_token=CSRF, **headers), deps)
    assert found.actor.name == "officer"


async def test_a_page_without_its_token_is_told_what_to_do(deps: Deps) -> None:
    with pytest.raises(ForbiddenError) as refused:
        await auth.who_asks(asked("POST", cookie=SIGNED), deps)
    said = (str(refused.value), refused.value.hint)
    assert said == (
        "The page is out of date, or the request didn't come from it.",
        "Reload the page and try again.",
    )


async def test_another_sites_page_is_told_so(deps: Deps) -> None:
    request = asked("POST", cookie=SIGNED, x_csrf_token=CSRF, sec_fetch_site="cross-site")
    with pytest.raises(ForbiddenError) as refused:
        await auth.who_asks(request, deps)
    assert str(refused.value) == "The request came from a page of another site."


async def test_a_token_writes_without_a_page(deps: Deps) -> None:
    request = asked("POST", authorization=f"Bearer {TOKEN}", sec_fetch_site="cross-site")
    assert (await auth.who_asks(request, deps)).actor.name == "officer"


async def test_a_one_time_password_opens_nothing(deps: Deps) -> None:
    request = asked(cookie=f"{auth.COOKIE}={FORCED}")
    with pytest.raises(auth.MustChangePasswordError) as refused:
        await auth.who_asks(request, deps)
    assert str(refused.value) == "This password is for one sign-in only; change it first."
    known = await auth.signed_in(request, deps)
    assert known is not None
    assert known.principal.must_change


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_password_opens_nothing_before_the_second_factor(deps: Deps, method: str) -> None:
    request = asked(method, cookie=f"{auth.COOKIE}={WAITS}", x_csrf_token=CSRF)
    with pytest.raises(auth.SecondFactorError) as refused:
        await auth.who_asks(request, deps)
    assert str(refused.value) == "Type the code of your second factor first."


async def test_whoever_may_not_read_is_no_reader(deps: Deps) -> None:
    found = await auth.signed_in(asked(authorization=f"Bearer {TOKEN}"), deps)
    assert found is not None
    assert await auth.reader(found) == found.actor
    unread = auth.Signed(
        actor=auth.actor_of(found.principal, "", frozenset({"draft"})), principal=found.principal
    )
    with pytest.raises(ForbiddenError, match="read"):
        await auth.reader(unread)


def test_an_actor_acts_in_its_unit(deps: Deps) -> None:
    with deps.store.read() as connection:
        officer = access.principal_of(connection, 1)
    actor = auth.actor_of(officer, "330281/", None)
    assert (actor.path, actor.role, actor.person_no) == ("330281/", "duty_officer", 5)


# Passwords.


@pytest.fixture
async def passwords() -> Passwords:
    return Passwords()


async def test_only_the_password_itself_matches(passwords: Passwords) -> None:
    kept = await passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert await passwords.matches("correct horse", kept)
    assert not await passwords.matches("correct horsf", kept)
    assert not await passwords.matches("correct horse", "")
    assert not await passwords.matches("correct horse", "$argon2id$spoilt")


async def test_what_nobody_types_is_cut_before_it_is_hashed(passwords: Passwords) -> None:
    longest = "a" * MOST
    kept = await passwords.hash(longest)
    assert await passwords.matches(longest + "b" * 10_000, kept)
    with pytest.raises(InvalidInputError):
        await passwords.hash(longest + "a")


@pytest.mark.parametrize(
    ("n", "good"), [(0, False), (9, False), (10, True), (200, True), (201, False)]
)
def test_a_password_has_its_bounds(n: int, good: bool) -> None:
    assert (LEAST, MOST) == (10, 200)
    if good:
        require_good("x" * n)
        return
    with pytest.raises(InvalidInputError, match="10 to 200 characters") as refused:
        require_good("x" * n)
    assert refused.value.field == "new_password"


def test_a_one_time_password_is_four_groups_of_all_its_bits() -> None:
    asked_for: list[int] = []

    def token_bytes(n: int) -> bytes:
        asked_for.append(n)
        return bytes(range(n))

    assert one_time_password(token_bytes) == "aaaq-eaye-auda-ocaj"
    assert asked_for == [10]
