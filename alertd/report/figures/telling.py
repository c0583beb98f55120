"""Who was told and who never was, replayed: whose each message is, and who answers for each duty.

Whose messages are is kept in runs, as the journal has it (`alert.selected`), and who answers for
what in two rows of numbers; what is known of a person is a byte, whatever their number.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping

from alertd.decide.told import SAYS_IT, Run, Sign, Standing, held_by, paired, sign, standing
from alertd.model import (
    AlertState,
    Channel,
    RecipientKind,
    Recorded,
    RequirementState,
    requirement_no,
)
from alertd.report.figures.duties import DutiesPart
from alertd.report.figures.handover import HandoverPart
from alertd.report.figures.part import Take
from alertd.report.figures.replies import RepliesPart
from alertd.report.figures.standings import Standings, Telling

MOST_LISTED = 20_000  # of those never told that somebody may still wake; the count has all


class TellingPart:
    """Reads `alert.selected`, `told` and what puts what waits in doubt.

    Args:
        handover: What became of each message; it takes each fact before this part does.
    """

    def __init__(self, handover: HandoverPart) -> None:
        self.handover = handover
        self.people: list[Run] = []  # deliveries and their people
        self.further = array("q"), array("q")  # the same, of messages beyond the first
        self.holders = array("q"), array("q")  # duties and their people; 0: nobody
        self.doubted: set[int] = set()  # places of what waited when a backup came back
        self.unnamed = False  # of a journal that doesn't say whose a message is

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "alert.selected": self._selected,
            "told": self._told,
            "restored": self._doubted,
            "store.taken-back": self._doubted,
        }

    def _selected(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        texts = any(on == Channel.SMS and n for on, n in body["made"])
        if (texts and "people" not in body) or (body["asked"] and "holders" not in body):
            self.unnamed = True
        self.people += (tuple(run) for run in body.get("people", ()))
        self._held(recorded)

    def _held(self, recorded: Recorded) -> None:
        duties, people = self.holders
        for duty, person in held_by(recorded.fact.body.get("holders", "")):
            duties.append(duty)
            people.append(person)

    def _told(self, recorded: Recorded) -> None:
        self._held(recorded)
        if recorded.fact.body["message"]["kind"] not in SAYS_IT:
            return  # that somebody else needs help, or is silent, says nothing of what it asks
        numbers, people = self.further
        for number, _, kind, recipient, *_ in recorded.fact.body["deliveries"]:
            if kind == RecipientKind.PERSON:
                numbers.append(number)
                people.append(recipient)

    def _doubted(self, _recorded: Recorded) -> None:
        self.doubted.update(self.handover.waiting())

    # What it came to.

    def figures(self, state: str, duties: DutiesPart, replies: RepliesPart) -> Telling | None:
        """The section; None where the journal doesn't say whose each message is.

        Args:
            state: The alert's.
            duties: What was asked, and answered.
            replies: What people said.
        """
        if self.unnamed:
            return None
        superseded = state == AlertState.UPDATED
        signs = self._signs()
        never, of_duties = self._duties(signs, duties, superseded=superseded)
        return Telling(
            people=_people(signs, replies, superseded=superseded),
            duties=of_duties,
            never=tuple((number, word.value) for number, word in never),
        )

    def _signs(self) -> bytearray:
        """What is known of each person, by number: `Sign`s."""
        most = max(_last(self.people), max(self.holders[1], default=0), *self.further[1], 0)
        found = bytearray(most + 1)
        for number, person in paired(self.people):
            found[person] |= Sign.RECIPIENT | self._sign(number)
        for number, person in zip(*self.further, strict=True):
            found[person] |= self._sign(number)
        return found

    def _sign(self, number: int) -> Sign:
        of, place = self.handover, self.handover.places.of(number)
        made = of.standing(number)
        if made is None:
            return Sign(0)
        marked = place in of.marked or place in self.doubted
        return sign(made[0], of.why_held(place), marked=marked)

    def _duties(
        self, signs: bytearray, duties: DutiesPart, *, superseded: bool
    ) -> tuple[list[tuple[int, Standing]], Standings]:
        """The first stage's requirements never told of, and all of them by how they stand."""
        stage = duties.first_stage()
        held = bytearray(max(self.holders[0], default=0) + 1)
        for duty, person in zip(*self.holders, strict=True):
            held[duty] |= Sign.RECIPIENT | signs[person]
        found: Counter[Standing] = Counter()
        never: list[tuple[int, Standing]] = []
        of = answered = 0
        for duty, known in enumerate(held):
            if not known:
                continue
            of += 1
            number = requirement_no(duties.alert_no, stage, duty)
            state = duties.state_of(number)
            if state is RequirementState.COVERED:
                answered += 1
                continue
            word = standing(known, superseded=superseded)
            found[word] += 1
            listed = state is RequirementState.EXHAUSTED or len(never) < MOST_LISTED
            if word.never and listed:
                never.append((number, word))
        return never, _standings(of, answered, 0, found)


def _people(signs: bytearray, replies: RepliesPart, *, superseded: bool) -> Standings:
    answered, spoke = replies.first_answers(), {ack.person for ack in replies.valid()}
    found: Counter[Standing] = Counter()
    of = done = otherwise = 0
    for person, known in enumerate(signs):
        if not known & Sign.RECIPIENT:
            continue
        of += 1
        if person in answered:
            done += 1
        elif person in spoke:
            otherwise += 1
        else:
            found[standing(known, superseded=superseded)] += 1
    return _standings(of, done, otherwise, found)


def _standings(of: int, answered: int, otherwise: int, found: Mapping[Standing, int]) -> Standings:
    return Standings(
        of=of,
        answered=answered,
        otherwise=otherwise,
        silent=found.get(Standing.TOLD, 0),
        perhaps=found.get(Standing.PERHAPS, 0),
        never={word.value: found[word] for word in Standing if word.never and found.get(word)},
    )


def _last(those: Iterable[Run]) -> int:
    return max((with_it + n - 1 for _, with_it, n in those), default=0)
