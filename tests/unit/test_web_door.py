"""Guesses that come all at once are counted one by one."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from typing import Any

import pytest

from alertd.errors import AlertdError
from alertd.store import access
from alertd.web.door import network_of
from alertd.web.throttle import FREE_FOR_NAME
from tests.unit.web_city import WebCity

AT_ONCE = 12


async def codes(tries: Iterable[Awaitable[Any]]) -> Counter[str]:
    """How many were refused, by the error's code."""
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(each, AlertdError) for each in ended), ended
    return Counter(each.code for each in ended if isinstance(each, AlertdError))


async def test_passwords_guessed_at_once_are_no_more_than_those_one_after_another(
    web: WebCity,
) -> None:
    door = web.app.state.door
    found = await codes(door.enter("officer", f"guess {n}", "10.0.0.1") for n in range(AT_ONCE))
    assert found["unauthenticated"] <= FREE_FOR_NAME + 1  # two are looked at together
    assert found["too-many-requests"] >= AT_ONCE - FREE_FOR_NAME - 1


async def test_codes_of_a_second_factor_guessed_at_once_neither(web: WebCity) -> None:
    door = web.app.state.door
    with web.city.store.read() as connection:
        officer = access.find_principal(connection, "officer")
    assert officer is not None
    secret = "s" * 32
    found = await codes(door.enter_code(officer, secret, f"{n:06}") for n in range(AT_ONCE))
    assert found == {
        "invalid-input": FREE_FOR_NAME,
        "too-many-requests": AT_ONCE - FREE_FOR_NAME,
    }


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_whoever_has_a_network_of_addresses_is_one_caller(address: str, counted: str) -> None:
    assert network_of(address) == counted
