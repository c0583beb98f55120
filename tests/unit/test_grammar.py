"""Replies mean what replies.toml says, and what nobody has thought of counts for nothing."""

import itertools
import time
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alertd.decide.grammar import MAX_ANSWER_CHARS, MAX_CHARS, Reply, ReplyKind, parse

TABLE = tomllib.loads(Path(__file__).with_name("replies.toml").read_text(encoding="utf-8"))
NAMES = ("张三", "李小四")
MESSAGE = "红色台风A7:立即按清单转移危房、低洼户,18时前完成。回1收到 2+人数完成 3求助 0不在岗"
SIGNED = f"【余姚市防指】{MESSAGE}"
CUT = "【余姚市防指】红色台风A7:立即按清单转移危房、低洼户,18时前完成"


def filled(text: str) -> str:
    return text.replace("SIGNED", SIGNED).replace("MESSAGE", MESSAGE).replace("CUT", CUT)


def listed(section: str) -> list[tuple[str, str]]:
    return [
        (meaning, filled(text))
        for meaning, groups in TABLE[section].items()
        for text in itertools.chain.from_iterable(groups.values())
    ]


COUNTS, UNCLEAR, CASES = listed("counts"), listed("unclear"), TABLE["case"]


@pytest.mark.parametrize(("kind", "text"), COUNTS)
def test_a_reply_counts_as_what_it_says(kind: str, text: str) -> None:
    reply = parse(text)
    assert (reply.kind, reply.count, reply.code, reply.drill_help) == (kind, None, None, False)


def test_an_answer_says_whether_a_code_or_a_word_made_it_count() -> None:
    """The operator sees it beside the answer; `1收到` says it in words."""
    said = {
        (kind, group, parse(text).reason)
        for kind, groups in TABLE["counts"].items()
        for group in ("codes", "words")
        for text in groups.get(group, ())
    }
    helped = {("help", "codes", "help-code"), ("help", "words", "help-word")}
    kinds = set(TABLE["counts"]) - {"help"}
    assert said - helped <= {(kind, of, of[:-1]) for kind in kinds for of in ("codes", "words")}
    worded = ("1收到", "4到岗", "0请假", "2 完成", "应转40,已转35", "收到 1")
    assert {parse(text).reason for text in worded} == {"word"}
    assert {parse(text).reason for text in ("2 35", "2 应转40,已转35", "2+3")} == {"code"}


@pytest.mark.parametrize(("reason", "text"), UNCLEAR)
def test_a_reply_that_is_no_answer_says_why(reason: str, text: str) -> None:
    reply = parse(text)
    assert (reply.kind, reply.reason) == (ReplyKind.UNCLEAR, reason)
    assert reply.count is None


# By number: pytest escapes the texts at the first run in a process only, and mutmut runs several.
@pytest.mark.parametrize("case", CASES, ids=map(str, range(len(CASES))))
def test_a_reply_with_more_in_it(case: dict[str, Any]) -> None:
    reply = parse(filled(case["text"]), names=NAMES)
    assert reply.kind == case["kind"], reply
    assert (reply.count, reply.of) == (case.get("count"), case.get("of"))
    assert (reply.code, reply.unit_hint) == (case.get("code"), case.get("unit_hint"))
    assert reply.drill_help is case.get("drill_help", False)
    assert list(reply.names) == case.get("names", [])


def test_a_name_inside_another_is_not_taken_for_it_and_one_character_is_no_name() -> None:
    for names in (("张三", "张三丰"), ("张三丰", "张三")):
        reply = parse("张三丰收到", names=names)
        assert (reply.kind, reply.names) == (ReplyKind.RECEIVED, ("张三丰",))
    assert parse("李收到", names=("李",)).kind is ReplyKind.UNCLEAR


@pytest.mark.parametrize("name", ["张\u3000三", "张 三", "张\xa0三"])
def test_a_name_is_known_however_a_spreadsheet_has_lined_it_up(name: str) -> None:
    reply = parse("张三收到", names=(name,))
    assert (reply.kind, reply.names) == (ReplyKind.RECEIVED, (name,))


def test_the_table_is_large_and_says_nothing_twice() -> None:
    texts = [text for _, text in COUNTS + UNCLEAR] + [filled(case["text"]) for case in CASES]
    assert len(texts) >= 150
    assert len(UNCLEAR) >= 60
    assert sorted(texts) == sorted(set(texts))


# --- what holds for every text

PIECES = (
    *"0123456789 \n,。+/:?!【】>-",
    *("收到", "完成", "到岗", "已", "没", "未", "不", "吗", "人", "求助", "被困", "还有", "张三"),
    *("A7", "T", "梨洲3网格", "3楼", "35/40", "回", "演练", "马上"),
    MESSAGE,
    SIGNED,
    CUT,
)
WORDS = st.sampled_from(PIECES)
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=60),  # lone surrogates and NUL among them
    st.lists(WORDS, max_size=12).map("".join),
)
COVERS = {kind for kind in ReplyKind if kind.covers}
ANSWERS = st.sampled_from(
    [text.strip() for kind, text in COUNTS if kind in COVERS and "\n" not in text.strip()]
)


