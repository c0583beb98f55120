"""What a reply was found to say."""

from dataclasses import dataclass, field
from enum import StrEnum


class ReplyKind(StrEnum):
    """The answers of DOMAIN.md's table, gravest first; the first five are acknowledgements."""

    HELP = "help"
    UNAVAILABLE = "unavailable"
    DONE = "done"
    ON_POST = "on_post"
    RECEIVED = "received"
    OPT_OUT = "opt_out"
    UNCLEAR = "unclear"

    @property
    def covers(self) -> bool:
        """Whether it can cover a unit: help and unavailable are answers, and cover nothing."""
        return self in {ReplyKind.DONE, ReplyKind.ON_POST, ReplyKind.RECEIVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply, read.

    Attributes:
        kind: What it says.
        reason: Why it was taken so, a stable word for log, test and operator: `code`, `word`,
            `help-word`, `negation`, `unknown-words`…
        count: People moved or on post, or None where none was given.
        of: Of how many. `done` with `count` below `of` is progress and not the end.
        code: The alert's short code that it names, upper case (`A7`).
        unit_hint: The unit that it names, as written: a name (`梨洲3网格`) or the end of a code.
        drill_help: The only call for help is 演练求助. Whether that makes it a drill's is for
            `interpret.correlate`, which knows the alert.
        drill: It takes the alert for an exercise (演练收到).
        names: Those of `parse`'s names that it mentions; else those that a message of ours is for
            that it quotes.
    """

    kind: ReplyKind
    reason: str
    count: int | None = None
    of: int | None = None
    code: str | None = None
    unit_hint: str | None = field(default=None, repr=False)  # may be digits; logs take none
    drill_help: bool = False
    drill: bool = False
    names: tuple[str, ...] = field(default=(), repr=False)
