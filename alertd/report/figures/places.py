"""Where in an array stands what is known of an alert's deliveries."""

from bisect import bisect_right


class Places:
    """A place for each delivery, from 1, and none for the numbers that a restore left out."""

    def __init__(self) -> None:
        self._numbers: list[int] = []  # where each row of successive numbers begins
        self._places: list[int] = []  # and its place
        self._end = 1

    def made(self, number: int, n: int) -> int:
        """The place of the first of `n` deliveries that are made, from `number` on."""
        place = self._end
        if not self._numbers or number != self.number(place):
            self._numbers.append(number)
            self._places.append(place)
        self._end += n
        return place

    def of(self, number: int) -> int:
        """A delivery's place; 0 where none was made by that number."""
        row = bisect_right(self._numbers, number) - 1
        if row < 0:
            return 0
        place = self._places[row] + number - self._numbers[row]
        end = self._places[row + 1] if row + 1 < len(self._places) else self._end
        return place if place < end else 0

    def number(self, place: int) -> int:
        """The number of the delivery at a place."""
        row = bisect_right(self._places, place) - 1
        return self._numbers[row] + place - self._places[row]
