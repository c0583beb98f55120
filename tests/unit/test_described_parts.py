"""A long message whose parts a gateway reports one by one arrives when all of them do."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import pytest

from alertd.errors import NotConfiguredError
from channels.base import Receipt, ReceiptStatus
from channels.described.http import HttpRoute
from tests.unit.described_routes import HOOK_SECRET, made, read, written

# As Huawei Cloud's MSGSMS reports: a form for each part, `sequence` of `total`, one id for all.
OWN = """
title = "own"
channel = "sms"
url = "http://gateway.example"
[options.hook_secret]
[request]
fields = { to = "{address}", extend = "{ours}" }
[answer]
code = ["code"]
ok = ["0"]
[hooks.receipts]
body = "form"
verify = { given = "query:key", of = "{hook_secret}" }
[hooks.receipts.receipt]
ours = "extend"
reference = "smsMsgId"
status = "status"
statuses = { DELIVRD = "delivered", ACCEPTD = "accepted", "*" = "failed" }
part = "sequence"
parts = "total"
"""
DELIVERED, ACCEPTED, FAILED = (
    ReceiptStatus.DELIVERED,
    ReceiptStatus.ACCEPTED,
    ReceiptStatus.FAILED,
)


def route(folder: Path) -> HttpRoute:
    return made(written(folder, OWN, hook_secret=HOOK_SECRET))


def told(way: HttpRoute, *parts: str, ours: str = "5-1") -> Sequence[ReceiptStatus | None]:
    """What each word, `sequence/total status`, comes to."""
    heard: list[ReceiptStatus | None] = []
    for part in parts:
        place, status = part.split()
        sequence, total = place.split("/")
        fields = {"extend": ours, "smsMsgId": "m1", "status": status}
        fields |= {"sequence": sequence} if sequence else {}
        fields |= {"total": total} if total else {}
        events = read(way, "receipts", urlencode(fields).encode())
        assert all(isinstance(event, Receipt) for event in events)
        heard.append(events[0].status if events else None)  # type: ignore[union-attr]
    return heard


def test_the_whole_arrives_with_its_last_part_in_whatever_order(tmp_path: Path) -> None:
    way = route(tmp_path)
    words = ["3/3 DELIVRD", "1/3 DELIVRD", "1/3 DELIVRD", "2/3 ACCEPTD", "2/3 DELIVRD"]
    assert told(way, *words) == [ACCEPTED] * 4 + [DELIVERED]
    assert told(way, "3/3 DELIVRD") == [DELIVERED]  # brought again


def test_a_lost_part_fails_the_whole_and_the_others_dont_mend_it(tmp_path: Path) -> None:
    way = route(tmp_path)
    assert told(way, "1/3 DELIVRD", "2/3 EXPIRED", "3/3 DELIVRD") == [ACCEPTED, FAILED, None]
    assert told(way, "2/3 DELIVRD") == [DELIVERED]


def test_tries_are_apart(tmp_path: Path) -> None:
    way = route(tmp_path)
    assert told(way, "1/2 DELIVRD", ours="5-1") == [ACCEPTED]
    assert told(way, "2/2 DELIVRD", ours="5-2") == [ACCEPTED]
    assert told(way, "2/2 DELIVRD", ours="6-1") == [ACCEPTED]


def test_parts_told_before_a_restart_are_missing(tmp_path: Path) -> None:
    assert told(route(tmp_path), "1/2 DELIVRD") == [ACCEPTED]
    assert told(route(tmp_path), "2/2 DELIVRD") == [ACCEPTED]


@pytest.mark.parametrize("word", ["1/1 DELIVRD", "/ DELIVRD", "/1 DELIVRD"])
def test_what_isnt_in_parts_arrives_at_once(word: str, tmp_path: Path) -> None:
    assert told(route(tmp_path), word) == [DELIVERED]


@pytest.mark.parametrize("place", ["1/", "/3", "4/3", "0/3", "x/3", "1/999", "2/1", "٣/٣"])
def test_a_part_that_cant_be_read_is_no_arrival_of_the_whole(place: str, tmp_path: Path) -> None:
    assert told(route(tmp_path), f"{place} DELIVRD", f"{place} EXPIRED") == [ACCEPTED, FAILED]


def test_part_and_parts_go_together(tmp_path: Path) -> None:
    for line in ('part = "sequence"\n', 'parts = "total"\n'):
        own = written(tmp_path, OWN.replace(line, ""), hook_secret=HOOK_SECRET)
        with pytest.raises(NotConfiguredError) as wrong:
            made(own)
        assert "hooks.receipts.receipt needs part and parts, or neither" in wrong.value.message
