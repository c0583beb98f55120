"""Pages of the docs as tests read them: headings, links, sections, tables, diagrams."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^(#{1,6}) +(.+?) *$", re.MULTILINE)

Arrow = tuple[str, str, str]
"""From, to, and what is written on it."""


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A page without its blocks of code, where a `#` is a comment."""
    return re.sub(r"^ {4}.*$", "", FENCE.sub("", text), flags=re.MULTILINE)


def headings(text: str) -> list[tuple[int, str]]:
    """Level and text of every heading."""
    return [(len(marks), title) for marks, title in HEADING.findall(prose(text))]


def links(text: str) -> list[str]:
    """The targets of every link and image."""
    return LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """What may stand behind a page's `#`, as forges make it of headings."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(text)}


def section(text: str, title: str) -> str:
    """What stands under a heading, down to the next of its level or above."""
    pieces = re.split(r"^(?=#{1,6} )", text, flags=re.MULTILINE)
    found: list[str] = []
    least = 0
    for piece in pieces:
        match = HEADING.match(piece)
        level = len(match[1]) if match else 0
        if match and match[2] == title:
            found, least = [piece], level
        elif found and level > least:
            found.append(piece)
        elif found:
            break
    assert found, f"there is no heading {title!r}"
    return "".join(found)


def arrows(text: str) -> set[Arrow]:
    """The arrows of a section's state diagram; one for each thing that a label names."""
    aliases = {short: name for name, short in re.findall(r'state "([^"]+)" as (\w+)', text)}
    drawn = re.findall(r"^ {4}(\S+) --> (\w+)(?:: (.+))?$", text, re.MULTILINE)
    assert len(drawn) == len(set(drawn)) == text.count("-->")
    return {
        (aliases.get(a, a), aliases.get(b, b), one)
        for a, b, label in drawn
        for one in label.split(" or ")
    }


def promised(text: str) -> list[str]:
    """The states of a section's first table."""
    table = text[text.index("| state | promise |") :].partition("\n\n")[0]
    return re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
