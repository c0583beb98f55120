"""One pass over the facts: each goes to the parts that read its kind."""

from collections import Counter
from collections.abc import Iterable

from alertd.model import Millis, Recorded, alert_of
from alertd.report.figures.course import CoursePart
from alertd.report.figures.digests import DigestsPart
from alertd.report.figures.duties import DutiesPart
from alertd.report.figures.forecast import ForecastPart
from alertd.report.figures.handover import HandoverPart
from alertd.report.figures.part import Part, Take
from alertd.report.figures.presence import PresencePart
from alertd.report.figures.replies import RepliesPart
from alertd.report.figures.telling import TellingPart
from alertd.report.figures.timeline import TimelinePart
from alertd.report.figures.values import Head, Key

BATCHES = frozenset({"claimed", "settled", "receipts"})  # of several alerts' deliveries
NODE_WIDE = frozenset({"presence", "restored", "store.taken-back"})


class Replay:
    """What the facts of one alert come to; feed it with `take`, in recorded order."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.course = CoursePart(alert_no)
        self.handover = HandoverPart(alert_no)
        self.telling = TellingPart(self.handover)
        self.duties = DutiesPart(alert_no)
        self.replies = RepliesPart(alert_no)
        self.presence = PresencePart(alert_no)
        self.digests = DigestsPart()
        self.forecast = ForecastPart(alert_no)
        self.timeline = TimelinePart(alert_no)
        self.heads: dict[tuple[str, int], Head] = {}
        self.as_of: Millis | None = None  # when the last fact about the alert was recorded
        self.facts: Counter[str] = Counter()  # that say something about the alert, by kind
        self._takes: dict[str, list[Take]] = {}
        self._section(self.course)
        self._section(self.handover)
        self._section(self.telling)
        for part in (self.duties, self.replies, self.presence, self.digests, self.forecast):
            self._section(part)
        self._section(self.timeline)

    def _section(self, part: Part) -> None:
        for kind, take in part.takes.items():
            self._takes.setdefault(kind, []).append(take)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of facts that the figures read."""
        return frozenset(self._takes)

    def take(self, recorded: Recorded) -> bool:
        """Take the next fact; whether it says something about the alert."""
        self.heads[recorded.node, recorded.writer] = Head(
            node=recorded.node,
            writer=recorded.writer,
            seq=recorded.seq,
            hash=recorded.hash.hex(),
        )
        takes = self._takes.get(recorded.fact.kind)
        if takes is None or not self._about(recorded):
            return False
        self.facts[recorded.fact.kind] += 1
        self.as_of = max(self.as_of or 0, recorded.recorded_at)
        for take in takes:
            take(recorded)
        return True

    def _about(self, recorded: Recorded) -> bool:
        fact = recorded.fact
        if fact.kind in BATCHES:
            return any(alert_of(item[0]) == self.alert_no for item in fact.body["items"])
        mine = fact.alert_no == self.alert_no
        return mine or fact.kind in NODE_WIDE or self.course.about(fact)


def replay(facts: Iterable[Recorded], alert_no: int) -> Replay:
    """Take all of `facts`."""
    state = Replay(alert_no)
    for recorded in facts:
        state.take(recorded)
    return state


def key_of(recorded: Recorded) -> Key:
    """A fact's place in the journal."""
    return recorded.node, recorded.writer, recorded.seq
