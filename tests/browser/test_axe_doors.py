"""Pages that stand only where something is set: the second factor's, the provider's, the phones'.

A second application over the module's city has all three; tests/browser/test_every_page.py has
the pages that every city has.
"""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Route
from pydantic import SecretStr

from alertd.store import access
from alertd.web.app import create_app
from alertd.web.commands import sessions
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.visitor import Visitor
from tests.unit.test_web_oidc import CLIENT, SECRET, IdentityProvider
from tests.unit.web_city import listening, settings_of

FACTOR = "JBSWY3DPEHPK3PXP" * 2


class Phones:
    """What the simulated phones around a sample city would say."""

    async def latest(self) -> list[dict[str, Any]]:
        phone = {"phone": "+8613800000001", "text": "【余姚市防指】请回1", "at": 1_760_000_000_000}
        return [{**phone, "possible_duplicate": copy} for copy in (False, True)]


@pytest.fixture(scope="module")
def doors(stage: Stage) -> Iterator[tuple[str, IdentityProvider]]:
    """The second application's address, and the provider that it sends people to."""
    web, provider, behind = stage.web, IdentityProvider(now=stage.web.clock), AsyncExitStack()
    made: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await made["app"](scope, receive, send)

    async def opens() -> str:
        provider.url = await behind.enter_async_context(listening(provider.app()))
        url = await behind.enter_async_context(listening(app))
        settings = settings_of(
            web.city.directory,
            public_base_url=url,
            oidc_issuer=provider.url,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
        )
        phones: Any = Phones()
        made["app"] = create_app(replace(web.deps, settings=settings, phones=phones))
        return url

    url = stage.does(opens())
    yield url, provider
    stage.does(behind.aclose())


def barriers(visitor: Visitor) -> list[str]:
    light = visitor.barriers()
    visitor.turns_dark()
    return light + visitor.barriers("color-contrast")


def test_axe_finds_no_barrier_where_the_second_factor_is_asked_for(
    stage: Stage, visit: Visit
) -> None:
    async def gets_a_factor() -> None:
        with stage.web.city.store.read() as connection:
            found = access.find_principal(connection, "second")
        assert found is not None
        code = pyotp.TOTP(FACTOR).at(stage.web.clock() // 1000)
        submit = stage.web.runner.submit
        await submit(partial(sessions.begin_factor, principal_no=found.no, factor=FACTOR))
        await submit(partial(sessions.confirm_factor, principal_no=found.no, code=code))

    stage.does(gets_a_factor())
    second = visit("second")
    second.goes_to("/alerts")
    second.is_at("/code")
    assert barriers(second) == []


def test_axe_finds_no_barrier_on_the_simulated_phones(
    stage: Stage, browse: Visit, doors: tuple[str, IdentityProvider]
) -> None:
    admin = browse(doors[0], session=stage.session_of("admin"))
    admin.goes_to("/handsets")
    admin.sees("请回1")
    assert barriers(admin) == []


def test_axe_finds_no_barrier_on_the_way_by_the_offices_account(
    browse: Visit, doors: tuple[str, IdentityProvider]
) -> None:
    url, provider = doors
    somebody: Visitor = browse(url)
    somebody.watch.forgives("asked another host: " + provider.url)  # that is the way
    somebody.watch.forgives("the server responded with a status of 401")
    provider.person = "nobody-here"
    somebody.page.goto("/oidc/start?to=/alerts")
    somebody.is_at("/oidc/back")
    assert barriers(somebody) == []
    somebody.turns_light()
    provider.person = "officer"

    def stays(route: Route) -> None:
        """The page goes on at once, else: with no content to go on to it stays."""
        route.fulfill(status=204)

    somebody.page.route(f"{url}/alerts", stays)
    somebody.page.goto("/oidc/start?to=/alerts", wait_until="commit")
    somebody.is_at("/oidc/back")
    somebody.sees("已登录")
    assert barriers(somebody) == []
