"""Docs that fail the build: what a page says of the code is read from the page and compared."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi.routing import APIRoute

from alertd.cli.main import COMMANDS, assemble
from alertd.decide.escalate import Act
from alertd.decide.interpret import Verdict
from alertd.engine.authority import _RIGHTS
from alertd.errors import NotConfiguredError
from alertd.model import (
    AckKind,
    AlertState,
    Channel,
    DeliveryState,
    Grade,
    MessageKind,
    Stage,
    Via,
)
from alertd.settings import RouteSettings, Settings
from alertd.store.fold import _FOLDS, RECORD_ONLY
from alertd.web import probes
from alertd.web.api import (
    access,
    acting,
    alerts,
    answers,
    board,
    clock,
    drills,
    paper,
    readiness,
    record,
    report,
    roster,
    roster_changes,
    routes,
    situation,
    status,
    terminals,
)
from alertd.web.pages import phone
from channels import registry
from channels.base import Fault, RouteConfig, RouteContext
from tests.unit.docs_pages import ROOT, anchors, headings, links, read, section
from tests.unit.test_layout import tracked_files

MOST_DECISION_LINES = 60  # one page


def markdown() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md"]


def dead_links(page: Path) -> Iterator[str]:
    """Relative links of a page to files or headings that aren't there."""
    for target in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (page.parent / name).resolve() if name else page
        is_page = file.is_file() and file.suffix == ".md"
        known = anchors(file.read_text(encoding="utf-8")) if is_page and anchor else {anchor}
        if not file.exists() or anchor not in known:
            yield target


def test_no_relative_link_is_dead() -> None:
    found = {str(page.relative_to(ROOT)): list(dead_links(page)) for page in markdown()}
    assert "README.md" in found
    assert not {page: dead for page, dead in found.items() if dead}


def test_a_dead_link_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A `b` c\n```\n# no heading\n```\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](gone.md) [b](other.md#a-b-c) [c](other.md#no-heading) [d](#x) ![e](e.png)\n"
        "[f](https://alertd.example/x) [g](other.md)\n\n# X\n\n    [h](code.md)\n",
        encoding="utf-8",
    )
    assert list(dead_links(page)) == ["gone.md", "other.md#no-heading", "e.png"]


def typed(text: str) -> list[str]:
    """The commands of a page, without their comments."""
    lines = re.findall(r"^ {4}(\S.*)$", text, flags=re.MULTILINE)
    return [line.partition("  #")[0].rstrip() for line in lines]


def test_the_chinese_readme_follows_the_english_one() -> None:
    english, chinese = read("README.md"), read("README.zh-CN.md")
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert typed(english) == typed(chinese)
    each_other = {"README.md", "README.zh-CN.md"}
    assert set(links(english)) - each_other == set(links(chinese)) - each_other
    for level, title in headings(chinese):
        assert level == 1 or re.search(r"[\u4e00-\u9fff]", title), title


def test_every_setting_is_in_the_example_file() -> None:
    example = read("config/alertd.toml")
    for name in set(Settings.model_fields) - {"routes"}:
        assert re.search(rf"^# {name} = ", example, re.MULTILINE), name
    for name in set(RouteSettings.model_fields) - {"options"}:
        assert re.search(rf"^#   {name}\b", example, re.MULTILINE), name


def kinds_under(title: str) -> list[str]:
    text = section(read("docs/facts.md"), title)
    return re.findall(r"^### `([\w.-]+)`$", text, re.MULTILINE)


def test_every_kind_of_fact_is_documented_and_no_other() -> None:
    assert sorted(kinds_under("Facts that change tables")) == sorted(_FOLDS)
    assert sorted(kinds_under("Facts on record only")) == sorted(RECORD_ONLY)


def test_every_path_of_the_api_is_documented_and_no_other() -> None:
    api = (
        *(alerts, acting, board, answers, roster, roster_changes),
        *(routes, access, status, clock, report, paper, situation, drills, readiness),
        *(probes, phone, terminals, record),
    )
    there = [
        (method, route.path)
        for module in api
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    rows = re.findall(r"^\| `([A-Z]+) (/\S+)` \|", read("docs/api.md"), re.MULTILINE)
    assert sorted(rows) == sorted(there)


def table(text: str) -> dict[str, str]:
    """The rows of a section's first table: what is marked in their first cell, and the rest."""
    return dict(re.findall(r"^\| `([\w.-]+)` \| (.+) \|$", text, re.MULTILINE))


def test_every_roles_rights_are_documented() -> None:
    told = table(section(read("docs/api.md"), "Who asks"))
    assert {role: set(rights.split(", ")) for role, rights in told.items()} == _RIGHTS


def test_every_type_of_route_is_documented_with_its_options() -> None:
    told = table(section(read("docs/operations.md"), "Routes"))
    assert sorted(told) == list(registry.known_types())
    for kind in told:
        config = RouteConfig(name="x", type=kind, options={"no_such_option": 1})
        with pytest.raises(NotConfiguredError, match="no_such_option") as refused:
            registry.build(config, CONTEXT)
        known = refused.value.message.rpartition("known are: ")[2].rstrip(".")
        options = set(known.split(", ")) - {"–"}
        assert options <= set(re.findall(r"`(\w+)`", told[kind])), kind


async def _nowhere(route: str, events: object) -> None:
    raise AssertionError(f"{route} brought {events}")


CONTEXT = RouteContext(now=lambda: 0, sink=_nowhere, public_base_url="http://127.0.0.1")


def commands() -> set[str]:
    """Every command of the command line, in full."""
    found = set()
    for name in COMMANDS:
        app = assemble(name)
        found |= {command.name or "" for command in app.registered_commands}
        for group in app.registered_groups:
            inner = group.typer_instance.registered_commands if group.typer_instance else []
            below = group.typer_instance.registered_groups if group.typer_instance else []
            found |= {f"{group.name} {each.name}" for each in (*inner, *below)}
    return found


def test_every_command_that_a_page_tells_is_there() -> None:
    known = commands()
    groups = {name.split()[0] for name in known if " " in name}
    for page in markdown():
        text = page.read_text(encoding="utf-8")
        for first, second in re.findall(
            r"(?:`|bin/|^ +|… )alertd ([a-z-]+)(?:[ \n]+([a-z-]+))?", text
        ):
            name = f"{first} {second}" if first in groups and second else first
            assert name in known | groups, f"{page.name}: alertd {name}"


def test_every_word_of_the_model_is_explained() -> None:
    pages = "".join(read(f"docs/{name}.md") for name in ("glossary", "states", "facts"))
    kinds = (AckKind, Grade, MessageKind, Via, AlertState, Verdict)
    words = {each.value for kind in kinds for each in kind}
    words |= {each.word for kind in (Channel, DeliveryState, Stage) for each in kind}
    words |= {each.value for each in (*Act, *Fault)}
    assert not {word for word in words if not re.search(rf"\b{word}\b", pages)}


def test_decisions_are_numbered_without_a_gap_listed_and_short() -> None:
    files = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    listed = re.findall(r"\((\d{4}[\w-]*\.md)\)", read("docs/decisions/README.md"))
    assert listed == [file.name for file in files]
    for file in files:
        text = file.read_text(encoding="utf-8")
        parts = [title for level, title in headings(text) if level == 2]
        assert parts == ["Context", "Decision", "What follows"], file.name
        assert len(text.splitlines()) <= MOST_DECISION_LINES, file.name
