"""`alertd cert`, and a server that speaks HTTPS with what it made."""

import json
import re
import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from alertd.cli.certificates import make
from tests.acceptance.command import alertd, serving
from tests.acceptance.peers import ROOT, clean_environment


def test_an_office_without_internet_has_https(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    made = alertd(data, "cert", "alert.lan", "127.0.0.1", "--json")
    assert made.code == 0, made.err
    assert [path.name for path in data.iterdir()] == ["tls"], "no empty city"
    files = made.document
    assert stat.S_IMODE(Path(files["server_key"]).stat().st_mode) == 0o600
    before = Path(files["authority"]).read_bytes()
    env = {"ALERTD_TLS_CERT": files["server"], "ALERTD_TLS_KEY": files["server_key"]}
    with serving(data, env=env) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=files["authority"])
        assert httpx.get(f"{server.url}/healthz", verify=trusting).is_success
        sign_in = httpx.get(f"{server.url}/sign-in", verify=trusting)
        assert sign_in.is_success
        asked_by_image = health_check()
        assert _answer(asked_by_image, data, env) == 0
        (data / "run.json").rename(data / "aside.json")
        assert _answer(asked_by_image, data, env) == 1, "nobody left word"
        (data / "aside.json").rename(data / "run.json")
        beside = alertd(data, "alert", "list", "--json")
        assert beside.code == 0, beside.err
        assert _certificate(data, env) == "well"
        assert alertd(data, "cert", "alert.lan", "127.0.0.1").code == 0
        handed_out = alertd(data, "record", "--about", "handed-out", "--json").document
        assert [each["body"] for each in handed_out] == [{"what": "certificate"}]
        beside = alertd(data, "alert", "list", "--json")
        assert beside.code == 0, f"renewed, and not started anew: {beside.err}"
    assert _answer(asked_by_image, data, env) == 1, "nobody serves any more"
    renewed = alertd(data, "cert", "alert.lan", "--json")
    assert renewed.code == 0
    assert Path(files["authority"]).read_bytes() == before, "browsers go on trusting it"


def test_a_certificate_that_is_over_keeps_no_command_from_its_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    long_ago = datetime.now(UTC) - timedelta(days=900)
    files = make(tmp_path / "old", ["127.0.0.1"], office="office", now=long_ago)
    env = {"ALERTD_TLS_CERT": str(files.server), "ALERTD_TLS_KEY": str(files.server_key)}
    with serving(data, env=env):
        beside = alertd(data, "alert", "list", "--json", env=env)
        assert beside.code == 0, beside.err
        assert _certificate(data, env) == "broken"


def test_files_that_are_no_pair_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    now = datetime.now(UTC)
    one, two = (
        make(tmp_path / name, ["a.lan"], office="office", now=now) for name in ("one", "two")
    )
    for cert, key, sentence in (
        (one.server, two.server_key, "The key in tls_key isn't that of the certificate"),
        (one.server_key, one.server, "tls_cert must be a certificate and tls_key its key"),
        (tmp_path / "none.pem", one.server_key, "none.pem can't be read: No such file"),
    ):
        env = {"ALERTD_TLS_CERT": str(cert), "ALERTD_TLS_KEY": str(key)}
        said = alertd(data, "serve", env=env)
        assert (said.code, sentence in said.err) == (3, True), said.err
        assert not (data / "alertd.sqlite3").exists(), "nothing was begun"
    assert _certificate(data, env) == "broken"


def _certificate(data: Path, env: dict[str, str]) -> str:
    """How doctor finds it."""
    findings = alertd(data, "doctor", "--json", env=env).document["findings"]
    (found,) = [each["health"] for each in findings if each["what"] == "certificate"]
    return str(found)


def test_the_health_check_speaks_plain_http_where_the_server_does(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with serving(data) as server:
        assert server.url.startswith("http://")
        assert _answer(health_check(), data, {}) == 0


def health_check() -> list[str]:
    """The words of the image's HEALTHCHECK, with this interpreter for the image's."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    (found,) = re.findall(r"^HEALTHCHECK .*? CMD (\[.*\])$", text, re.MULTILINE)
    python, *words = json.loads(found)
    assert python == "python"
    return [sys.executable, *words]


def _answer(command: list[str], data: Path, env: dict[str, str]) -> int:
    """What it ends with, as the image runs it: in the server's environment."""
    environment = clean_environment(ALERTD_DATA_DIR=str(data), ALERTD_PORT="8080", **env)
    return subprocess.run(command, env=environment, timeout=60, check=False).returncode


def test_what_cannot_be_a_name_or_half_a_pair_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    refused = alertd(data, "cert", "no host name")
    assert refused.code == 2
    assert "no host name or address" in refused.err
    half = alertd(data, "doctor", env={"ALERTD_TLS_CERT": str(tmp_path / "x.pem")})
    assert half.code != 0
    assert "given together" in half.out + half.err
