"""Templates, values and marks: what is refused, and what is put around a text."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.errors import InvalidInputError, NotFoundError, ProblemsError, TooLargeError
from alertd.messages import (
    Template,
    check_params,
    hash_text,
    load_library,
    mark_duplicate,
    mark_exercise,
    mark_test,
    preflight,
    preview,
    render,
    sign,
    sms_size,
    unmarked,
)
from alertd.messages.context import TEXTS, values_for
from alertd.messages.marks import guard_drill_words


def template(source: str = "{{ text }}", **changes: Any) -> Template:
    texts = {"sms": source, "chat": source, "loudspeaker": source}
    data: dict[str, Any] = {
        "name": "own",
        "kind": "alert",
        "params": {
            "text": {"max": 20, "label": {"zh-CN": "内容", "en": "Text"}, "example": "x"},
            "homes": {
                "type": "int",
                "max": 500,
                "label": {"zh-CN": "户数", "en": "Homes"},
                "example": 3,
            },
        },
        "text": {"zh-CN": texts, "en": texts},
    }
    return Template.from_dict({**data, **changes})


def text(source: str, status: str = "Actual", **params: Any) -> str:
    return render(template(source), "zh-CN", "sms", params, status=status)


@pytest.mark.parametrize(
    "source",
    [
        "{{ text * 1000000 }}",
        "{{ 10 ** 10 }}",
        "{{ '%0999999d' % 1 }}",
        "{{ text.__class__ }}",
        "{{ text['x'] }}",
        "{{ text.upper() }}",
        "{{ text|upper }}",
        "{{ text|center(100000) }}",
        "{% for c in text %}{{ c }}{% endfor %}",
        "{% set a = text %}{{ a }}",
        "{% include 'x' %}",
        "{% macro m() %}{% endmacro %}",
        "{{ range(9) }}",
        "{{ text ~ text }}",
        "{{ [text] }}",
        "{{ unknown }}",
        "{{ text",
        "{% if text %}",
        "【余姚市防指】{{ text }}",
        "x" * 3_001,
    ],
)
def test_a_template_inserts_values_and_chooses_and_does_nothing_else(source: str) -> None:
    with pytest.raises(InvalidInputError, match="The message template own is wrong") as caught:
        template(source)
    assert caught.value.field == "template"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Own Template"},
        {"kind": "other"},
        {"statuses": ["Draft"]},
        {"text": {"zh-CN": {"sms": "x"}}},
        {"text": {"zh-CN": {"sms": "x"}, "en": {"chat": "x"}}},
        {"text": {"zh-CN": {"fax": "x"}, "en": {"fax": "x"}}},
        {"params": {"code": {"label": {}, "example": "x"}}},
        {"params": {"Text": {"label": {}, "example": "x"}}},
        {"extra": 1},
    ],
)
def test_a_template_that_isnt_whole_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        template(**changes)


def test_a_frozen_template_is_json_and_reads_back_the_same() -> None:
    for each in load_library():
        assert Template.from_dict(each.to_dict()) == each


@pytest.mark.parametrize(
    ("given_params", "field"),
    [
        ({"other": "x"}, "params.other"),
        ({"text": "x" * 21}, "params.text"),
        ({"text": "a\nb"}, "params.text"),
        ({"text": "a\x00b"}, "params.text"),
        ({"text": "a\ud83d"}, "params.text"),
        ({"text": "【别人】"}, "params.text"),
        ({"text": 5}, "params.text"),
        ({"text": ["a"]}, "params.text"),
        ({"homes": "many"}, "params.homes"),
        ({"homes": True}, "params.homes"),
        ({"homes": -1}, "params.homes"),
        ({"homes": 501}, "params.homes"),
        ({"homes": 1.5}, "params.homes"),
    ],
)
def test_an_operators_value_is_refused_by_its_name(
    given_params: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_params(template(), given_params)
    assert caught.value.field == field
    assert "many" not in str(caught.value)


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(ProblemsError) as caught:
        check_params(template(), {"other": 1, "text": "x" * 21, "homes": -1})
    assert len(caught.value.problems) == 3


def test_values_are_trimmed_and_may_differ_by_language() -> None:
    assert check_params(template(), {"text": " 请撤离。 ", "homes": "35"}) == {
        "text": "请撤离",
        "homes": 35,
    }
    by_language = {"text": {"zh-CN": "今晚", "en": "tonight"}}
    assert check_params(template(), by_language, "en") == {"text": "tonight"}
    assert check_params(template(), {"text": "", "homes": None}) == {}


def test_a_required_value_is_missed() -> None:
    needy = template(params={"text": {"required": True, "label": {}, "example": "x"}})
    for value in ({}, {"text": " "}, {"text": "。"}):
        with pytest.raises(InvalidInputError, match=r"params\.text is missing"):
            check_params(needy, value)


def test_a_value_is_text_and_never_a_template() -> None:
    assert text("{{ text }}", text="{{ code }}{% if %}") == "{{ code }}{% if %}"


def test_the_systems_values_are_cut_and_never_refused() -> None:
    values = {
        "code": "A7\u202e\x00" + "x" * 50,
        "duties": ["【假】网格", "第二\n网格", None, "", *["甲" * 30] * 60],
        "count": "many",
        "unit": 5,
    }
    shown = text("{{ code }}|{{ duties }}|{{ count }}|{{ unit }}", **values)
    code, duties, count, unit = shown.split("|")
    assert len(code) == 12
    assert duties.startswith("〔假〕网格、第二 网格、")
    assert len(duties) <= 120
    assert (count, unit) == ("None", "5")


def test_what_a_template_doesnt_have_is_said() -> None:
    only_sms = template(text={"zh-CN": {"sms": "x"}, "en": {"sms": "x"}})
    with pytest.raises(InvalidInputError, match="no text for loudspeaker"):
        render(only_sms, "zh-CN", "loudspeaker", {}, status="Actual")
    only_drills = template("x", statuses=["Exercise"])
    with pytest.raises(InvalidInputError, match="isn't for the status Actual"):
        render(only_drills, "zh-CN", "sms", {}, status="Actual")
    with pytest.raises(InvalidInputError, match="can't be rendered"):
        text("{% if count > 3 %}x{% endif %}")


def test_a_language_that_we_dont_have_falls_back() -> None:
    both = template(text={"zh-CN": {"sms": "中"}, "en": {"sms": "en"}})
    shown = [
        render(both, language, "sms", {}, status="Actual") for language in ("en-GB", "fr", "zh-TW")
    ]
    assert shown == ["en", "中", "中"]


def test_a_text_is_one_line_but_in_chat() -> None:
    source = "甲\n\n{% if code %}\n{{ code }}\n{% endif %}\n\n  乙  \n"
    shown = {
        channel: render(template(source), "zh-CN", channel, {"code": "A7"}, status="Actual")
        for channel in ("sms", "chat", "loudspeaker")
    }
    assert shown == {"sms": "甲 A7 乙", "chat": "甲\nA7\n乙", "loudspeaker": "甲 A7 乙"}


def test_what_no_channel_takes_is_refused() -> None:
    for channel, source in (("sms", "长" * 671), ("chat", "长" * 683)):
        with pytest.raises(TooLargeError):
            render(template(source), "zh-CN", channel, {}, status="Actual")
    with pytest.raises(TooLargeError):  # with the longest names of duties it wouldn't fit
        preview(template("长" * 600 + "{{ duties }}"), {}, status="Actual", signatures={})


@pytest.mark.parametrize(
    "words",
    [
        "这不是演练",
        "这 不 是 演 练",
        "这不是【演练】",
        "這不是演練",
        "并非演习",
        "非演练",
        "不是一次演练",
        "This is not a drill",
        "THIS IS NOT A DRILL",
        "not an exercise",
        "no drill",
        "non-drill",
    ],
)
def test_a_drill_never_denies_that_it_is_one(words: str) -> None:
    for status in ("Exercise", "Test"):
        with pytest.raises(InvalidInputError, match="must not deny"):
            guard_drill_words(f"红色台风,{words},立即转移", status)
    guard_drill_words(f"红色台风,{words},立即转移", "Actual")


@pytest.mark.parametrize(
    "words",
    ["演练", "本次演 练", "演習", "演习开始", "This is a drill", "DRILL: x", "EXERCISE EXERCISE"],
)
def test_a_live_text_never_speaks_of_a_drill(words: str) -> None:
    with pytest.raises(InvalidInputError, match="must not speak of a drill"):
        guard_drill_words(f"红色台风 {words} 立即转移", "Actual")
    guard_drill_words(f"红色台风 {words} 立即转移", "Exercise")


def test_ordinary_words_pass() -> None:
    for status in ("Actual", "Exercise"):
        guard_drill_words("Exercise caution; drilling machines stay. 并非所有人员都要转移", status)


def test_an_operator_cant_smuggle_the_words_in_by_a_value() -> None:
    with pytest.raises(InvalidInputError):
        text("{{ text }}", "Exercise", text="这不是演练")
    with pytest.raises(InvalidInputError):
        text("{{ text }}", "Actual", text="演练")


def test_marks_and_signature_stand_in_their_order() -> None:
    shown = render(
        template("转移"),
        "zh-CN",
        "sms",
        {},
        status="Exercise",
        signature="余姚市防指",
        duplicate=True,
    )
    assert shown == "【演练】【余姚市防指】转移(重发)"
    english = render(
        template("go"), "en", "sms", {}, status="Exercise", signature="Yuyao HQ", duplicate=True
    )
    assert english == "【演练】DRILL: Yuyao HQ: go (resent)"
    assert text("甲", "Test") == "【测试】甲"


def test_a_loudspeaker_says_the_drill_before_and_after() -> None:
    spoken = render(
        template("{{ issuer }}通知。"),
        "zh-CN",
        "loudspeaker",
        {},
        status="Exercise",
        signature="余姚市防指",
        issuer="余姚市防汛防旱指挥部",
    )
    assert spoken == "【演练】这是演练。余姚市防汛防旱指挥部通知。以上内容为演练。"


@given(st.text(max_size=50), st.sampled_from(["zh-CN", "en"]), st.sampled_from(["sms", "chat"]))
def test_marks_are_put_once_and_come_off(body: str, language: str, channel: str) -> None:
    once = mark_exercise(body, language=language, channel=channel)
    assert once.startswith("【演练】")
    assert mark_exercise(once, language=language, channel=channel) == once
    if not body.startswith(("【演练】", "DRILL: ")):
        assert unmarked(once) == body
    twice = mark_duplicate(body, language=language)
    assert mark_duplicate(twice, language=language) == twice
    assert mark_test(mark_test(body)) == mark_test(body)


def test_a_signature_is_put_in_front_where_there_is_one() -> None:
    assert sign("甲", "余姚市防指") == "【余姚市防指】甲"
    assert sign("a", "HQ", language="en") == "HQ: a"
    assert sign("甲", "") == "甲"


def test_the_hash_is_sha256_in_hex() -> None:
    assert hash_text("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert len(hash_text("中")) == 64


@pytest.mark.parametrize(
    ("body", "encoding", "units", "parts"),
    [
        ("", "gsm-7", 0, 0),
        ("a" * 160, "gsm-7", 160, 1),
        ("a" * 161, "gsm-7", 161, 2),
        ("a" * 306, "gsm-7", 306, 2),
        ("a" * 307, "gsm-7", 307, 3),
        ("€" * 80, "gsm-7", 160, 1),
        ("a" * 152 + "€" + "a" * 152, "gsm-7", 306, 3),
        ("中" * 70, "ucs-2", 70, 1),
        ("中" * 71, "ucs-2", 71, 2),
        ("中" * 134, "ucs-2", 134, 2),
        ("中" * 135, "ucs-2", 135, 3),
        ("𬍛" * 35, "ucs-2", 70, 1),
        ("𬍛" * 36, "ucs-2", 72, 2),
        ("中" * 66 + "𬍛" + "中" * 66, "ucs-2", 134, 3),
        ("a" * 70 + "—", "ucs-2", 71, 2),
        ("é" * 160, "gsm-7", 160, 1),
    ],
)
def test_sms_are_counted_as_networks_count_them(
    body: str, encoding: str, units: int, parts: int
) -> None:
    size = sms_size(body)
    assert (size.encoding, size.units, size.parts) == (encoding, units, parts)


def test_a_citys_own_templates_are_laid_over_the_shipped_ones(tmp_path: Path) -> None:
    own = 'kind = "notice"\n[text]\nzh-CN.sms = "<<mine>>到期<<menu>>"\nen.sms = "over"\n'
    phrases = '[phrases.zh-CN]\nmine = "{{ code }}"\n[phrases.en]\n'
    (tmp_path / "expired.toml").write_text(phrases + own.replace("kind", "x", 0), encoding="utf-8")
    (tmp_path / "expired.toml").write_text(
        own.split("\n", 1)[0] + "\n" + phrases + own.split("\n", 1)[1], encoding="utf-8"
    )
    library = load_library(tmp_path)
    shown = render(library.get("expired"), "zh-CN", "sms", {"code": "A7"}, status="Actual")
    assert shown == "A7到期回1收到 2+人数完成 3求助 0不在岗"
    assert library.get("typhoon-red") == load_library().get("typhoon-red")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"kind = ", "own.toml isn't TOML"),
        (b"\xff\xfe", "own.toml isn't UTF-8 text"),
        (
            b'kind = "alert"\n[text]\nzh-CN.sms = "<<no>>"\nen.sms = "x"',
            "unknown phrase: no",
        ),
        (b'kind = "alert"', "own is wrong"),
        (b'[variants.red]\nkind = "alert"', "own-red is wrong"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "own.toml").write_bytes(content)
    with pytest.raises(InvalidInputError, match=match):
        load_library(tmp_path)


def test_templates_are_found_by_name_and_colour() -> None:
    library = load_library()
    assert library.select("typhoon", "red").name == "typhoon-red"
    assert library.select("transfer", "red").name == "transfer"
    with pytest.raises(NotFoundError):
        library.select("typhoon", "pink")
    with pytest.raises(NotFoundError) as refused:
        library.get("no-such")
    assert "rainstorm, transfer, typhoon." in str(refused.value.hint)
    assert {"typhoon-red", "reminder", "correction"} <= library.frozen("typhoon-red").keys()


def test_a_place_may_be_called_after_drills() -> None:
    values = {"duties": ["演练场网格"], "areas": ["非演练区", "Drill Hall"]}
    assert text("{{ duties }}{{ areas }}甲", "Actual", **values).startswith("演练场网格")
    assert "非演练区" in text("{{ areas }}", "Exercise", **values)


def test_everything_an_alert_may_need_is_tried_before_it_goes() -> None:
    library = load_library()
    good = {"code": "A7", "colour": "red", "event": "台风", "instruction": "立即转移。"}
    for name in ("typhoon-red", "notice", "cancel"):
        for status in ("Actual", "Exercise", "Test"):
            preflight(
                name, library.frozen(name), good, status=status, signatures={"zh-CN": "余姚市防指"}
            )
    takeover = good | {"instruction": "这不是演练,立即转移。"}
    with pytest.raises(InvalidInputError, match="must not deny"):
        preflight(
            "typhoon-red", library.frozen("typhoon-red"), takeover, status="Exercise", signatures={}
        )
    with pytest.raises(InvalidInputError) as caught:
        preflight("transfer", library.frozen("transfer"), good, status="Actual", signatures={})
    assert caught.value.field == "params.deadline"


def test_a_list_that_does_not_fit_says_how_many_there_are() -> None:
    """Whoever answers for thirty grids must not take the nine that they read for all of them."""
    grids = [f"梨洲街道苏家园社区第{number}网格" for number in range(30)]
    shown = values_for({"duties": grids}, language="zh-CN")["duties"]
    assert isinstance(shown, str)
    assert shown.startswith("梨洲街道苏家园社区第0网格、")
    assert shown.endswith("网格等30个")
    assert len(shown) <= TEXTS["duties"]
    english = values_for({"people": ["Li Xiaosi"] * 12}, language="en")["people"]
    assert str(english).endswith(" and others, 12 in all")
    assert values_for({"people": ["张三", "李四"]}, language="zh-CN")["people"] == "张三、李四"
