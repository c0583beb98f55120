"""No message of ours, quoted back by a telephone and cut off anywhere, is anybody's answer."""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alertd.decide.grammar import ReplyKind, parse
from alertd.decide.grammar.quoting import QUOTE_CHARS

TEMPLATES = Path(__file__).parents[2] / "config" / "templates"
PHRASES = tomllib.loads((TEMPLATES / "phrases.toml").read_text(encoding="utf-8"))
VALUES = {
    "zh-CN": {
        "people": "张三、李四",
        "duties": "梨洲3网格",
        "colour_name": "红色",
        "event": "台风",
        "deadline": "18时",
        "extra": "请带手电",
        "names": "梨洲3网格、凤山2网格",
        "count": 35,
        "of": 40,
        "choices": "A7台风、B2暴雨",
        "reason": "误发",
        "when": "今天14时",
        "text": "转移范围只限梨洲街道",
        "instruction": "立即按清单转移危房、低洼户",
        "unit": "梨洲3网格",
        "person": "张三",
        "said": "水进屋了",
        "link": "http://alert.example.cn/a/0zIc72Nufit2qDB9v3kK",
    },
    "en": {
        "people": "Zhang San",
        "duties": "Lizhou grid 3",
        "colour_name": "red",
        "event": "typhoon",
        "deadline": "18:00",
        "extra": "Bring a torch",
        "count": 35,
        "names": "Lizhou 3, Fengshan 2",
        "of": 40,
        "choices": "A7 typhoon, B2 rain",
        "reason": "sent by mistake",
        "when": "14:00",
        "text": "only Lizhou moves",
        "instruction": "move all on your list now",
        "unit": "Lizhou grid 3",
        "said": "water",
        "link": "http://alert.example.cn/a/3A1ok2done35OK1help0",
    },
}
JINJA = ImmutableSandboxedEnvironment()
LINE = 12  # characters; telephones that cut a quotation off leave more


def messages() -> Iterator[tuple[str, str]]:
    """Every SMS that the templates make, with all that they can hold and with the least."""
    for path in sorted(TEMPLATES.glob("*.toml")):
        template = tomllib.loads(path.read_text(encoding="utf-8"))
        variants = template.get("variants", {"": {}})
        for (name, variant), language in itertools.product(variants.items(), VALUES):
            sms = _sms(variant, language) or _sms(template, language)
            if sms:
                text = _expanded(sms, template, variant, language)
                least = {"code": "A7", "stage": name}
                for values in (VALUES[language] | least, least):
                    yield f"{path.stem} {name} {language}", JINJA.from_string(text).render(values)


def _sms(source: dict[str, Any], language: str) -> str | None:
    found: str | None = source.get("text", {}).get(language, {}).get("sms")
    return found


def _expanded(text: str, template: dict[str, Any], variant: dict[str, Any], language: str) -> str:
    phrases = PHRASES.get(language, {}) | template.get("phrases", {}).get(language, {})
    phrases |= variant.get("phrases", {}).get(language, {})
    for _ in range(4):
        text = re.sub(r"<<(\w+)>>", lambda found: str(phrases.get(found[1], "")), text)
    return text


MESSAGES = sorted(set(messages()))
SIGNATURE = "【余姚市防指】"


def test_there_are_messages_to_test_with() -> None:
    assert len(MESSAGES) > 40
    assert any("回1收到 2+人数完成 3求助 0不在岗" in text for _, text in MESSAGES)


@pytest.mark.parametrize(("name", "text"), MESSAGES)
def test_a_signed_quotation_says_nothing_wherever_it_is_cut(name: str, text: str) -> None:
    signed = SIGNATURE + text
    pieces = [signed[:cut] for cut in range(len(SIGNATURE), len(signed) + 1)]
    cut_off = [piece for piece in pieces if len(piece.rstrip()) > len(SIGNATURE) + QUOTE_CHARS]
    said = {piece: parse(piece) for piece in (signed, *cut_off)}
    wrong = {piece: reply for piece, reply in said.items() if reply.kind is not ReplyKind.UNCLEAR}
    assert not wrong, name


@pytest.mark.parametrize(("name", "text"), MESSAGES)
def test_an_unsigned_quotation_covers_nothing_wherever_it_is_cut(name: str, text: str) -> None:
    covering = [cut for cut in range(LINE, len(text) + 1) if parse(text[:cut]).kind.covers]
    assert not covering, name


@pytest.mark.parametrize(("name", "text"), MESSAGES)
def test_an_answer_stands_beside_its_quotation(name: str, text: str) -> None:
    if len(text) <= QUOTE_CHARS:
        return  # as short as an answer: nobody can tell
    for answer, kind in (
        ("收到", ReplyKind.RECEIVED),
        ("2 35", ReplyKind.DONE),
        ("求助", ReplyKind.HELP),
    ):
        for quoted in (f"{answer}\n> {SIGNATURE}{text}", f"{answer}\n{SIGNATURE}{text}"):
            assert parse(quoted).kind is kind, name
