"""Which registered template carries a message, and what every request of it may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Fault, RouteConfig, SendError
from channels.described import ours
from channels.described.calls import of_message, of_template, unsigned
from channels.described.registered import Registered
from channels.extensions import extension_in, extension_of
from tests.unit.described_routes import message

MARKED = "【演练】【余姚市防指】红色台风A7:立即转移"


def registered(channel: str = "sms", /, **templates: object) -> Registered:
    options = {"templates": templates}
    return Registered(RouteConfig(name="way", type="http", options=options), channel)


def refusal(templates: Registered, **more: object) -> str:
    with pytest.raises(SendError) as refused:
        templates.fill(message(**more), "")
    assert refused.value.fault is Fault.REFUSED
    return refused.value.code


def test_a_message_takes_its_own_template_and_variables() -> None:
    templates = registered(**{"typhoon-red": "SMS_1", "*": {"id": "9", "variables": ["text"]}})
    own = templates.fill(message(variables={"unit": "梨洲街道", "by": "18时"}), "")
    assert (own.id, dict(own.variables)) == ("SMS_1", {"unit": "梨洲街道", "by": "18时"})
    other = templates.fill(message(template="reminder", text="催办"), "")
    assert (other.id, dict(other.variables)) == ("9", {"text": "催办"})


def test_variables_have_an_order_and_the_providers_names() -> None:
    templates = registered(**{"*": {"id": "9", "variables": ["b", "first=a", "code=short_code"]}})
    filled = templates.fill(message(variables={"a": "1", "b": "2"}), "")
    assert list(filled.variables.items()) == [("b", "2"), ("first", "1"), ("code", "A7")]
    assert of_template(filled)["values"] == ["2", "1", "A7"]


def test_what_has_no_template_goes_by_another_route() -> None:
    assert refusal(registered(help="SMS_1")) == "template-not-registered"
    missing = registered(**{"*": {"id": "9", "variables": ["unit"]}})
    assert refusal(missing) == "variable-missing"


def test_a_drill_says_that_it_is_one_or_stays() -> None:
    bare = registered(**{"typhoon-red": "SMS_1"})
    assert refusal(bare, status="Exercise") == "drill-not-registered"
    assert refusal(bare, status="Test") == "drill-not-registered"
    own = registered(**{"typhoon-red": {"id": "SMS_1", "exercise": "SMS_2"}})
    assert own.fill(message(status="Exercise"), "").id == "SMS_2"
    assert own.fill(message(), "").id == "SMS_1"
    whole = registered(**{"*": {"id": "9", "variables": ["unsigned"]}})
    drill = whole.fill(message(status="Exercise"), unsigned(MARKED, "余姚市防指"))
    assert drill.variables["unsigned"].startswith("【演练】红色台风")


def test_a_second_copy_says_that_it_may_be_one_or_stays() -> None:
    assert refusal(registered(**{"*": "SMS_1"}), possible_duplicate=True) == "resend-not-registered"
    marked = registered(**{"*": {"id": "9", "variables": ["unit", "duplicate"]}})
    again = marked.fill(message(possible_duplicate=True, variables={"unit": "x"}), "")
    assert again.variables["duplicate"] == "(重发)"
    first = marked.fill(message(variables={"unit": "x"}), "")
    assert first.variables["duplicate"] == ""


@pytest.mark.parametrize(
    "what",
    [{"status": "Exercise"}, {"possible_duplicate": True}, {"variables": {}}],
)
def test_what_its_own_template_cannot_carry_goes_by_one_for_the_whole_text(
    what: dict[str, object],
) -> None:
    own = {"id": "SMS_1", "variables": ["unit"]}
    given = message(**{"variables": {"unit": "x"}, "text": MARKED, **what})
    whole = {"id": "9", "variables": ["content=text"]}
    filled = registered(**{"typhoon-red": own, "*": whole}).fill(given, "")
    assert (filled.id, dict(filled.variables)) == ("9", {"content": MARKED})
    with pytest.raises(SendError):  # another fixed text says something else
        registered(**{"typhoon-red": own, "*": "SMS_2"}).fill(given, "")


def test_a_template_says_whom_it_is_for_where_it_has_a_place_for_that() -> None:
    entry = {"id": "9", "variables": ["unit", "who=people"]}
    templates = registered(**{"*": entry, "typhoon-red": "SMS_1"})
    his = {"unit": "x", "people": "张三"}
    named = templates.fill(message(template="help", variables=his), "")
    assert dict(named.variables) == {"unit": "x", "who": "张三:"}
    alone = templates.fill(message(template="help", variables={"unit": "x"}), "")
    assert alone.variables["who"] == ""
    assert dict(templates.fill(message(variables=his), "").variables) == {"unit": "x"}


def test_those_that_arent_registered_are_named() -> None:
    missing = registered(**{"typhoon-red": "SMS_1"}).missing()
    assert "help" in missing
    assert "typhoon-red" not in missing
    assert "voice_call" not in missing, "it is spoken, and never comes by SMS"
    spoken = ["confirmation-help", "unheard", "voice_call"]
    assert registered("voice", help="TTS_1").missing() == spoken
    assert registered(**{"*": "SMS_1"}).missing() == []


def test_a_voice_reads_no_brackets_and_loses_no_word() -> None:
    templates = registered("voice", **{"*": {"id": "TTS_1", "variables": ["spoken"]}})
    filled = templates.fill(message(text=MARKED, status="Exercise"), "")
    assert filled.variables["spoken"] == "演练。余姚市防指。红色台风A7:立即转移"


def test_only_our_own_signature_is_taken_off() -> None:
    assert unsigned("【余姚市防指】【河姆渡】水位", "余姚市防指") == "【河姆渡】水位"
    assert unsigned(MARKED, "余姚市防指") == "【演练】红色台风A7:立即转移"
    assert unsigned("水位", "余姚市防指") == "水位"
    assert unsigned("【】水位", "") == "【】水位"


@given(st.integers(1, 2**63 - 1), st.integers(1, 35))
def test_our_number_comes_back_and_fits_into_fifteen_bytes(delivery: int, attempt: int) -> None:
    text = ours.written(delivery, attempt)
    assert len(text.encode()) <= 15
    assert ours.read(text) == (delivery, attempt)


@pytest.mark.parametrize(
    "text", ["", "5", "5-", "-1", "0-1", "5-0", "5_1", "5-1 ", "Z-1", "z" * 14 + "-1"]
)
def test_what_isnt_ours_is_nobodys(text: str) -> None:
    assert ours.read(text) is None
    assert ours.read("zzzzzzzzzzzzz-1") is None  # over 2**63


@pytest.mark.parametrize(
    ("code", "digits", "extension"),
    [
        ("A1", 3, "001"),
        ("A7", 3, "007"),
        ("A99", 3, "099"),
        ("B1", 3, "101"),
        ("J99", 3, "999"),
        ("K7", 3, "007"),  # comes round again
        ("K7", 4, "1007"),
        ("AA1", 4, "2601"),
        ("A7", 2, "07"),
        ("A7", 0, ""),
        ("", 3, ""),
        ("7", 3, ""),
        ("a7", 3, ""),
    ],
)
def test_an_alerts_extension(code: str, digits: int, extension: str) -> None:
    assert extension_of(code, digits) == extension
    if extension:
        assert extension_in(f"106901333914{extension}", digits) == extension


def test_no_two_open_alerts_share_an_extension() -> None:
    letters = "ABCDEFGHJ"  # the first nine that are given out: 891 alerts
    codes = [f"{letter}{number}" for letter in letters for number in range(1, 100)]
    assert len({extension_of(code, 3) for code in codes}) == len(codes)


@pytest.mark.parametrize("given_to", ["", "12", "10a", "١٢٣", "+106"])
def test_a_number_without_an_extension(given_to: str) -> None:
    assert extension_in(given_to, 3) == ""
    assert extension_in("106901333914007", 0) == ""


def test_numbers_as_gateways_want_them() -> None:
    values = of_message(message(), 3, "余姚市防指")
    assert (values["address"], values["digits"]) == ("+8613800000001", "8613800000001")
    assert (values["national"], values["extension"]) == ("13800000001", "007")
    abroad = of_message(message(address="+85291234567"), 0, "")
    assert (abroad["national"], abroad["extension"]) == ("85291234567", "")


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ("+8657486001234", "057486001234"),  # nobody can dial it without the 0 of its area code
        ("+861088888888", "01088888888"),
        ("+864001112222", "4001112222"),
        ("+8615412345678", "15412345678"),  # a sample's, which no library knows
        ("+86", ""),
    ],
)
def test_a_number_is_given_as_it_is_dialled_at_home(given: str, dialled: str) -> None:
    assert of_message(message(address=given), 0, "")["national"] == dialled
