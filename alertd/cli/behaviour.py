"""How people answer in a simulated night: as usual, as past drills show, or as a file says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from alertd.cli import show
from alertd.cli.words import _
from alertd.errors import InvalidInputError, NotFoundError
from alertd.i18n import N_
from alertd.settings import Settings
from drills.learning import rules
from drills.learning.record import Learned, Sources, learn
from drills.simulate import scenario as scenarios

NOTHING: Final = N_("Nothing can be learned yet about how people answer.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for.

    Args:
        learned: Whether as past drills show; None: where they show enough.
        file: A file of rules, in place of it.
    """

    learned: bool | None = None
    file: Path | None = None

    def words(self) -> list[str]:
        """The options that ask for it."""
        if self.file is not None:
            return ["--people", str(self.file)]
        return {None: [], True: ["--learned"], False: ["--as-usual"]}[self.learned]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How people answer.

    Args:
        source: usual, learned, file, or scenario: that says it itself.
        given: What `scenario.parse` takes beside the scenario; None: nothing.
        rules: How many rules of the city's own there are.
        learned: What was learned, where it was looked for.
    """

    source: str
    given: Mapping[str, Any] | None = None
    rules: int = 0
    learned: Learned | None = None

    def document(self) -> dict[str, Any]:
        """The JSON of it."""
        found = {"source": self.source, "rules": self.rules}
        if self.source == "learned" and self.learned is not None:
            found |= figures(self.learned)
        return found


def choose(
    wanted: Wanted, scenario: str, connection: Connection | None, settings: Settings
) -> Behaviour:
    """How people answer in these nights.

    Args:
        wanted: What was asked for.
        scenario: Its TOML.
        connection: For reading what past drills were answered; None: they aren't looked at.
        settings: The city's.

    Raises:
        InvalidInputError: The scenario says it itself, or the file has something else in it.
        NotFoundError: What was learned is asked for, and it isn't enough.
        PlanError: The file's rules have mistakes; each is named.
    """
    if "people" in scenarios.toml(scenario):
        if wanted.file is not None or wanted.learned:
            raise InvalidInputError(
                "The scenario itself says how people answer.",
                field="scenario",
                hint="Take its [[people]] out, or leave the option out.",
            )
        return Behaviour(source="scenario")
    if wanted.file is not None:
        return _of_file(wanted.file)
    if wanted.learned is False or connection is None:
        return Behaviour(source="usual")
    found = learn(connection, sources(settings))
    own = rules.rules(found)
    if own:
        given = rules.behaviour(own)
        return Behaviour(source="learned", given=given, rules=len(own), learned=found)
    if wanted.learned:
        raise NotFoundError(NOTHING, hint=missing(found))
    return Behaviour(source="usual", learned=found)


def sources(settings: Settings, *, live: bool = False, simulated: bool = False) -> Sources:
    """What a city learns from; what its simulated routes brought counts for nothing."""
    mute = frozenset(name for name, route in settings.routes.items() if route.simulated)
    return Sources(zone=settings.zone, live=live, simulated=simulated, mute=mute)


def missing(found: Learned) -> str:
    """What there must be more of."""
    if not found.drills and not found.live:
        return N_("Hold a drill that reaches people; or write [[people]] rules of your own.")
    return N_("No kind of people was sent enough messages: hold another drill.")


def _of_file(file: Path) -> Behaviour:
    text = scenarios.read(str(file))
    content = scenarios.toml(text)
    if set(content) != {"people"}:
        raise InvalidInputError(
            f"{file.name} must hold [[people]] rules and nothing else.", field="people"
        )
    scenarios.parse(text)  # every mistake by its line
    own = list(content["people"])
    return Behaviour(source="file", given=rules.behaviour(own), rules=len(own))


def figures(found: Learned) -> dict[str, Any]:
    """What it rests on."""
    return {
        "drills": found.drills,
        "live_alerts": found.live,
        "since": found.since,
        "until": found.until,
        "people": found.people,
        "messages": found.messages,
        "answers": found.answers,
    }


def sentence(behaviour: Behaviour) -> str:
    """What the nights were played by, for a reader."""
    found = behaviour.learned
    if behaviour.source == "learned" and found is not None:
        text = _("How people answer: learned from {what}; {rules} rules, all others as shipped.")
        return text.format(what=rests_on(found), rules=behaviour.rules)
    if behaviour.source == "file":
        text = _("How people answer: {rules} rules of a file, all others as shipped.")
        return text.format(rules=behaviour.rules)
    if behaviour.source == "scenario":
        return _("How people answer: as the scenario says.")
    return _("How people answer: as shipped; these are assumptions, and nothing of your drills.")


def rests_on(found: Learned) -> str:
    """From how much it was learned."""
    text = _(
        "{drills} drills and {live} live alerts, {first} to {last}: {messages} messages to"
        " {people} people, {answers} answers"
    )
    return text.format(
        drills=f"{found.drills:,}",
        live=f"{found.live:,}",
        first=show.moment(found.since)[:10],
        last=show.moment(found.until)[:10],
        messages=f"{found.messages:,}",
        people=f"{found.people:,}",
        answers=f"{found.answers:,}",
    )
