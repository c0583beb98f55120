"""From the short form to CAP, and from CAP to the values of templates."""

from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from alertd.cap import (
    TEMPLATE,
    Alert,
    Colour,
    MsgType,
    Reference,
    ResponseLevel,
    area_codes,
    colour,
    from_json,
    from_xml,
    parse_time,
    require_own,
    response_level,
    roles,
    severity_rank,
    to_json,
    to_xml,
)
from alertd.errors import InvalidInputError
from alertd.messages import ShortForm, Template, alert_params, compose, load_library, render

LIBRARY = load_library()
CHINA = timezone(timedelta(hours=8))
SENT = parse_time("2026-07-01T08:00:00+08:00")
BEFORE = Reference("fxb@yuyao.example", "A-0", "2026-07-01T07:00:00+08:00")
SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "data" / "cap" / "CAP-v1.2.xsd"


def short(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "template": "typhoon",
        "colour": "red",
        "areas": ["330281001", "330281002"],
        "status": "Actual",
    }
    return {**value, **changes}


def composed(references: tuple[Reference, ...] = (), **changes: Any) -> Alert:
    form = ShortForm.from_dict(short(**changes))
    return compose(
        form,
        LIBRARY.select(form.template, form.colour),
        identifier="A-1",
        sender="fxb@yuyao.example",
        sent_at=SENT + 999,
        zone=CHINA,
        sender_name="余姚市防汛防旱指挥部",
        area_names={"330281001": "梨洲街道"},
        references=references,
    )


def issuable() -> list[tuple[Template, dict[str, Any]]]:
    cases = []
    for template in LIBRARY.for_operators():
        name = template.name.removesuffix(f"-{template.colour}")
        params = {n: "18时" for n, p in template.params.items() if p.required}
        cases.append(
            (template, short(template=name, colour=template.colour or "red", params=params))
        )
    return cases


@pytest.mark.parametrize(("template", "value"), issuable(), ids=lambda v: getattr(v, "name", ""))
def test_every_template_makes_an_alert_that_we_would_issue(
    template: Template, value: dict[str, Any]
) -> None:
    references = () if template.msg_type is MsgType.ALERT else (BEFORE,)
    for status in ("Actual", "Exercise", "Test"):
        alert = composed(references, **{**value, "status": status})
        assert require_own(alert) is alert
        assert alert.msg_type is template.msg_type
        assert from_xml(to_xml(alert)) == alert
        assert from_json(to_json(alert)) == alert
        assert alert.info[0].parameters(TEMPLATE) == (template.name,)
        for info in alert.info:
            assert info.headline
            assert info.instruction
            assert info.headline.startswith("【演练】") == (status == "Exercise")
        if SCHEMA.is_file():
            schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
            schema.assertValid(etree.fromstring(to_xml(alert)))


def test_what_the_operator_decided_stands_in_the_alert() -> None:
    alert = composed(
        response_level="II",
        roles=["grid_leader"],
        params={"deadline": {"zh-CN": "18时", "en": "18:00"}},
        incident="2026-typhoon-5",
        source_warning="NMC-2026-0701-3",
    )
    assert area_codes(alert) == ("330281001", "330281002")
    assert roles(alert) == ("grid_leader",)
    assert (colour(alert), response_level(alert)) == (Colour.RED, ResponseLevel.II)
    assert severity_rank(alert) == 1
    assert (alert.sent, alert.msg_type) == ("2026-07-01T08:00:00+08:00", MsgType.ALERT)
    assert alert.incidents == "2026-typhoon-5"
    chinese, english = alert.info
    assert (chinese.language, english.language) == ("zh-CN", "en")
    assert chinese.headline == "台风红色预警,Ⅱ级应急响应"
    assert chinese.instruction == "立即按清单转移危房、低洼户,18时前完成。"
    assert "18:00" in (english.instruction or "")
    assert chinese.area[0].area_desc == "梨洲街道、330281002"
    assert chinese.expires == "2026-07-01T14:00:00+08:00"  # within 6 hours, as red says


def test_many_areas_are_counted_rather_than_listed() -> None:
    alert = composed(areas=[f"3302810{n:02}" for n in range(21)])
    assert alert.info[0].area[0].area_desc.endswith("等21个区域")
    assert len(area_codes(alert)) == 21


