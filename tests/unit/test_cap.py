"""CAP 1.2 without the schema at hand: what is refused, by which name, and what may come in."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from alertd.cap import (
    COLOUR,
    MAX_BYTES,
    RESPONSE_LEVEL,
    ROLE,
    UNIT_CODE,
    Alert,
    Colour,
    ResponseLevel,
    Severity,
    area_codes,
    colour,
    format_time,
    from_json,
    from_xml,
    info_for,
    parse_time,
    read_xml,
    require_own,
    response_level,
    roles,
    severity_rank,
    to_json,
    to_xml,
)
from alertd.errors import InvalidInputError, ProblemsError, TooLargeError


def info(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "language": "zh-CN",
        "category": ["Met"],
        "event": "台风",
        "urgency": "Immediate",
        "severity": "Extreme",
        "certainty": "Likely",
        "expires": "2026-07-02T08:00:00+08:00",
        "parameter": [
            {"valueName": COLOUR, "value": "red"},
            {"valueName": RESPONSE_LEVEL, "value": "II"},
            {"valueName": ROLE, "value": "grid-leader"},
        ],
        "area": [
            {
                "areaDesc": "梨洲街道",
                "geocode": [
                    {"valueName": UNIT_CODE, "value": "330281001"},
                    {"valueName": "other", "value": "x"},
                ],
            }
        ],
    }
    value.update(changes)
    return {name: item for name, item in value.items() if item is not None}


def alert(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "identifier": "A-1",
        "sender": "fxb@yuyao.example",
        "sent": "2026-07-01T08:00:00+08:00",
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
        "info": [info()],
    }
    value.update(changes)
    return {name: item for name, item in value.items() if item is not None}


def refused(value: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        from_json(value)
    return caught.value


@pytest.mark.parametrize("name", ["identifier", "sender", "sent", "status", "msgType", "scope"])
def test_each_mandatory_field_is_missed_by_its_name(name: str) -> None:
    error = refused(alert(**{name: None}))
    assert (error.field, error.message) == (name, f"{name} is missing.")


@pytest.mark.parametrize("name", ["category", "event", "urgency", "severity", "certainty"])
def test_each_mandatory_field_of_info_is_missed_by_its_path(name: str) -> None:
    assert refused(alert(info=[info(), info(**{name: None})])).field == f"info[1].{name}"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status", "actual"),
        ("msgType", "Warn"),
        ("scope", ""),
        ("sent", "2026-07-01T08:00:00Z"),
        ("sent", "2026-07-01T08:00:00.000+08:00"),
        ("sent", "2026-07-01T08:00:00"),
        ("sent", "2026-07-01 08:00:00+08:00"),
        ("sent", "2026-02-30T08:00:00+08:00"),
        ("sent", "2026-07-01T08:00:00+14:01"),
        ("sent", 1),
        ("sender", "fxb yuyao"),
        ("sender", "fxb\u3000yuyao"),
        ("sender", "a,b"),
        ("identifier", "a<b"),
        ("identifier", "a&b"),
        ("identifier", ""),
        ("identifier", "\u3000"),
        ("identifier", "x" * 201),
        ("identifier", True),
        ("note", "a\x00b"),
        ("note", "a\x1bb"),
        ("note", "a\x85b"),
        ("note", "a\ud83d"),
        ("note", "a\uffff"),
        ("note", ["list"]),
        ("msg_type", "Alert"),
        ("references", "a,b"),
        ("references", "a,b,2026-07-01T08:00:00Z"),
        ("references", "fxb@yuyao.example,A-1,2026-07-01T08:00:00+08:00"),
        ("references", [["a", "b", "2026-07-01T08:00:00Z"]]),
        ("code", "one"),
        ("info", {}),
        ("info", [None]),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(path: str, value: Any) -> None:
    error = refused(alert(**{path: value}))
    assert error.field is not None
    assert error.field.split("[")[0] == path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "zh_CN"),
        ("category", []),
        ("category", ["met"]),
        ("severity", "Minor "),
        ("expires", ""),
        ("web", "javascript:alert(1)"),
        ("web", "page.html"),
        ("headline", "x" * 1001),
        ("parameter", [{"valueName": "a"}]),
        ("resource", [{"resourceDesc": "a", "mimeType": "b", "size": -1}]),
        ("resource", [{"resourceDesc": "a", "mimeType": "b", "size": True}]),
        ("resource", [{"resourceDesc": "a", "mimeType": "b", "uri": "../etc/passwd"}]),
        ("area", [{}]),
        ("area", [{"areaDesc": "a", "polygon": ["1,2 3,4 1,2"]}]),
        ("area", [{"areaDesc": "a", "polygon": ["1,2 3,4 5,6 7,8"]}]),
        ("area", [{"areaDesc": "a", "polygon": ["91,0 0,0 1,1 91,0"]}]),
        ("area", [{"areaDesc": "a", "circle": ["30,121"]}]),
        ("area", [{"areaDesc": "a", "altitude": float("nan")}]),
        ("area", [{"areaDesc": "a", "ceiling": 5}]),
        ("area", [{"areaDesc": "a", "geocode": [{"valueName": "a", "value": "b"}] * 3001}]),
    ],
)
def test_a_bad_value_in_info_is_refused_by_its_path(name: str, value: Any) -> None:
    error = refused(alert(info=[info(**{name: value})]))
    assert error.field is not None
    assert error.field.startswith(f"info[0].{name}")


def test_several_mistakes_are_told_at_once_and_none_quotes_the_input() -> None:
    error = refused(alert(status="secret-a", scope="secret-b", info=[info(severity="secret-c")]))
    assert isinstance(error, ProblemsError)
    assert [line.split(" ")[0] for line in error.problems] == [
        "status",
        "scope",
        "info[0].severity",
    ]
    assert "secret" not in f"{error} {error.problems}"


def test_restricted_needs_its_restriction_and_private_its_addresses() -> None:
    assert refused(alert(scope="Restricted")).field == "restriction"
    assert refused(alert(scope="Private", addresses=" ")).field == "addresses"
    assert from_json(alert(scope="Restricted", restriction="official use")).restriction


def test_update_and_cancel_name_what_they_follow() -> None:
    before = "fxb@yuyao.example,A-0,2026-07-01T07:00:00+08:00"
    for kind in ("Update", "Cancel", "Ack", "Error"):
        assert refused(alert(msgType=kind)).field == "references"
    update = from_json(alert(msgType="Update", references=f" {before}\n{before} "))
    assert [reference.identifier for reference in update.references] == ["A-0", "A-0"]
    assert to_json(update)["references"] == f"{before} {before}"
    assert from_xml(to_xml(update)) == update


def test_a_feed_may_leave_out_expires_and_we_may_not() -> None:
    feed = from_json(alert(info=[info(expires=None)]))
    assert feed.expires_at is None
    with pytest.raises(InvalidInputError) as caught:
        require_own(feed)
    assert caught.value.field == "info[0].expires"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "Draft"}, "status"),
        ({"status": "System"}, "status"),
        ({"info": None}, "info"),
        ({"info": [info(expires="2026-07-01T00:00:00+00:00")]}, "info[0].expires"),
        ({"info": [info(expires="9999-12-31T23:59:59-12:00")]}, "info[0].expires"),
        ({"info": [info(expires="2100-01-01T08:00:00+08:00")]}, "info[0].expires"),
        ({"info": [info(language=None)]}, "info[0].language"),
        ({"info": [info(area=None)]}, "info[0].area"),
        ({"info": [info(severity="Severe")]}, "info[0].severity"),
        ({"info": [info(parameter=None)]}, "info[0].parameter"),
        (
            {
                "info": [
                    info(
                        area=[
                            {
                                "areaDesc": "a",
                                "geocode": [{"valueName": UNIT_CODE, "value": "%"}],
                            }
                        ]
                    )
                ]
            },
            "info[0].area",
        ),
    ],
)
def test_our_own_alerts_are_held_to_more(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        require_own(from_json(alert(**changes)))
    assert caught.value.field == field


def test_whom_an_alert_addresses_and_how_bad_it_is_can_be_read_from_it() -> None:
    both = require_own(from_json(alert(info=[info(), info(language="en", event="Typhoon")])))
    assert area_codes(both) == ("330281001",)
    assert roles(both) == ("grid-leader",)
    assert colour(both) is Colour.RED
    assert response_level(both) is ResponseLevel.II
    assert severity_rank(both) == 1
    assert both.expires_at == parse_time("2026-07-02T00:00:00+00:00")
    for language, event in (
        ("en-GB", "Typhoon"),
        ("zh", "台风"),
        ("zh-TW", "台风"),
        ("fr", "台风"),
    ):
        found = info_for(both, language)
        assert found is not None
        assert found.event == event
    empty = from_json(alert(info=None))
    assert (severity_rank(empty), colour(empty), info_for(empty, "en")) == (5, None, None)


def test_colours_and_severities_go_together() -> None:
    assert [(one.severity, one.severity.rank) for one in Colour] == [
        (Severity.EXTREME, 1),
        (Severity.SEVERE, 2),
        (Severity.MODERATE, 3),
        (Severity.MINOR, 4),
    ]
    assert [level.roman for level in ResponseLevel] == ["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ"]


def test_an_issued_alert_is_never_edited() -> None:
    value = from_json(alert())
    with pytest.raises(ValidationError):
        value.note = "later"
    assert hash(value) == hash(from_json(alert()))
    assert value.identity.identifier == "A-1"


def test_times_carry_a_numeric_offset_and_no_fraction() -> None:
    at = parse_time("2026-07-01T08:00:00+08:00")
    assert at == 1_782_864_000_000
    assert format_time(at + 999, timezone(timedelta(hours=8))) == "2026-07-01T08:00:00+08:00"
    assert format_time(at, UTC) == "2026-07-01T00:00:00+00:00"
    assert parse_time("2026-06-30T19:00:00-05:00") == at
    with pytest.raises(ValueError, match="whole minutes"):
        format_time(at, timezone(timedelta(seconds=90)))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b'{"sent": NaN}',
        b'{"sent": 1' + b"0" * 5000 + b"}",
        b'{"sent": 1e999}',
        b'{"sender": "a", "sender": "b"}',
        b'{"note": "\\ud83d"}',
        "\ud83d",
    ],
)
def test_text_that_is_no_alert_is_refused_with_a_sentence(text: bytes | str) -> None:
    error = refused(text)
    assert error.field is not None
    assert error.message.endswith(".")


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    for reader in (from_json, from_xml):
        with pytest.raises(TooLargeError):
            reader(b" " * (MAX_BYTES + 1))


XML = to_xml(Alert.model_validate(alert())).decode()


def test_xml_and_json_say_the_same() -> None:
    value = from_json(alert())
    assert from_xml(to_xml(value)) == value
    assert from_json(to_json(value)) == value
    assert to_json(value) == alert()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("<scope>Public</scope>", "", "scope"),
        ("<scope>Public</scope>", "<scope>Public</scope><scope>Public</scope>", "scope"),
        ("<scope>Public</scope>", "<scope>Pub<b/>lic</scope>", "scope"),
        ("<scope>Public</scope>", "<scope a='1'>Public</scope>", "scope"),
        ("<scope>Public</scope>", "<scope xml:lang='en'>Public</scope>", "scope"),
        ("<scope>Public</scope>", "<scope>Public</scope>text", "alert"),
        ("<scope>Public</scope>", "<scope xmlns=''>Public</scope>", "scope"),
        ("<scope>Public</scope>", "<scope>Public</scope><extra/>", "extra"),
        ("<severity>Extreme</severity>", "<Severity>Extreme</Severity>", "info[0].Severity"),
        ("<event>台风</event>", "", "info[0].event"),
        ("<areaDesc>", "<polygon>0</polygon><areaDesc>", "info[0].area[0].areaDesc"),
        ("</info>", "</info><note>late</note>", "note"),
        ("</info>", "</info><s:S xmlns:s='http://www.w3.org/2000/09/xmldsig#'/><info/>", "info"),
        ("<info>", "<info><s:S xmlns:s='http://www.w3.org/2000/09/xmldsig#'/>", "info[0].S"),
        ("cap:1.2", "cap:1.1", "alert"),
        ("</alert>", "", "alert"),
        ("UTF-8", "no-such-encoding", "alert"),
        ("台风", "&undefined;", "alert"),
        ("台风", "&#0;", "alert"),
        ("台风", "&#xD83D;", "alert"),
        ("台风", "&#x85;", "info[0].event"),
    ],
)
def test_what_the_grammar_doesnt_have_is_refused_by_path(old: str, new: str, field: str) -> None:
    assert old in XML
    with pytest.raises(InvalidInputError) as caught:
        from_xml(XML.replace(old, new, 1).encode())
    assert caught.value.field == field


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE alert>",
        '<!DOCTYPE alert SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        f'<!DOCTYPE alert [<!ENTITY l0 "lol">{LAUGHS}]>',
        '<!DOCTYPE alert [<!ATTLIST alert a CDATA "b">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_document_types_and_entities_are_refused(doctype: str, encoding: str) -> None:
    text = XML.replace("?>\n", f"?>{doctype}", 1).replace("台风", "&l11;&x;", 1)
    with pytest.raises(InvalidInputError):
        from_xml(text.replace("UTF-8", encoding, 1).encode(encoding))
    plain = XML.replace("?>\n", f"?>{doctype}", 1)
    with pytest.raises(InvalidInputError):
        from_xml(plain.replace("UTF-8", encoding, 1).encode(encoding))


def test_deep_and_wide_documents_are_refused() -> None:
    for middle in ("<a>" * 60_000, "<a>" * 200 + "</a>" * 200, "<code/>" * 101):
        with pytest.raises(InvalidInputError):
            from_xml(XML.replace("<info>", f"{middle}<info>", 1).encode())


def test_comments_and_cdata_dont_cut_a_text_short() -> None:
    text = XML.replace("台风", "台<!-- x -->风<?p q?><![CDATA[<&>]]>", 1)
    assert from_xml(text.encode()).info[0].event == "台风<&>"


def test_a_signature_at_the_end_is_accepted_and_noted() -> None:
    tail = "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><SignedInfo a='1'/></Signature>"
    reading = read_xml(XML.replace("</alert>", f"{tail}</alert>").encode())
    assert reading.signed
    assert reading.alert == from_xml(XML.encode())
    assert not read_xml(XML.encode()).signed


def test_a_schema_location_may_stand_on_the_root() -> None:
    text = XML.replace(
        "<alert ",
        "<alert xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:schemaLocation='a b' ",
        1,
    )
    assert from_xml(text.encode()) == from_xml(XML.encode())


def test_blank_optional_elements_say_nothing() -> None:
    text = XML.replace("<info>", "<note> </note><references></references><info>", 1)
    value = from_xml(text.encode())
    assert value == from_xml(XML.encode())
