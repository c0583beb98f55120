"""The code that a reply names an alert by."""

# Without I and O, which look like digits on an old phone, and T, which is an opt-out.
_LETTERS = "ABCDEFGHJKLMNPQRSUVWXYZ"
PER_LETTER = 99


def short_code(number: int) -> str:
    """A1 … A99, B1 … Z99, AA1 …: the code of the `number`-th alert (from 1), never given twice."""
    block, digit = divmod(number - 1, PER_LETTER)
    letters = _LETTERS[block % len(_LETTERS)]
    while block >= len(_LETTERS):
        block = block // len(_LETTERS) - 1
        letters = _LETTERS[block % len(_LETTERS)] + letters
    return f"{letters}{digit + 1}"