def test_the_end_is_a_time_or_minutes_and_not_both() -> None:
    assert composed(valid_min=60).info[0].expires == "2026-07-01T09:00:00+08:00"
    until = "2026-07-01T10:00:00+08:00"
    assert composed(expires=until).info[0].expires == until
    for changes, field in (
        ({"expires": until, "valid_min": 5}, "expires"),
        ({"expires": "2026-07-01T10:00:00Z"}, "expires"),
        ({"expires": "2026-07-01T08:00:00+08:00"}, "info[0].expires"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            composed(**changes)
        assert caught.value.field == field


def test_what_follows_an_alert_names_it() -> None:
    assert composed((BEFORE,)).msg_type is MsgType.UPDATE
    assert composed((BEFORE,), template="cancel").msg_type is MsgType.CANCEL
    assert composed((BEFORE,), template="all-clear").msg_type is MsgType.UPDATE
    for name in ("cancel", "all-clear", "correction"):
        with pytest.raises(InvalidInputError) as caught:
            composed(template=name)
        assert caught.value.field == "references"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template": "../x"}, "template"),
        ({"colour": "pink"}, "colour"),
        ({"colour": None}, "colour"),
        ({"areas": []}, "areas"),
        ({"areas": ["%"]}, "areas[0]"),
        ({"areas": ["330281001\n"]}, "areas[0]"),
        ({"areas": "330281001"}, "areas"),
        ({"roles": ["a b"]}, "roles[0]"),
        ({"status": "Draft"}, "status"),
        ({"response_level": "V"}, "response_level"),
        ({"valid_min": 0}, "valid_min"),
        ({"languages": ["fr"]}, "languages[0]"),
        ({"languages": []}, "languages"),
        ({"other": 1}, "other"),
    ],
)
def test_a_short_form_is_refused_by_the_name_of_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ShortForm.from_dict(short(**changes))
    assert caught.value.field == field


def test_a_short_form_that_isnt_an_object_is_refused() -> None:
    for value in (None, [], "typhoon", 5):
        with pytest.raises(InvalidInputError):
            ShortForm.from_dict(value)


def test_a_wrong_parameter_is_named() -> None:
    with pytest.raises(InvalidInputError) as caught:
        composed(params={"dead_line": "18时"})
    assert caught.value.field == "params.dead_line"
    with pytest.raises(InvalidInputError) as caught:
        composed(params={"deadline": "这不是演练"}, status="Exercise")
    assert caught.value.field == "params"


def test_a_short_form_reads_back_the_same() -> None:
    form = ShortForm.from_dict(short(roles=["grid_leader"], params={"deadline": "18时"}))
    assert ShortForm.from_dict(form.to_dict()) == form


def test_what_an_alert_says_comes_back_as_values_for_its_messages() -> None:
    alert = composed(
        status="Exercise",
        response_level="I",
        params={"deadline": {"zh-CN": "18时", "en": "18:00"}},
        event={"zh-CN": "台风“烟花”", "en": "typhoon In-fa"},
        source_warning="NMC-3",
        valid_min=6 * 60 + 30,
    )
    values = alert_params(alert, code="A7", zone=CHINA)
    assert values["expires"] == {"zh-CN": "7月1日14时30分", "en": "14:30 on 1 July"}
    assert values["headline"]["zh-CN"].startswith("台风")  # the mark is put on anew
    chinese = render(
        LIBRARY.get("typhoon-red"), "zh-CN", "chat", values, status="Exercise", signature="防指"
    )
    for words in ("红色台风“烟花”A7", "Ⅰ级应急响应", "依据:NMC-3", "7月1日14时30分", "18时前完成"):
        assert words in chinese
    english = render(LIBRARY.get("typhoon-red"), "en", "sms", values, status="Exercise")
    assert english.startswith("【演练】DRILL: RED typhoon In-fa A7: move all")
    assert "by 18:00" in english
    takeover = render(LIBRARY.get("takeover"), "zh-CN", "sms", values, status="Exercise")
    assert "请顶岗:立即按清单转移危房、低洼户,18时前完成。" in takeover


def test_an_alert_from_elsewhere_is_told_in_its_own_words() -> None:
    feed = from_json(
        {
            "identifier": "X",
            "sender": "met@example",
            "sent": "2026-07-01T08:00:00+08:00",
            "status": "Actual",
            "msgType": "Alert",
            "scope": "Public",
            "info": [
                {
                    "language": "zh-tw",
                    "category": ["Infra"],
                    "event": "水库泄洪",
                    "urgency": "Future",
                    "severity": "Moderate",
                    "certainty": "Observed",
                    "headline": "【某水库】泄洪中",
                    "instruction": "请沿岸群众注意。" * 60,
                }
            ],
        }
    )
    values = alert_params(feed, code="C1", zone=CHINA)
    assert values["expires"] == {}
    assert len(values["instruction"]["zh-CN"]) <= 200
    assert values["instruction"]["zh-CN"].endswith("注意。…")
    shown = render(LIBRARY.get("notice"), "zh-CN", "sms", values, status="Actual")
    assert shown == "水库泄洪C1:〔某水库〕泄洪中。回1收到 2+人数完成 3求助 0不在岗"
    empty = feed.model_copy(update={"info": ()})
    assert alert_params(empty, code="C1", zone=CHINA)["event"] == {}
    assert render(
        LIBRARY.get("notice"),
        "en",
        "sms",
        alert_params(empty, code="C1", zone=CHINA),
        status="Actual",
    )