@given(TEXTS)
@example("\ud800")
@example("\x00" * 20)
@example("ﷺ" * 400)
def test_any_text_is_read(text: str) -> None:
    reply = parse(text, names=NAMES)
    assert isinstance(reply, Reply)
    assert reply.reason
    assert reply.count is None or 1 <= reply.count <= 99_999
    assert reply.of is None or (reply.count is not None and reply.count <= reply.of)
    assert reply.kind is not ReplyKind.HELP or reply.count is None


@given(TEXTS)
def test_form_and_white_space_change_nothing(text: str) -> None:
    reply = parse(text)
    assert parse(unicodedata.normalize("NFKC", text)) == reply
    assert parse(f"  {text.replace(' ', '   ')}\t") == reply


@given(
    st.sampled_from(
        ["", "1 ", "收到,", "我", "我们村", "A7 ", "梨洲3网格", "【余姚市防指】", "2 35 "]
    ),
    st.sampled_from(
        ["没", "没有", "未", "尚未", "不", "无法", "还没", "未能", "并没有", "沒", "not "]
    ),
    st.sampled_from(["", "全部", "有", "能", " "]),
    st.sampled_from(
        ["收到", "完成", "到岗", "到位", "转移", "知道", "明白", "收悉", "received", "done"]
    ),
    st.sampled_from(["", "。", "35", "35人", ",1", "了", "谢谢", "\n收到", " 2"]),
)
def test_a_denied_answer_never_covers(
    before: str, denial: str, between: str, word: str, after: str
) -> None:
    assert parse(before + denial + between + word + after).kind not in COVERS


@given(ANSWERS, st.sampled_from(["吗", "?", "了吗?", "没有?", "么", "吧"]))
def test_a_question_never_covers(answer: str, asking: str) -> None:
    assert parse(answer + asking).kind not in COVERS


@given(
    ANSWERS,
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=6),
)
def test_an_answer_with_something_unknown_never_covers(answer: str, text: str) -> None:
    """Rare characters, as names are made of, that no word of ours contains."""
    rare = "".join(char for char in text if ord(char) % 7 == 3 and char not in known_characters())
    if rare:
        assert parse(answer + rare).kind not in COVERS
        assert parse(rare + answer).kind not in COVERS


def known_characters() -> str:
    from alertd.decide.grammar import folding, lexicon  # noqa: PLC0415 - what the words are made of

    return lexicon.PATTERN.pattern + folding._OTHER_SCRIPT + "村乡镇组栋弄幢"


@given(st.integers(0, len(SIGNED)), st.sampled_from(["", "【演练】", "\n", "> ", "转发:"]))
def test_our_own_message_is_nobodys_answer(cut: int, before: str) -> None:
    """Wherever a telephone cuts the quotation off."""
    assert parse(before + SIGNED[:cut]).kind is ReplyKind.UNCLEAR


@given(st.integers(0, len(MESSAGE)))
def test_our_own_message_without_its_signature_covers_nothing(cut: int) -> None:
    assert parse(MESSAGE[:cut]).kind not in COVERS


# --- bounds


def test_a_long_letter_is_no_answer_but_is_heard_when_it_calls_for_help() -> None:
    assert parse("收到 " * 10).kind is ReplyKind.RECEIVED
    assert parse("收到" * (MAX_ANSWER_CHARS // 2)).kind is ReplyKind.RECEIVED
    assert parse("收到" * (MAX_ANSWER_CHARS // 2) + "了").reason == "too-long"
    assert parse("1" + " " * (MAX_CHARS - 1)).kind is ReplyKind.RECEIVED
    assert parse("1" + " " * MAX_CHARS + "没有收到").reason == "too-long"
    assert parse("雨很大。" * 500 + "我们被困了").kind is ReplyKind.HELP


@pytest.mark.parametrize(
    "piece",
    [
        "收",
        "收到",
        "1",
        "1 ",
        "2 35/40",
        "没",
        "【",
        "【】",
        "\n",
        ">\n",
        "---",
        "-\n",
        "(",
        "已转移",
        "a",
        "a7",
        "应转1",
        "1收到 ",
        "梨洲3",
        "网格",
        "被困",
        "0 人",
        "ﷺ",
        "写道",
        "on ",
        "一",
        "演练 ",
    ],
)
def test_time_is_linear(piece: str) -> None:
    """Ten times the text takes about ten times as long, not a hundred; what is read is bounded."""
    small, large = (piece * (n // len(piece)) for n in (MAX_CHARS // 10, MAX_CHARS))
    took = [min(_seconds(text) for _ in range(3)) for text in (small, large)]
    assert took[1] < max(40 * took[0], 0.05)


def _seconds(text: str) -> float:
    start = time.process_time()
    parse(text)
    return time.process_time() - start


def test_a_telephone_number_is_no_unit() -> None:
    for number in ("13800000000", "8613800000000", "057462700000"):
        assert parse(f"{number} 收到").unit_hint is None
        assert parse(f"{number} 收到").kind is ReplyKind.UNCLEAR
