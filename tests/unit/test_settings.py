"""Settings: where they come from, what is refused, and that every one is explained."""

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alertd.errors import NotConfiguredError
from alertd.i18n import sentence
from alertd.settings import RouteSettings, Settings, load, unknown_variables

EXAMPLE = Path(__file__).parents[2] / "config" / "alertd.toml"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An environment without settings of ours, in a folder of its own."""
    for name in [*unknown_variables(), "ALERTD_CONFIG"]:
        monkeypatch.delenv(name, raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ALERTD_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    return


def write(folder: Path, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "alertd.toml"
    file.write_text(content, encoding="utf-8")
    return file


def refused(**overrides: Any) -> NotConfiguredError:
    with pytest.raises(NotConfiguredError) as caught:
        load(**overrides)
    return caught.value


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load()
    assert (settings.host, settings.port, settings.language) == ("127.0.0.1", 8730, "zh-CN")
    assert settings.data_dir == tmp_path / "data"
    assert settings.store_url == f"sqlite:///{tmp_path}/data/alertd.sqlite3"
    assert settings.base_url == "http://127.0.0.1:8730"
    assert settings.break_glass_delay_s == 300
    assert settings.signatures == {"zh-CN": "余姚市防指", "en": "Yuyao Flood HQ"}
    assert settings.issuers["zh-CN"] == "余姚市防汛防旱指挥部"
    assert settings.routes == {}
    assert datetime.now(settings.zone).utcoffset() == timedelta(hours=8)


def test_the_file_is_looked_for_in_three_places_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "port = 1")
    assert load().port == 1
    write(tmp_path / "data", "port = 2")
    assert load().port == 2
    write(tmp_path / "elsewhere", "port = 3")
    monkeypatch.setenv("ALERTD_DATA_DIR", str(tmp_path / "elsewhere"))
    assert load().port == 3
    assert load(data_dir=tmp_path / "data").port == 2
    monkeypatch.setenv("ALERTD_CONFIG", str(write(tmp_path / "named", "port = 4")))
    assert load().port == 4
    monkeypatch.setenv("ALERTD_CONFIG", str(tmp_path / "no-such.toml"))
    assert refused().field == "ALERTD_CONFIG"


def test_a_file_that_cannot_be_read_is_never_passed_over(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "alertd.toml"
    file.symlink_to(tmp_path / "unmounted")
    assert refused().hint == f"It is a link to {tmp_path}/unmounted: is that disk mounted?"
    file.unlink()
    file.mkdir()
    file = Path("data/alertd.toml")
    assert refused().message == f"The file {file} can't be read: Is a directory."
    file.rmdir()
    file.write_bytes("port = 1\n# 余姚\n".encode("gb18030"))
    assert refused().message == f"The file {file} isn't UTF-8 text (line 2)."


def test_the_caller_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "port = 1\nnode = 'a'\n[routes.sms]\ntype = 'handsets'\nburst = 5")
    monkeypatch.setenv("ALERTD_PORT", "2")
    monkeypatch.setenv("ALERTD_ROUTES__SMS__IN_FLIGHT", "7")
    settings = load()
    assert (settings.port, settings.node) == (2, "a")
    route = settings.routes["sms"]
    assert (route.type, route.burst, route.in_flight) == ("handsets", 5, 7)
    given = load(port=3)
    assert (given.port, given.node, given.routes) == (3, "a", settings.routes)
    assert refused(port="x").field == "port"


def test_a_route_can_come_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTD_ROUTES__TWILIO__TYPE", "twilio")
    monkeypatch.setenv("ALERTD_ROUTES__TWILIO__AUTH_TOKEN", "hush")
    assert load().routes["twilio"].plain_options() == {"auth_token": "hush"}


@pytest.mark.parametrize("around", [" ", "\r\n", "\ufeff", "\u200b", "\xa0", "\u3000"])
def test_what_a_paste_brings_along_is_no_part_of_a_value(around: str) -> None:
    """A secret with it signs nothing that a gateway takes; a link with it is cut there."""
    options = {"auth_token": f"{around}hush hush{around}", "from": f"+1500{around}", "n": 7}
    given = load(
        public_base_url=f"{around}https://alert.example.cn/{around}",
        routes={"sms": {"type": "twilio", **options}},
    )
    assert given.base_url == "https://alert.example.cn"
    assert given.routes["sms"].plain_options() == {
        "auth_token": "hush hush",
        "from": "+1500",
        "n": 7,
    }


@pytest.mark.parametrize(
    ("url", "why"),
    [("", "phones can open"), (f"https://{'a' * 60}.example", "at most 60 characters")],
)
def test_links_need_an_address_that_phones_can_open(tmp_path: Path, url: str, why: str) -> None:
    write(tmp_path, f"ack_links = true\npublic_base_url = '{url}'")
    assert why in refused().message
    write(tmp_path, "ack_links = true\npublic_base_url = 'https://alert.example.cn'")
    assert load().ack_links


def test_secrets_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        "database_url = 'postgresql://a:hush@127.0.0.1/x'\n"
        "[routes.a]\ntype = 'twilio'\nauth_token = 'hush'\napi_key_secret = 'hush'\nurl = 'seen'\n",
    )
    settings = load(port=0)
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hush" not in shown
    assert settings.routes["a"].plain_options() == {
        "auth_token": "hush",
        "api_key_secret": "hush",
        "url": "seen",
    }
    assert settings.store_url == "postgresql://a:hush@127.0.0.1/x"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("port = 'many'", "port"),
        ("port = 65536", "port"),
        ("port = true", "port"),
        ("prot = 8730", "prot"),
        ("host = ''", "host"),
        ("language = 'fr'", "language"),
        ("timezone = 'Mars/Olympus'", "timezone"),
        ("timezone = '../../etc/passwd'", "timezone"),
        ("sender = 'a b'", "sender"),
        ("signature = '【x】'", "signature"),
        ("signature_en = '余姚'", "signature_en"),
        ("node = 'City 1'", "node"),
        ("city_code = '3.3'", "city_code"),
        ("tick_s = nan", "tick_s"),
        ("tick_s = 0", "tick_s"),
        ("confirmations = 'perhaps'", "confirmations"),
        ("log_level = 'loud'", "log_level"),
        ("database_url = 'mysql://hush'", "database_url"),
        ("database_url = ''", "database_url"),
        ("database_url = 'sqlite://hush.sqlite3'", "database_url"),
        ("database_url = 'sqlite:///'", "database_url"),
        ("public_base_url = 'alert.example.cn'", "public_base_url"),
        ("public_base_url = 'https://a:b@alert.example.cn'", "public_base_url"),
        ("public_base_url = 'https://[hush'", "public_base_url"),
        ("routes = 'hush'", "routes"),
        ("[routes.A]\ntype = 'mqtt'", "routes.A"),
        ("[routes.a]", "routes.a.type"),
        ("[routes]\na = 'hush'", "routes.a"),
        ("[routes.a]\ntype = 'mqtt'\ncarries = []", "routes.a.carries"),
        ("[routes.a]\ntype = 'mqtt'\ncarries = ['Draft']", "routes.a.carries.0"),
        ("[routes.a]\ntype = 'mqtt'\nrate_per_s = 0", "routes.a.rate_per_s"),
        ("[routes.a]\ntype = 'mqtt'\noptions = 'hush'", "routes.a"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_with_what_to_do(
    tmp_path: Path, content: str, field: str
) -> None:
    write(tmp_path, content)
    error = refused()
    assert error.field == field
    assert re.fullmatch(r"The setting \S+ [^\n]+\.", error.message)
    assert error.hint
    assert "hush" not in f"{error.message} {error.hint}"
    assert not re.search(r"__[0-9\[]", error.hint), "it names a variable that is read"


@pytest.mark.parametrize(
    "content",
    [
        "tls_cert = 'x.pem'",
        "ack_links = true",
        f"ack_links = true\npublic_base_url = 'https://{'a' * 60}.example'",
    ],
)
def test_a_rule_between_settings_is_told_in_both_languages(tmp_path: Path, content: str) -> None:
    write(tmp_path, content)
    assert sentence("zh-CN", refused().message) != refused().message


@pytest.mark.parametrize("content", [b"port =", b"\xff\xfe\x00", b"a = 1\na = 2"])
def test_a_file_that_isnt_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "alertd.toml").write_bytes(content)
    assert "alertd.toml isn't" in refused().message


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("host = “127.0.0.1”", 'Line 2 has the sign “: write ", as in English.'),
        ('host = "127.0.0.1”', 'Line 2 has the sign ”: write ", as in English.'),
        ('host＝"127.0.0.1"', "Line 2 has the sign ＝: write =, as in English."),
        ("【routes.sms】", "Line 2 has the sign 【: write [, as in English."),
        ('host\u3000= "127.0.0.1"', "Line 2 has a wide space in it."),
        ("host = 127.0.0.1", "Compare it with config/alertd.toml."),
    ],
)
def test_a_full_width_sign_is_named(tmp_path: Path, line: str, hint: str) -> None:
    write(tmp_path, f'signature = "（余姚）“市”"\n{line}\nport = 8730\n')
    assert refused().hint == hint
    assert "line 2" in refused().message
    assert sentence("zh-CN", hint) != hint


def test_a_variable_that_isnt_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTD_ROUTES", "{hush")
    error = refused()
    assert "ALERTD_" in error.message
    assert "hush" not in error.message


def test_a_misspelt_variable_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTD_PROT", "1")
    monkeypatch.setenv("ALERTD_ROUTES__A__TYPE", "mqtt")
    assert unknown_variables() == ["ALERTD_PROT"]


def test_an_ipv6_host_stands_in_brackets(tmp_path: Path) -> None:
    write(tmp_path, "host = '::1'\nport = 5")
    assert load().base_url == "http://[::1]:5"
    assert load(port=6).base_url == "http://[::1]:6"
    assert load(public_base_url="https://alert.example.cn/x/").base_url == (
        "https://alert.example.cn/x"
    )


def uncommented() -> str:
    """The example file as it is when every setting is switched on."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return "\n".join(
        line.removeprefix("# ") if re.match(r"# (\[|[a-z_]+ = )", line) else line for line in lines
    )


