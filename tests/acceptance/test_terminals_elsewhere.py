"""On PostgreSQL a loudspeaker is enrolled where the server is, and let in where the broker is."""

import asyncio
import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import databases, forked
from tests.acceptance.command import alertd, environment, serving
from tests.acceptance.within import within
from tests.contract.mqtt_bytes import Speaker

_SETTINGS = """\
[routes.loudspeakers]
type = "mqtt"
simulated = true
"""


@contextmanager
def working(data: Path, env: dict[str, str]) -> Iterator[None]:
    """`alertd worker` for the loudspeakers, in a data folder of its own."""
    with (data.parent / "worker.log").open("ab") as log:
        process = forked.start(
            ["worker", "--routes", "loudspeakers", "--json"],
            env=environment(data, env),
            cwd=data.parent,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def lets_in(broker: Path, bundle: Path) -> bool:
    """Whether the broker of a folder lets in who has a bundle."""
    config = (broker / "nats.conf").read_text()
    port = int(config.rpartition('listen: "127.0.0.1:')[2].partition('"')[0])
    login = urlsplit(json.loads(bundle.read_bytes())["broker"])

    async def tried() -> bool:
        try:
            speaker = await Speaker.connect(port, login.username or "", login.password or "")
        except (OSError, asyncio.IncompleteReadError):
            return False
        await speaker.close()
        return True

    return asyncio.run(tried())


@pytest.mark.timeout(180)
def test_enrolled_on_one_machine_it_is_let_in_on_another_and_shut_out(tmp_path: Path) -> None:
    here, there, bundles = (tmp_path / name for name in ("here", "there", "bundles"))
    for folder in (here, there):
        folder.mkdir()
        (folder / "alertd.toml").write_text(_SETTINGS)
    env = {"ALERTD_DATABASE_URL": databases.url_of(tmp_path / "city", postgresql=True)}
    out = ("--broker", "mqtt://10.0.0.5", "--out", bundles)
    bundle = bundles / "LS1.json"
    with serving(here, "--no-engine", env=env):
        shutil.copytree(here / "keys", there / "keys", dirs_exist_ok=True)
        with working(there, env):
            assert alertd(here, "terminal", "enrol", "LS1", "LS2", *out, env=env).code == 0
            within(that=(there / "broker" / "terminals.json").is_file)
            within(that=(there / "broker" / "nats.conf").is_file)
            within(that=lambda: lets_in(there / "broker", bundle))
            assert alertd(here, "terminal", "revoke", "LS1", env=env).code == 0
            within(that=lambda: not lets_in(there / "broker", bundle))
            assert lets_in(there / "broker", bundles / "LS2.json")
        # Shut out while that machine is off, it isn't let in when it comes back.
        assert alertd(here, "terminal", "revoke", "LS2", env=env).code == 0
        config = there / "broker" / "nats.conf"
        config.unlink()
        with working(there, env):
            within(that=config.is_file)
            assert "LS2" not in config.read_text()
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
