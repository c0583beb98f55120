"""What codes are called by those who read them: one vocabulary for pages and command line."""

from collections.abc import Callable

from alertd.words.tables import TABLES

__all__ = ["TABLES", "word"]


def word(say: Callable[[str], str], table: str, key: str) -> str:
    """A code in the reader's language; one that isn't in the table as it is.

    Args:
        say: The reader's `alertd.i18n.translator`.
        table: A key of `TABLES`, such as "state".
        key: The code.
    """
    return say(TABLES[table].get(key, key))