def test_every_setting_is_explained_in_the_example_and_nothing_else() -> None:
    example = tomllib.loads(uncommented())
    assert set(example) == set(Settings.model_fields)
    explained = "".join(
        line for line in EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    )
    for name in set(RouteSettings.model_fields) - {"options"}:
        assert re.search(rf"^#   {name}\b", explained, re.MULTILINE), name


def test_the_examples_values_are_the_defaults(tmp_path: Path) -> None:
    assert not tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    example = tomllib.loads(uncommented())
    made_up = {"config_dir", "database_url", "oidc_client_secret", "routes", "tls_cert", "tls_key"}
    for name in set(example) - made_up:
        default = Settings.model_fields[name].default
        assert example[name] == (str(default) if isinstance(default, Path) else default), name
    write(tmp_path, uncommented())
    settings = load()
    assert set(settings.routes) >= {"twilio", "loudspeakers", "groups"}
    route = RouteSettings(type="x")
    for name in set(RouteSettings.model_fields) - {"options", "carries", "numbers", "type"}:
        told = re.search(rf"^#   {name}\b.*(?:\n# {{10,}}.*)*", uncommented(), re.MULTILINE)
        assert told is not None
        default = str(getattr(route, name)).lower().removesuffix(".0")
        assert re.search(rf"Default {default}\b", told[0]), name
