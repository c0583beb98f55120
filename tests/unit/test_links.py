"""Tokens by which one person answers one alert: short, unguessable, and good for nothing else."""

import re
from collections.abc import Mapping
from urllib.parse import quote

import pytest

from alertd.decide.links import GRACE_S, Standing, standing
from alertd.store.links import ALERTS, LENGTH, PLACEHOLDER, Links

KEY = bytes(range(32))
ID = bytes(range(16))
OTHER = bytes(range(16, 32))
LAST = (1 << 24) - 1
NOW = 1_760_000_000_000


def read(links: Links, token: str, known: Mapping[int, bytes]) -> tuple[bytes, int] | None:
    return links.read(token, known.get)


@pytest.mark.parametrize("person_no", [0, 1, 2_000_000, LAST])
@pytest.mark.parametrize("alert_no", [1, 7, ALERTS - 1, ALERTS, 12 * ALERTS + 5])
def test_a_token_says_whose_it_is_to_whoever_has_the_key(alert_no: int, person_no: int) -> None:
    token = Links(KEY).token(alert_no, ID, person_no)
    assert read(Links(KEY), token, {alert_no % ALERTS: ID}) == (ID, person_no)
    assert read(Links(bytes(32)), token, dict.fromkeys(range(ALERTS), ID)) is None


@pytest.mark.parametrize(
    ("person_no", "sent"), [(1234, "A3yRIimibsXan88vEle0"), (2_000_000, "hG7RKO56I5pdUzpnGVIT")]
)
def test_a_token_that_went_out_before_an_update_still_opens(person_no: int, sent: str) -> None:
    assert read(Links(KEY), sent, {7: ID}) == (ID, person_no)
    assert Links(KEY).token(7, ID, person_no) == sent


def test_a_token_is_as_long_as_what_stands_for_it_and_safe_in_any_text() -> None:
    tokens = [Links(KEY).token(n, ID, n * 8191) for n in range(1, 2_000)]
    assert {len(token) for token in [*tokens, PLACEHOLDER]} == {LENGTH}
    assert all(re.fullmatch("[0-9A-Za-z]+", token) for token in tokens)
    assert quote(PLACEHOLDER) == PLACEHOLDER
    assert len(set(tokens)) == len(tokens)


def test_tokens_of_neighbours_have_nothing_in_common() -> None:
    """Neither the first letters, where the guess is, nor the last, where the numbers are."""
    tokens = [Links(KEY).token(1, ID, n) for n in range(1, 3_000)]
    for place in (slice(0, 4), slice(-4, None)):
        assert len({token[place] for token in tokens}) > 2_900
    # Nobody sees by two tokens whether they are one person's.
    one = {Links(KEY).token(n, ID, 77)[-3:] for n in range(1, 1_000)}
    assert len(one) > 900


def test_a_changed_token_opens_nothing() -> None:
    links = Links(KEY)
    token = links.token(3, ID, 1234)
    known = dict.fromkeys(range(ALERTS), ID)
    for place, letter in enumerate(token):
        for other in {"0", "z", letter.swapcase()} - {letter}:
            forged = token[:place] + other + token[place + 1 :]
            assert read(links, forged, known) is None, place


@pytest.mark.parametrize(
    "token",
    ["", "x", *("A" * (LENGTH + more) for more in (-1, 1)), *(one * LENGTH for one in "zé-")],
)
def test_what_is_no_token_is_read_as_none(token: str) -> None:
    assert read(Links(KEY), token, dict.fromkeys(range(ALERTS), ID)) is None


def test_a_token_opens_no_alert_that_got_its_number_later() -> None:
    """After a disk was lost, or after 32,768 alerts more."""
    links = Links(KEY)
    assert read(links, links.token(3, ID, 5), {3: OTHER}) is None
    assert read(links, links.token(3 + ALERTS, ID, 5), {3: OTHER}) is None
    assert read(links, links.token(3, ID, 5), {}) is None


def test_there_is_no_token_for_a_number_that_none_holds() -> None:
    assert not Links(KEY).token(1, ID, LAST + 1)


@pytest.mark.parametrize(
    ("over", "ended_at", "now", "expected"),
    [
        (False, None, NOW, Standing.OPEN),
        (False, None, NOW + 10**9, Standing.OPEN),  # nobody has said yet that it is over
        (True, NOW, NOW, Standing.LATE),
        (True, NOW, NOW + GRACE_S * 1000, Standing.LATE),
        (True, NOW, NOW + GRACE_S * 1000 + 1, Standing.CLOSED),
        (True, None, NOW + 60_000 + GRACE_S * 1000, Standing.LATE),
        (True, None, NOW + 60_001 + GRACE_S * 1000, Standing.CLOSED),
    ],
)
def test_a_link_ends_with_its_alert_and_a_grace(
    *, over: bool, ended_at: int | None, now: int, expected: Standing
) -> None:
    found = standing(over=over, expires_at=NOW + 60_000, ended_at=ended_at, now=now)
    assert found is expected
