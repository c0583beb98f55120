"""What somebody must type before an alert goes out, so that no slip of the hand sends it.

In Hawaii in 2018 a drill and a live alert shared one confirmation (DOMAIN, "Drills and lessons"):
here each asks for a word of its own, and the highest response level for one that names it.
"""

from typing import Final

from alertd.model import Status

HIGHEST_LEVEL: Final = "I"
LEVEL_WORDS: Final = ("一级响应", "LEVEL ONE")
DRILL_WORDS: Final = ("演练", "DRILL")


def words_to_type(
    status: Status, *, short_code: str, level: str | None, real_routes: bool
) -> tuple[str, ...]:
    """Any of these confirms; () where a press is enough.

    Args:
        status: The alert's.
        short_code: Its code: a live alert's own word.
        level: Its response level, `I` to `IV`, or None.
        real_routes: Whether it would go out by a route that reaches people.
    """
    if status is Status.ACTUAL:
        return LEVEL_WORDS if level == HIGHEST_LEVEL else (short_code,)
    return DRILL_WORDS if status is Status.EXERCISE and real_routes else ()


def confirms(typed: str, words: tuple[str, ...]) -> bool:
    """Whether what was typed is one of the words; white space and case don't count."""
    said = " ".join(typed.split()).casefold()
    return not words or said in {word.casefold() for word in words}
