"""CAP against the OASIS schema and real alerts, where ../shared/data is there."""

from contextlib import suppress
from datetime import timedelta, timezone
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import BaseModel

from alertd.cap import (
    NAMESPACE,
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MsgType,
    NamedValue,
    Reference,
    Resource,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
    format_time,
    from_json,
    from_xml,
    read_xml,
    to_json,
    to_xml,
)
from alertd.errors import InvalidInputError

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "cap"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the CAP schema and samples (../shared/data/cap) aren't here"
)


@cache
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(DATA / "CAP-v1.2.xsd")))


_chars = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
_text = st.text(_chars | st.sampled_from("\t\n\r<>&]\"'"), min_size=1, max_size=40).filter(
    lambda text: text.strip()
)
_token = st.text(_chars, min_size=1, max_size=20).filter(
    lambda text: not any(c.isspace() or c in ",<&" for c in text)
)
_maybe = st.none() | _text


def _build(model: type[BaseModel], **fields: st.SearchStrategy) -> st.SearchStrategy:
    """`st.builds` would take the aliases of the signature for missing fields."""
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


_time = st.builds(
    lambda seconds, minutes: format_time(seconds * 1000, timezone(timedelta(minutes=minutes))),
    st.integers(0, 32_000_000_000),
    st.integers(-840, 840),
)
_pair = _build(NamedValue, value_name=_text, value=st.text(_chars, max_size=20))
_path = st.text(st.sampled_from("abcAZ09._~/?:@!$&'()*+,;=-"), max_size=30)
_web = st.builds(
    "http{}://h-1.example{}/{}{}".format,
    st.sampled_from(["", "s"]),
    st.sampled_from(["", ":8730"]),
    _path,
    st.sampled_from(["", "#x", "?a=%E4"]),
)
_name = st.text(st.sampled_from("abcAZ09._~-"), min_size=1, max_size=20)


def _tuple(of: st.SearchStrategy, most: int = 3, least: int = 0) -> st.SearchStrategy:
    return st.lists(of, min_size=least, max_size=most).map(tuple)


_polygon = st.lists(
    st.tuples(st.integers(-90, 90), st.floats(-180, 180).map(lambda x: round(x, 4))),
    min_size=3,
    max_size=6,
).map(lambda points: " ".join(f"{a},{b:.4f}" for a, b in [*points, points[0]]))
_resource = _build(
    Resource,
    resource_desc=_text,
    mime_type=st.just("audio/ogg"),
    size=st.none() | st.integers(0, 10**12),
    uri=st.none() | _web | _name,
    deref_uri=st.none() | st.just("aGk="),
    digest=st.none() | _name,
)
_area = _build(
    Area,
    area_desc=_text,
    polygon=_tuple(_polygon, 2),
    circle=_tuple(st.just("30.05,121.15 12.5"), 2),
    geocode=_tuple(_pair),
    altitude=st.floats(-1e6, 1e6),
    ceiling=st.none() | st.integers(-10, 10**6).map(float),
)
_info = _build(
    Info,
    language=st.sampled_from([None, "zh-CN", "en", "zh-Hans-CN"]),
    category=_tuple(st.sampled_from(Category), least=1),
    event=_text,
    response_type=_tuple(st.sampled_from(ResponseType)),
    urgency=st.sampled_from(Urgency),
    severity=st.sampled_from(Severity),
    certainty=st.sampled_from(Certainty),
    audience=_maybe,
    event_code=_tuple(_pair),
    effective=st.none() | _time,
    onset=st.none() | _time,
    expires=st.none() | _time,
    sender_name=_maybe,
    headline=_maybe,
    description=_maybe,
    instruction=_maybe,
    web=st.none() | _web,
    contact=_maybe,
    parameter=_tuple(_pair),
    resource=_tuple(_resource, 2),
    area=_tuple(_area, 2),
)
alerts = _build(
    Alert,
    identifier=_token,
    sender=_token,
    sent=_time,
    status=st.sampled_from(Status),
    msg_type=st.sampled_from(MsgType),
    source=_maybe,
    scope=st.sampled_from(Scope),
    restriction=_text,
    addresses=_text,
    code=_tuple(_text),
    note=_maybe,
    references=_tuple(
        st.builds(Reference, sender=_token, identifier=_token.map("x{}".format), sent=_time),
        least=1,
    ),
    incidents=_maybe,
    info=_tuple(_info, 2),
)


@settings(max_examples=60)
@given(alerts)
def test_what_we_write_validates_and_reads_back_the_same(alert: Alert) -> None:
    xml = to_xml(alert)
    schema().assertValid(etree.fromstring(xml))
    assert from_xml(xml) == alert
    assert from_json(to_json(alert)) == alert


