"""Loudspeakers' own word on whether they are there."""

from collections.abc import Mapping

from alertd.model import Recorded
from alertd.report.figures.part import Take


class PresencePart:
    """Reads `presence`, from before the alert on, and when the alert was issued."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.online: dict[int, bool] = {}
        self.faulty: set[int] = set()
        self.at_issue = 0

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {"presence": self._presence, "alert.issued": self._issued}

    def _presence(self, recorded: Recorded) -> None:
        for terminal, online, fault in recorded.fact.body["items"]:
            self.online[terminal] = bool(online)
            (self.faulty.add if fault else self.faulty.discard)(terminal)

    def _issued(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no == self.alert_no:
            self.at_issue = sum(self.online.values())
