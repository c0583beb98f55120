"""Checks over all people and duties of a roster, in memory that a large city's file allows.

Of each row only numbers are kept, about 150 bytes; texts are named by their lines.
"""

from rosters.ledger import Ledger, digest
from rosters.model import Holding, Person
from rosters.problems import FileReport, quote
from rosters.shifts import DAY_MINUTES, minutes_of
from rosters.units import UnitBook

_DAY = (1 << DAY_MINUTES) - 1  # one bit a minute
_POST_BITS = 32
_DOUBT = 0  # a rank that can't be told
_FIELDS = ("name", "phone", "phone2", "short_phone/chat_id/channels/language/party_member")


class PeopleChecks:
    """Takes people and their parts in duties row by row; then reports what is wrong as a whole.

    Args:
        book: Where the duties' units are.
    """

    def __init__(self, book: UnitBook) -> None:
        self._book = book
        self._posts: dict[str, int] = {}
        self._shifts: dict[tuple[str, str], int] = {}
        self._people = Ledger(6)  # id; name, phone, phone2, the rest; line
        self._holdings = Ledger(3)  # key; the rest; line
        self._duties = Ledger(5)  # unit and post; rank; shift; holding; line
        self._phones = Ledger(3)  # number; person; line
        self.people = 0
        self.holdings = 0
        self.duties = 0

    def add(self, person: Person, holding: Holding, line: int) -> None:
        """Take a row that is right in itself and whose unit is in the book."""
        who = digest(person.person_id)
        numbers = [int(phone) for phone in person.phones]
        rest = (person.short_phone, person.chat_id, person.channels)
        self._people.add(
            who,
            digest(person.name),
            *(*numbers, 0, 0)[:2],
            digest((*rest, person.language, person.party_member)),
            line,
        )
        for number in numbers:
            self._phones.add(number, who, line)
        self._add_holding(holding, line)

    def doubt(self, holding: Holding, line: int) -> None:
        """Take a row that was refused: its duty is there, and who holds it can't be told."""
        self._add_duty(holding, _DOUBT, line)

    def _add_holding(self, holding: Holding, line: int) -> None:
        said = (holding.rank, holding.roles, holding.on_duty_to, holding.verified_at, holding.note)
        self._holdings.add(digest(holding.key), digest(said), line)
        self._add_duty(holding, holding.rank, line)

    def _add_duty(self, holding: Holding, rank: int, line: int) -> None:
        post = self._posts.setdefault(holding.post, len(self._posts))
        shift = (holding.on_duty_from, holding.on_duty_to)
        self._duties.add(
            self._book.ordinal(holding.unit_code) << _POST_BITS | post,
            rank,
            self._shifts.setdefault(shift, len(self._shifts)),
            digest(holding.key),
            line,
        )

    def report(self, report: FileReport) -> None:
        """Report disagreements, shared phones and duties without principal or alternate."""
        for rows in self._people.groups():
            self.people += 1
            _report_person(rows, report)
        for rows in self._holdings.groups():
            self.holdings += 1
            _report_holding(rows, report)
        for rows in self._phones.groups():
            _report_phone(rows, report)
        posts = list(self._posts)
        shifts = [minutes(*shift) for shift in self._shifts]
        for rows in self._duties.groups():
            self.duties += 1
            unit, post = rows[0][0] >> _POST_BITS, rows[0][0] & (1 << _POST_BITS) - 1
            _report_duty(rows, shifts, self._book.code(unit), quote(posts[post]), report)


def _report_person(rows: list[tuple[int, ...]], report: FileReport) -> None:
    first = rows[0]
    for row in rows[1:]:
        if row[1:-1] != first[1:-1]:
            fields = [
                name
                for name, old, new in zip(_FIELDS, first[1:-1], row[1:-1], strict=True)
                if old != new
            ]
            report.error(
                row[-1], "person_id", "person-disagrees", other=first[-1], fields=", ".join(fields)
            )


def _report_holding(rows: list[tuple[int, ...]], report: FileReport) -> None:
    _, said, line = rows[0]
    for _, other_said, other_line in rows[1:]:
        if other_said == said:
            report.note(other_line, "", "row-repeated", other=line)
        else:
            report.error(other_line, "person_id", "holding-disagrees", other=line)


def _report_phone(rows: list[tuple[int, ...]], report: FileReport) -> None:
    people = {who: line for _, who, line in reversed(rows)}
    if len(people) > 1:
        lines = sorted(people.values())
        report.warn(lines[1], "phone", "phone-shared", people=len(people) - 1, other=lines[0])


def _report_duty(
    rows: list[tuple[int, ...]], shifts: list[int], unit: str, post: str, report: FileReport
) -> None:
    line = min(row[-1] for row in rows)
    ranks = {rank for _, rank, *_ in rows}
    if _DOUBT not in ranks and 1 not in ranks:
        report.warn(line, "rank", "principal-missing", unit=unit, post=post)
    elif ranks == {1}:
        report.warn(line, "rank", "alternate-missing", unit=unit, post=post)
    principals: dict[int, tuple[int, int]] = {}  # by holding: shift, line; none of them overlap
    for _, rank, shift, holding, row_line in rows:
        if rank != 1 or holding in principals:
            continue
        overlap = [at for mask, at in principals.values() if mask & shifts[shift]]
        if overlap:
            params = {"unit": unit, "post": post, "other": overlap[0]}
            report.error(row_line, "rank", "principal-repeated", **params)
        else:
            principals[holding] = (shifts[shift], row_line)


def minutes(begin: str, end: str) -> int:
    """The minutes of a day that a shift covers, a bit each; "" and "" are the whole day."""
    first, last = minutes_of(begin), minutes_of(end)
    if first is None or last is None:
        return _DAY
    until_last, until_first = (1 << last) - 1, (1 << first) - 1
    return until_last ^ until_first if first < last else _DAY ^ until_first | until_last