_TEXTS = [
    "",
    " ",
    "x",
    "Actual",
    " Actual",
    "2026-07-01T08:00:00Z",
    "2026-07-01T08:00:00.5+08:00",
    "2026-07-01T08:00:00,08:00",
    "2026-02-30T08:00:00+08:00",
    "2026-07-01T08:00:00+15:00",
    "0000-07-01T08:00:00+08:00",
    "-1",
    "1e3",
    "NaN",
    "12,5",
    "zh_CN",
    "toolongtag-x",
    "None",
    "http://[",
    "http://h.example:port/",
    "%zz",
    "٣",
    "2026-07-01T24:00:00+08:00",
]


def _mutate(draw: st.DrawFn, root: etree._Element) -> None:
    nodes = list(root.iter())
    node = draw(st.sampled_from(nodes))
    parent = node.getparent()
    match draw(
        st.sampled_from(
            ["text", "text", "drop", "repeat", "swap", "rename", "attribute", "child", "tail"]
        )
    ):
        case "text":
            node.text = draw(st.sampled_from(_TEXTS))
        case "drop" if parent is not None:
            parent.remove(node)
        case "repeat" if parent is not None:
            parent.append(etree.fromstring(etree.tostring(node, with_tail=False)))
        case "swap" if parent is not None:
            parent.insert(draw(st.integers(0, len(parent))), node)
        case "rename":
            node.tag = draw(
                st.sampled_from(
                    [f"{{{NAMESPACE}}}event", "event", "{urn:x}event", f"{{{NAMESPACE}}}Event"]
                )
            )
        case "attribute":
            node.set("note", "x")
        case "child":
            etree.SubElement(node, draw(st.sampled_from([f"{{{NAMESPACE}}}value", "b"])))
        case "tail" if parent is not None:
            node.tail = "loose"


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    source = draw(st.sampled_from(["ph.cap", "taiwan.cap", "ours"]))
    data = to_xml(draw(alerts)) if source == "ours" else (DATA / source).read_bytes()
    root = etree.fromstring(data)
    for _ in range(draw(st.integers(1, 2))):
        _mutate(draw, root)
    return etree.tostring(root)


@settings(max_examples=250)
@given(mutants())
def test_what_the_schema_refuses_we_refuse(data: bytes) -> None:
    allowed = schema().validate(etree.fromstring(data))
    if not allowed:
        with pytest.raises(InvalidInputError) as caught:
            from_xml(data)
        assert caught.value.field
        return
    with suppress(InvalidInputError):  # the standard's text refuses more than its schema
        alert = from_xml(data)
        schema().assertValid(etree.fromstring(to_xml(alert)))


@pytest.mark.parametrize("text", _TEXTS)
@pytest.mark.parametrize(
    "path",
    [
        "sent",
        "status",
        "info/language",
        "info/expires",
        "info/web",
        "info/category",
        "info/urgency",
        "info/area/polygon",
    ],
)
def test_each_field_with_each_odd_text_is_no_laxer_than_the_schema(path: str, text: str) -> None:
    root = etree.fromstring((DATA / "ph.cap").read_bytes())
    node = root.find("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))
    if node is None:
        info = root.find(f"{{{NAMESPACE}}}info")
        assert info is not None
        node = etree.Element(f"{{{NAMESPACE}}}language")
        info.insert(0, node)
    node.text = text
    data = etree.tostring(root)
    if not schema().validate(etree.fromstring(data)):
        with pytest.raises(InvalidInputError):
            from_xml(data)


def test_the_schema_accepts_the_samples_that_we_accept() -> None:
    for name in ("ph.cap", "taiwan.cap"):
        schema().assertValid(etree.fromstring((DATA / name).read_bytes()))
        alert = from_xml((DATA / name).read_bytes())
        schema().assertValid(etree.fromstring(to_xml(alert)))
        assert from_json(to_json(alert)) == alert


def test_the_sample_without_a_scope_is_refused_by_that_name() -> None:
    with pytest.raises(InvalidInputError, match=r"^scope is missing\.$") as caught:
        from_xml((DATA / "invalid.cap").read_bytes())
    assert caught.value.field == "scope"


def test_the_signed_philippine_test_is_accepted_and_its_signature_noted() -> None:
    reading = read_xml((DATA / "ph.cap").read_bytes())
    assert reading.signed
    assert reading.alert.status is Status.TEST
    assert reading.alert.info[0].event == "Tropical Cyclone Alert"
    assert b"Signature" not in to_xml(reading.alert)


def test_the_taiwanese_alert_with_a_byte_order_mark_keeps_its_parameters() -> None:
    reading = read_xml((DATA / "taiwan.cap").read_bytes())
    assert not reading.signed
    assert reading.alert.info[0].parameters("alert_color") == ("紅色",)
