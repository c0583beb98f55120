"""An engine under load in a process of its own, to be backed up and killed.

    python -m tests.faults.storm DIRECTORY SEED PACE_S

Alerts go out, phones reply, time goes by, in DIRECTORY's city, until it is killed; PACE_S is the
pause between two replies. A line of `acknowledged.jsonl` for every commit, written once it is on
disk: where the journal ended then.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alertd.store.database import Store, Transaction
from alertd.store.vault import Vault
from tests.city import KEY, City

AREAS = ("330281001", "330281002", "330281003")
ROLES = ("grid_leader", "building_lead")
TEXTS = ("1", "收到", "2 35/40", "0", "什么情况", "3")
REPLIES_AN_ALERT = 60


class NotingStore(Store):
    """Writes down every commit that it has acknowledged."""

    log: Any

    @contextmanager
    def transaction(self, now: int, *, deciding: bool = True) -> Iterator[Transaction]:
        with super().transaction(now, deciding=deciding) as tx:
            yield tx
        head = self._head
        assert head is not None
        self.log.write(json.dumps([head.seq, head.hash.hex()]) + "\n")
        self.log.flush()


class Storm(City):
    """A city whose commits are as durable as a server's, and are noted."""

    def start(self) -> None:
        super().start()
        self.store.close()
        store = NotingStore(self.url, Vault(KEY), node="test")
        # Held open by the store for as long as the process lives.
        store.log = (self.directory / "acknowledged.jsonl").open("a", encoding="utf-8")
        self.store = self.engine.store = store


def rage(city: City, dice: random.Random, pace_s: float) -> None:
    """One alert and what comes back, so that every kind of commit happens again and again."""
    city.issue(areas=[dice.choice(AREAS)], roles=ROLES, colour=dice.choice(("red", "orange")))
    phones = [message.address for message in city.sent if message.address.startswith("+86")]
    for _ in range(REPLIES_AN_ALERT):
        city.reply(dice.choice(phones), dice.choice(TEXTS), key=f"r{dice.getrandbits(64):x}")
        city.forward(seconds=3)
        time.sleep(pace_s)  # so that the journal stays short enough to be made again and again
    city.forward(minutes=4, tick_s=20)
    del city.sent[:-2_000]


def main() -> None:
    directory, seed, pace_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    city = Storm(directory, fresh=False, postgresql=False)
    dice = random.Random(seed)
    while True:
        rage(city, dice, pace_s)


if __name__ == "__main__":
    main()
