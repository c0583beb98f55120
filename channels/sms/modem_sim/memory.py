"""The short messages that a SIM holds."""

from dataclasses import dataclass, field

_UNREAD, _READ = 0, 1
PLACES = 30


@dataclass
class Memory:
    """Places from 1 on, each with a PDU and whether it was read."""

    places: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def put(self, pdu: bytes) -> int | None:
        """Store it at the first free place; None where there is none."""
        free = next((n for n in range(1, PLACES + 1) if n not in self.places), None)
        if free is not None:
            self.places[free] = (_UNREAD, pdu)
        return free

    def read(self, place: int) -> str | None:
        """The lines of a +CMGR; None where the place is empty."""
        if place not in self.places:
            return None
        state, pdu = self.places[place]
        self.places[place] = (_READ, pdu)
        return f"+CMGR: {state},,{tpdu_length(pdu)}\r\n{pdu.hex().upper()}"

    def list(self) -> list[str]:
        """The lines of a +CMGL."""
        return [
            f"+CMGL: {place},{state},,{tpdu_length(pdu)}\r\n{pdu.hex().upper()}"
            for place, (state, pdu) in sorted(self.places.items())
        ]

    def delete(self, place: int) -> bool:
        """Free a place; False where it was."""
        return self.places.pop(place, None) is not None

    def used(self) -> str:
        """As +CPMS says it."""
        return f"{len(self.places)},{PLACES}"


def tpdu_length(pdu: bytes) -> int:
    """How long it is without its service centre's address."""
    return len(pdu) - 1 - pdu[0]
