"""The shipped templates: whole, in both languages, short enough, and true to their status."""

import re
from typing import Any

import pytest

from alertd.cap import Colour
from alertd.messages import (
    FOLLOWING,
    Template,
    Wording,
    load_library,
    preview,
    render,
    sms_size,
)

LIBRARY = load_library()
SIGNATURES = {"zh-CN": "余姚市防指", "en": "Yuyao Flood HQ"}
ALL = {template.name: template for template in LIBRARY}
COLOURED = [
    f"{hazard}-{colour}" for hazard in ("typhoon", "rainstorm", "flood") for colour in Colour
]


def params(template: Template, language: str = "zh-CN") -> dict[str, Any]:
    """What the engine gives a message, with the shortest things an operator would type."""
    given = {
        "code": "A7",
        "colour": template.colour or "red",
        "level": "II",
        "event": template.event or {"zh-CN": "台风", "en": "typhoon"},
        "areas": ["梨洲街道"] if language == "zh-CN" else ["Lizhou"],
        "count": 3,
        "minutes": 40,
        "names": ["直街网格", "三江口网格"] if language == "zh-CN" else ["Zhijie 1", "Zhijie 2"],
        "unit": "直街网格" if language == "zh-CN" else "Zhijie 1",
        "choices": ["A7台风", "B2暴雨"] if language == "zh-CN" else ["A7 typhoon", "B2 rainstorm"],
        "instruction": "立即按清单转移危房、低洼户。" if language == "zh-CN" else "Move all now.",
    }
    deadline = "18时" if language == "zh-CN" else "18:00"
    required = {name: deadline for name, param in template.params.items() if param.required}
    optional = {"deadline": deadline} if "deadline" in template.params else {}
    return given | required | optional


def status_of(template: Template) -> str:
    return "Actual" if "Actual" in template.statuses else "Exercise"


