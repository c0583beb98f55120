"""The last page of the document: where the figures come from, and who signs."""

from collections.abc import Sequence
from typing import Any

from alertd.i18n import N_
from alertd.report.figures import Figures
from alertd.report.figures.values import Head
from alertd.report.words import Say


def sign_page(
    figures: Figures, ends: Sequence[Head], say: Say, signers: tuple[str, str]
) -> dict[str, Any]:
    """What the template shows on it; `signers` drafted and approved the alert, by name."""
    course = figures.course
    drafted, approved = signers
    return {
        "title": say(N_("Source and signatures")),
        "text": say(
            N_(
                "The figures in this report were counted from the record (the journal) of the "
                "system. Those who sign confirm that they have read the report."
            )
        ),
        "heads": [say(N_("Role")), say(N_("Name")), say(N_("Signature")), say(N_("Date"))],
        "lines": [
            [say(N_("Alert drafted by")), drafted],
            [say(N_("Alert approved by")), approved],
            [say(N_("Report prepared by")), ""],
            [say(N_("Checked by")), ""],
            [say(N_("Head of the office")), ""],
        ],
        "seal": say(N_("Seal of the office")),
        "source-title": say(N_("Where this comes from")),
        "source": [
            say(
                N_(
                    "Every figure was counted from the journal's facts. A unit's line includes all "
                    "below it. Percentiles are values that occurred (nearest rank). The "
                    "denominator is person-duties: one for every duty that was asked."
                )
            ),
            say(N_("Roster version {version}, digest {digest}; policy {policy}.")).format(
                version=course.roster_version or "–",
                digest=course.roster_digest[:16],
                policy=course.policy,
            ),
            say(
                N_(
                    "To check it later: alertd report --verify with this report's bundle; the "
                    "hashes that it prints must be those below."
                )
            ),
        ],
        "chain-heads": [say(N_("Chain")), say(N_("Last fact")), say(N_("Journal hash"))],
        "chains": [[f"{head.node} / {head.writer}", str(head.seq), head.hash] for head in ends],
    }
