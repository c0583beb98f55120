"""What a PLAN on the command line means: a file, a plan saved in the city, or a shipped example."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from alertd.errors import InvalidInputError, NotFoundError
from alertd.store.reads import drills as reads
from drills import keeping
from drills.plan import Plan, from_dict, parse
from drills.simulate import scenario as scenarios

_MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What a word means.

    Args:
        source: file, saved or shipped.
        plan: The plan.
    """

    source: str
    plan: Plan


def is_file(word: str) -> bool:
    """Whether a word can only be a file: as the other commands about drills take it."""
    return Path(word).suffix == ".toml" or len(Path(word).parts) > 1


def is_known(word: str) -> bool:
    """Whether it has a meaning whatever plans are saved."""
    shipped = word in keeping.by_file() or word in keeping.shipped()
    return is_file(word) or Path(word).is_file() or shipped


def plan_of(word: str, connection: Connection | None) -> Meant:
    """The plan that a word means; a city's own stands before the shipped one of its name.

    Args:
        word: As typed.
        connection: For reading the city's plans; None: they aren't looked at.

    Raises:
        InvalidInputError: There is none, or there are several.
        PlanError: The file has mistakes; each is named.
    """
    if is_file(word):
        return Meant(source="file", plan=parse(scenarios.read(word)))
    saved = [] if connection is None else reads.plans(connection)
    mine = next((each for each in saved if each.name == word), None)
    examples = {**keeping.by_file(), **({} if mine else keeping.shipped())}
    there = {"file": Path(word).is_file(), "saved": mine is not None, "shipped": word in examples}
    found = [source for source, is_there in there.items() if is_there]
    if not found:
        names = [each.name for each in saved][:_MOST_NAMED]
        raise _unknown(word, [*names, *keeping.by_file()])
    if len(found) > 1:
        raise _ambiguous(word, found)
    if mine is not None:
        return Meant(source="saved", plan=from_dict(dict(mine.content)))
    if there["file"]:
        return Meant(source="file", plan=parse(scenarios.read(word)))
    return Meant(source="shipped", plan=examples[word])


def _unknown(word: str, names: list[str]) -> NotFoundError:
    known = ", ".join(dict.fromkeys(names))
    return NotFoundError(
        f"There is no drill plan {word}: no file, no saved plan, and no shipped one.",
        field="plan",
        hint=f"There are: {known}.",
    )


def _ambiguous(word: str, found: list[str]) -> InvalidInputError:
    """There is a file of that name beside a plan, or a saved plan called like a shipped file."""
    if "file" in found:
        return InvalidInputError(
            f"{word} is a file here and the name of a plan, too.",
            field="plan",
            hint=f"For the file write ./{word}; for the plan, be in another folder.",
        )
    name = keeping.by_file()[word].name
    return InvalidInputError(
        f"{word} is a plan saved here and the name of a shipped one, too.",
        field="plan",
        hint=f"For the shipped one write its title, {name}; for the saved one, save it under"
        " another name.",
    )
