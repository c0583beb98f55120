"""What commands show, and what they don't."""

import asyncio
import logging
import time

import pytest

from alertd.cli import show
from alertd.cli.figures import head_line
from alertd.cli.logs import is_news


def test_a_time_is_the_citys_whatever_the_machines_zone_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's clock is on UTC as a rule; the console and `--time` are in the city's time."""
    for name in ("ALERTD_TIMEZONE", "ALERTD_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        assert show.moment(0) == "1970-01-01 08:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("error", "news"), [(OSError, True), (asyncio.CancelledError, False)])
def test_a_job_that_ended_with_its_server_is_no_error(
    error: type[BaseException], *, news: bool
) -> None:
    record = logging.LogRecord(
        "apscheduler", logging.ERROR, "", 1, "raised", (), (error, error(), None)
    )
    assert is_news(record) is news


HOSTILE = "台风\nA9  issued \x1b[2J\x9b31m\u202eevil\u2028x"


def test_what_others_wrote_is_shown_and_never_obeyed() -> None:
    shown = "台风 A9  issued �[2J�31m�evil x"
    assert show.number(HOSTILE) == show.one_line(HOSTILE) == shown
    head = head_line({"short_code": "A7", "headline": HOSTILE, "status": "Test", "state": "draft"})
    assert head.startswith(f"A7  {shown}  [")
    assert show.plain("a\tb\n\x1b[0m\r\u200f") == "a\tb\n�[0m��"


def test_off_a_terminal_a_path_in_a_table_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/srv/" + "a-folder-of-ours/" * 20
    show.table(["", "file"], [["settings", path], ["x", "[y]"]], title="t")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["t", "          file", f"settings  {path}", "x         [y]"]
