"""What is particular to notices: what stands on the page, and how large."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from alertd.decide.grammar import ReplyKind, parse
from channels.base import (
    Accepted,
    Event,
    Fault,
    Limits,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.paper import notice
from channels.paper.poster import PosterRoute
from tests.contract.messages import outgoing


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


def message(**changes: Any) -> Outgoing:
    made = outgoing(7, "梨洲街道公告栏", attempt=2, text="红色台风A7:立即转移。")
    return replace(made, **changes)


def words(page: str) -> str:
    return str(html.fromstring(page.encode()).text_content())


def test_a_notice_says_what_to_do_in_both_languages() -> None:
    said = words(notice.write(message(status="Actual")))
    assert "红色台风A7:立即转移。" in said
    assert "贴好后回复 A7 1" in said
    assert "then answer: A7 1" in said
    assert "梨洲街道公告栏 · 7-2" in said
    assert parse("A7 1").kind is ReplyKind.RECEIVED  # a notice that hangs has moved nobody
    assert "演练" not in said
    assert "EXERCISE" not in said


def test_a_drill_cannot_be_taken_for_the_real_thing() -> None:
    page = notice.write(message(status="Exercise"))
    assert "演练" in words(page)
    assert "EXERCISE" in words(page)
    assert page.count('class="not-real"') == 2
    assert "TEST." in words(notice.write(message(status="Test")))


def test_a_second_print_and_a_stop_say_so() -> None:
    assert "second print" in words(notice.write(message(possible_duplicate=True)))
    assert "second print" not in words(notice.write(message(possible_duplicate=False)))
    assert "Take down" in words(notice.write(message(stop=True)))
    assert "Take down" not in words(notice.write(message()))


def test_a_text_is_never_markup() -> None:
    evil = '</pre><script>x()</script>&amp;"{colour}'
    page = notice.write(message(text=evil, address=evil, language='"><b>', short_code="../A<"))
    document = html.fromstring(page.encode())
    assert document.findall(".//script") == []
    assert document.find(".//pre").text_content() == evil
    assert notice.file_name(message(short_code="../A<")) == "A-7-2.html"
    assert notice.file_name(message(short_code="")) == "notice-7-2.html"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 48),
        ("急" * 60, 48),
        ("急" * 61, 36),
        ("a" * 99, 48),
        ("a" * 102, 36),
        ("\n" * 5, 48),
        ("\n" * 6, 36),
        ("急" * 476, 18),
        ("急" * 477, 12),
        ("急" * 2_000, 9),
    ],
)
def test_the_more_there_is_to_say_the_smaller(text: str, size: int) -> None:
    assert notice.size_of(text) == size
    assert f"font-size: {size}pt" in notice.write(message(text=text))


def made(folder: Path, **options: Any) -> PosterRoute:
    config = RouteConfig(
        name="p",
        type="poster",
        limits=Limits(timeout_s=10),
        options={"folder": str(folder), **options},
    )
    return PosterRoute(
        config, RouteContext(now=lambda: 0, sink=nowhere, public_base_url="http://x")
    )


async def sent(route: PosterRoute) -> Accepted | SendError:
    async with asyncio.timeout(10):
        await route.start()
        try:
            (outcome,) = [outcome async for outcome in route.send_many([message()])]
        finally:
            await route.close()
    return outcome.result


def pages(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


async def test_without_a_printer_the_page_lies_in_the_folder(tmp_path: Path) -> None:
    assert await sent(made(tmp_path)) == Accepted("A7-7-2.html")
    found = pages(tmp_path)
    assert list(found) == ["A7-7-2.html"]
    assert "<pre>红色台风A7:立即转移。</pre>" in found["A7-7-2.html"]


async def test_a_print_command_that_is_not_there_waits_for_it(tmp_path: Path) -> None:
    result = await sent(made(tmp_path, print_command=[str(tmp_path / "no-such-command")]))
    assert isinstance(result, SendError)
    assert (result.fault, result.code) == (Fault.AWAY, "no-print-command")
