"""`alertd cert`, and a server that speaks HTTPS with what it made."""

import json
import re
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import httpx

from tests.acceptance.command import alertd, serving
from tests.acceptance.peers import ROOT, clean_environment


def test_an_office_without_internet_has_https(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    made = alertd(data, "cert", "alert.lan", "127.0.0.1", "--json")
    assert made.code == 0, made.err
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
    assert _answer(asked_by_image, data, env) == 1, "nobody serves any more"
    renewed = alertd(data, "cert", "alert.lan", "--json")
    assert renewed.code == 0
    assert Path(files["authority"]).read_bytes() == before, "browsers go on trusting it"


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