def test_everything_that_an_alert_needs_is_there() -> None:
    assert set(COLOURED) <= ALL.keys()
    assert set(FOLLOWING) <= ALL.keys()
    assert {"transfer", "notice", "drill-start", "drill-end"} <= ALL.keys()
    for name in COLOURED:
        assert ALL[name].colour == name.split("-")[1]
    for template in LIBRARY.for_operators():
        assert set(template.title) == set(template.event) == {"zh-CN", "en"}
        assert template.channels == ("sms", "chat", "loudspeaker")
        for param in template.params.values():
            assert set(param.label) == {"zh-CN", "en"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_text_renders_and_its_sms_fits_one_part(name: str, language: str) -> None:
    template = ALL[name]
    for channel in template.channels:
        text = render(
            template,
            language,
            channel,
            params(template, language),
            status=status_of(template),
            signature=SIGNATURES[language],
        )
        assert "{" not in text
        assert "<<" not in text
        assert "None" not in text
        assert text == text.strip()
        assert "。。" not in text
        assert ",。" not in text
        # The mark of a drill isn't GSM-7, so that a drill's English can't fit.
        if channel == "sms" and (language == "zh-CN" or "Actual" in template.statuses):
            assert sms_size(text).parts == 1, f"{sms_size(text).units}: {text}"


@pytest.mark.parametrize(
    "name", [name for name, each in ALL.items() if each.answer and "sms" in each.channels]
)
def test_whoever_shares_a_telephone_reads_whom_a_text_is_for(name: str) -> None:
    template = ALL[name]
    assert template.tells_apart
    texts = template.text["zh-CN"]
    silent = texts | {"sms": texts["sms"].replace("people", "unit")}
    assert not template.model_copy(update={"text": template.text | {"zh-CN": silent}}).tells_apart


@pytest.mark.parametrize("name", [*COLOURED, "transfer", "all-clear", "cancel", "correction"])
def test_a_drills_repeated_sms_still_fits_one_part(name: str) -> None:
    text = render(
        ALL[name],
        "zh-CN",
        "sms",
        params(ALL[name]),
        status="Exercise",
        signature=SIGNATURES["zh-CN"],
        duplicate=True,
    )
    assert sms_size(text).parts == 1, f"{sms_size(text).units}: {text}"


@pytest.mark.parametrize("name", ALL)
def test_drills_are_marked_and_never_deny_it_and_live_texts_say_nothing_of_a_drill(
    name: str,
) -> None:
    template = ALL[name]
    for language in ("zh-CN", "en"):
        for channel in template.channels:
            values = params(template, language)
            drill = render(template, language, channel, values, status="Exercise")
            assert drill.startswith("【演练】")
            assert "不是演练" not in drill
            assert "not a drill" not in drill.lower()
            if "Actual" in template.statuses:
                live = render(template, language, channel, values, status="Actual")
                assert "演练" not in live
                assert "drill" not in live.lower()


@pytest.mark.parametrize("name", ALL)
def test_a_loudspeaker_says_no_codes(name: str) -> None:
    template = ALL[name]
    if "loudspeaker" not in template.channels:
        return
    for language in ("zh-CN", "en"):
        text = render(
            template,
            language,
            "loudspeaker",
            params(template, language),
            status=status_of(template),
        )
        assert "A7" not in text
        assert not re.search(r"[回复][0-4]|reply \d|2\+", text, re.IGNORECASE)


@pytest.mark.parametrize("name", ALL)
def test_the_longest_values_still_fit_every_channel(name: str) -> None:
    template = ALL[name]
    longest: dict[str, Any] = params(template) | {
        "event": "长" * 100,
        "headline": "长" * 500,
        "instruction": "长" * 1_000,
        "areas": ["长" * 20] * 60,
        "names": ["长" * 20] * 60,
        "source": "长" * 200,
        "expires": "长" * 50,
        "person": "长" * 50,
        "said": "长" * 500,
        "phone": "1" * 30,
    }
    for key, param in template.params.items():
        longest[key] = "长" * param.max
    found = preview(template, longest, status=status_of(template), signatures=SIGNATURES)
    assert [(p.language, p.channel) for p in found] == [
        (language, channel) for language in ("zh-CN", "en") for channel in template.channels
    ]


def test_the_example_of_the_domain_is_what_we_say() -> None:
    text = render(
        ALL["typhoon-red"],
        "zh-CN",
        "sms",
        {"code": "A7", "colour": "red", "deadline": "18时"},
        status="Actual",
        signature="余姚市防指",
    )
    assert text == (
        "【余姚市防指】红色台风A7:立即按清单转移危房、低洼户,18时前完成。"
        "回1收到 2+人数完成 3求助 0不在岗"
    )
    assert sms_size(text).units == 55


def test_a_message_names_the_duties_of_one_and_the_people_of_a_shared_phone() -> None:
    text = Wording(SIGNATURES).text(
        ALL["flood-red"].to_dict(),
        language="zh-CN",
        channel="sms",
        params={
            "code": "B2",
            "colour": "red",
            "duties": ["直街网格", "三江口网格"],
            "people": ["张三", "李四"],
        },
        status="Exercise",
        duplicate=True,
    )
    assert text.startswith("【演练】【余姚市防指】张三、李四:红色洪水B2(直街网格、三江口网格):")
    assert text.endswith("(重发)")


def test_the_stage_that_is_open_decides_what_a_reminder_asks() -> None:
    texts = {
        stage: render(
            ALL["reminder"], "zh-CN", "sms", {"code": "A7", "stage": stage}, status="Actual"
        )
        for stage in ("received", "on_post", "done")
    }
    assert "请立即回1收到" in texts["received"]
    assert "到岗请回4" in texts["on_post"]
    assert "请回2+人数" in texts["done"]


def test_a_digest_says_when_there_are_more_than_it_names() -> None:
    def digest(count: int, names: list[str]) -> str:
        return render(
            ALL["digest"], "zh-CN", "sms", {"count": count, "names": names}, status="Actual"
        )

    assert "您辖区2个单位未应答:甲、乙。" in digest(2, ["甲", "乙"])
    assert "您辖区9个单位未应答:甲、乙等。" in digest(9, ["甲", "乙"])
    assert "等。" in digest(40, [f"很长很长很长的第{n}网格" for n in range(40)])
    assert "未应答:。" in digest(1, [])


@pytest.mark.parametrize(
    ("stage", "chinese", "english"),
    [
        ("received", "未应答:甲", "haven't answered: 甲"),
        ("on_post", "未报到岗:甲", "haven't reported on post: 甲"),
        ("done", "未报完成:甲", "haven't reported done: 甲"),
        ("several", "未应答或未回报:甲", "haven't answered or reported: 甲"),
    ],
)
def test_a_digest_says_what_is_missing(stage: str, chinese: str, english: str) -> None:
    values = {"count": 1, "names": ["甲"], "stage": stage}
    for language, said in (("zh-CN", chinese), ("en", english)):
        assert said in render(ALL["digest"], language, "sms", values, status="Actual")


def test_what_was_counted_is_confirmed() -> None:
    def done(**values: int | None) -> str:
        return render(ALL["confirmation-done"], "zh-CN", "sms", values, status="Actual")

    assert "已转35人/应转40人" in done(count=35, of=40)
    assert "已转0人。" in done(count=0, of=None)
    assert "已登记完成。" in done(count=None, of=None)


def test_help_is_real_even_in_a_drill_whatever_the_drill_is_called() -> None:
    values = {"unit": "直街网格", "code": "A7", "event": "防台风演练"}
    live = render(ALL["help"], "zh-CN", "sms", values, status="Actual")
    assert live.startswith("真实求助!直街网格")
    assert render(ALL["help"], "zh-CN", "sms", values, status="Exercise").startswith("【演练】")
