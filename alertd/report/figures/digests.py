"""Digests to superiors: how many were sent, how many were spared."""

from collections.abc import Mapping

from alertd.model import Recorded
from alertd.report.figures.part import Take


class DigestsPart:
    """Reads `digest.sent`."""

    def __init__(self) -> None:
        self.sent = 0
        self.spared = 0

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {"digest.sent": self._sent}

    def _sent(self, recorded: Recorded) -> None:
        if recorded.fact.body["message_no"]:
            self.sent += 1
        else:
            self.spared += 1
