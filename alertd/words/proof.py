"""What a check of a backup, of the journal or of a report found: its codes and clauses in words."""

from collections.abc import Mapping
from typing import Final

from alertd.i18n import N_

WHERE: Final[Mapping[str, str]] = {
    "file": N_("file"),
    "database": N_("database"),
    "journal": N_("journal"),
    "tables": N_("table"),
    "key": N_("key"),
    "chain": N_("chain"),
    "report": N_("report"),
    "roster": N_("roster"),
}
"""By the kind of a problem, or of a difference."""

FOUND: Final[Mapping[str, str]] = {
    # of a chain
    "gap": N_("a fact is missing before it"),
    "link": N_("it doesn't follow on the fact before"),
    "hash": N_("it was changed"),
    "cut": N_("the chain ends too soon"),
    # of a backup
    "missing": N_("it isn't there"),
    "changed": N_("it was changed"),
    "damaged": N_("it is damaged"),
    "can't be read": N_("it can't be read"),
    "isn't JSON": N_("it isn't JSON"),
    "isn't opened by the key": N_("the key doesn't open it"),
    "ends elsewhere than the manifest says": N_("ends elsewhere than the manifest says"),
    "refers to a row that isn't there": N_("refers to a row that isn't there"),
    "doesn't open this database's addresses": N_("doesn't open this database's addresses"),
    "in the first only": N_("only in the database, and not by the journal"),
    "in the second only": N_("only by the journal, and not in the database"),
    # of a report and of a bundle
    "nothing": N_("nothing"),
    "a draft": N_("a draft"),
    "the alert's draft before it": N_("the alert's draft before it"),
    "an unchanged fact": N_("an unchanged fact"),
    "JSON in every body": N_("JSON in every body"),
    "something else": N_("something else"),
    "a file that can be read": N_("a file that can be read"),
    "damage": N_("damage"),
    "once": N_("once"),
    "twice": N_("twice"),
    "no such file": N_("no such file"),
    "a file": N_("a file"),
    "a comment": N_("a comment"),
    "alertd's own text": N_("alertd's own text"),
    "another text": N_("another text"),
    "nothing, for it wasn't issued": N_("nothing, for it wasn't issued"),
    "a roster": N_("a roster"),
}
"""By what a problem says, and by what a difference expected or found; a value is as it is."""
