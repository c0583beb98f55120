"""Who may move an alert on, and the codes that replies name it by."""

from dataclasses import dataclass

from alertd.model import AlertState

# Without I and O, which look like digits on an old phone, and T, which is an opt-out.
_LETTERS = "ABCDEFGHJKLMNPQRSUVWXYZ"
_PER_LETTER = 99


@dataclass(frozen=True, slots=True)
class Problem:
    """Why not, and what to do."""

    reason: str
    sentence: str
    hint: str | None = None


def approval_problem(
    state: AlertState, *, same_person: bool, second_needed: bool, break_glass: bool
) -> Problem | None:
    """Why this approval can't stand; None where it can."""
    if state is not AlertState.DRAFT:
        return Problem("not-a-draft", f"It can't be approved: it is {state.value}.")
    if second_needed and same_person and not break_glass:
        return Problem(
            "second-person-needed",
            "A second person must approve this alert.",
            "Ask a colleague with the right to approve; or break the glass, which waits and is"
            " recorded.",
        )
    return None


def short_code(number: int) -> str:
    """A1 … A99, B1 … Z99, AA1 …: the code of the `number`-th alert (from 1), never given twice."""
    block, digit = divmod(number - 1, _PER_LETTER)
    letters = _LETTERS[block % len(_LETTERS)]
    while block >= len(_LETTERS):
        block = block // len(_LETTERS) - 1
        letters = _LETTERS[block % len(_LETTERS)] + letters
    return f"{letters}{digit + 1}"
