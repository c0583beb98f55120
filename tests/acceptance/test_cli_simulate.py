"""`alertd drill simulate` and `drill learn` on a city of one's own: its plans, and its people."""

import tomllib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drills import keeping
from tests.acceptance.command import Said, alertd
from tests.city import KEY
from tests.unit.drill_city import TOWN, DrillCity, plan_of

NAME, SHIPPED = "镇演练", "before-the-season"
INJECT = {"at_min": 3, "text": "通镇道路中断", "to": [TOWN]}
SEALED = "ALERTD_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Office:
    """A city's data folder, and a folder to work in."""

    data: Path
    url: str
    desk: Path

    def run(self, *words: str | Path) -> Said:
        return alertd(self.data, "drill", *words, env={SEALED: self.url}, cwd=self.desk)

    def simulated(self, plan: str, *more: str | Path) -> dict[str, Any]:
        options = ["--seeds", "1", "--processes", "1", "--json", *more]
        said = self.run("simulate", plan, *options)
        assert said.code == 0, said.out + said.err
        found: dict[str, Any] = said.document
        return found

    def refused(self, *words: str | Path) -> dict[str, Any]:
        said = self.run(*words, "--json")
        assert said.code != 0
        found: dict[str, Any] = said.document["error"]
        return found


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """It has saved two plans, and held one drill, with nobody woken."""
    folder = tmp_path_factory.mktemp("office")
    city = DrillCity(folder / "city", postgresql=False)
    saved = [plan_of(name=NAME, injects=[INJECT]), plan_of(name=SHIPPED)]
    for plan in saved:
        city.city.take(partial(keeping.save, actor=city.admin, plan=plan))
    no = city.run(saved[0])
    city.city.forward(seconds=40, tick_s=5)
    people = sorted(city.told(city.row(no).alert_no))
    for person in people[: len(people) // 4]:
        city.city.reply(city.city.phone_of(person), "1")
    city.city.forward(minutes=20, tick_s=60)
    city.stop(no)
    city.city.forward(seconds=10)
    city.city.store.close()
    data = folder / "data"
    (data / "keys").mkdir(parents=True, mode=0o700)
    (data / "keys" / "addresses.key").write_bytes(KEY)
    (data / "alertd.toml").write_text(
        '[routes.sms-1]\ntype = "handsets"\nurl = "http://127.0.0.1:9"\nsecret = "s"\n'
        "simulated = true\n",
        encoding="utf-8",
    )
    desk = folder / "desk"
    desk.mkdir()
    return Office(data, city.city.url, desk)


def test_a_saved_plan_is_played_by_its_name_with_its_injects(office: Office) -> None:
    found = office.simulated(NAME)
    assert found["plan"] == NAME
    (batch,) = found["batches"]
    (inject,) = batch["script"]
    assert (inject["event"], inject["what"], inject["at_min"]) == ("inject", INJECT["text"], 3)
    assert inject["told"] >= 1
    assert 0 < inject["taken"] <= inject["told"]
    assert found["behaviour"] == {"source": "usual", "rules": 0}


def test_a_word_that_means_nothing_or_too_much_is_refused(office: Office) -> None:
    unknown = office.refused("simulate", "镇演")
    assert "镇演" in unknown["message"]
    assert NAME in unknown["hint"]
    assert SHIPPED in unknown["hint"]
    two = office.refused("simulate", SHIPPED)
    assert "the name of a shipped one, too" in two["message"]
    assert "汛前演练" in two["hint"]
    (office.desk / NAME).write_text("name = 'a file'\n", encoding="utf-8")
    beside = office.refused("simulate", NAME)
    assert f"./{NAME}" in beside["hint"]
    assert "alert is missing" in str(office.refused("simulate", f"./{NAME}")), "that is the file"
    (office.desk / NAME).unlink()


def test_people_are_learned_from_drills_that_reached_them_and_from_others_where_asked(
    office: Office,
) -> None:
    nothing = office.refused("learn")
    assert nothing["message"].startswith("Nothing can be learned yet")
    assert office.refused("simulate", NAME, "--learned")["message"] == nothing["message"]
    file = office.desk / "people.toml"
    said = office.run("learn", "--with-simulated", "--out", file, "--json")
    assert said.code == 0, said.err
    assert said.document["drills"] == 1
    written = [cell for cell in said.document["cells"] if cell["written"]]
    assert written
    assert all(cell["messages"] >= 30 and cell["people"] >= 10 for cell in written)
    text = file.read_text(encoding="utf-8")
    assert len(tomllib.loads(text)["people"]) == len(written)
    played = office.simulated(NAME, "--people", file)
    assert played["behaviour"] == {"source": "file", "rules": len(written)}
    usual = office.simulated(NAME)
    ends = [each["batches"][0]["ends"].get("principal", 0.0) for each in (played, usual)]
    assert ends[0] < ends[1], "three of four were silent in the drill"


def test_a_file_of_people_holds_rules_alone(office: Office) -> None:
    file = office.desk / "more.toml"
    file.write_text("hours = 3\n[[people]]\nnotices = 0.5\n", encoding="utf-8")
    assert "nothing else" in office.refused("simulate", NAME, "--people", file)["message"]
    file.write_text("[[people]]\nnotices = 5\n", encoding="utf-8")
    assert "line 2: people[0].notices" in str(office.refused("simulate", NAME, "--people", file))
    file.write_text("[[people]]\nnotices = 0.5\n", encoding="utf-8")
    own = office.refused("simulate", NAME, "--scenario", file, "--learned")
    assert own["message"] == "The scenario itself says how people answer."
