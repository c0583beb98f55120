"""Situation reports that were drawn, in the data folder: the last ones of the last alerts."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alertd.model import Millis

FOLDER: Final = "situations"
MOST_OF_ONE: Final = 48  # of one alert: a day of half hours
MOST_ALERTS: Final = 20
FORMS: Final = ("pdf", "html", "json")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where they are.

    Args:
        folder: Made when the first one is put there.
    """

    folder: Path

    def put(self, code: str, at: Millis, contents: Mapping[str, bytes]) -> None:
        """Keep what was drawn at a time, and give up what is too old.

        The JSON is written last: what has none was never finished, and isn't shown.
        """
        place = self.folder / code
        place.mkdir(parents=True, exist_ok=True)
        for form in FORMS:
            part = place / f".{at}.{form}"
            part.write_bytes(contents[form])
            part.replace(place / f"{at}.{form}")
        for old in self.times(code)[MOST_OF_ONE:]:
            # Its JSON first: what is half gone isn't shown.
            for form in reversed(FORMS):
                (place / f"{old}.{form}").unlink(missing_ok=True)
        self._give_up()

    def _give_up(self) -> None:
        """Alerts of which the last was drawn the longest ago."""
        there = [each for each in self.folder.iterdir() if each.is_dir()]
        newest = sorted(there, key=lambda each: self.times(each.name)[:1], reverse=True)
        for each in newest[MOST_ALERTS:]:
            shutil.rmtree(each)

    def times(self, code: str) -> list[Millis]:
        """When those of an alert were drawn, the newest first."""
        place = self.folder / code
        if not place.is_dir():
            return []
        found = (each.stem for each in place.iterdir() if each.suffix == ".json")
        return sorted((int(stem) for stem in found if stem.isdecimal()), reverse=True)

    def last(self, code: str) -> tuple[Millis, dict[str, Any]] | None:
        """When the last one was drawn, and its figures."""
        for at in self.times(code)[:1]:
            figures = json.loads((self.folder / code / f"{at}.json").read_text("utf-8"))
            return at, figures
        return None

    def read(self, code: str, at: Millis, form: str) -> bytes | None:
        """One of them; None where it isn't there."""
        file = self.folder / code / f"{at}.{form}"
        return file.read_bytes() if at in self.times(code) and file.is_file() else None


def is_due(issued_at: Millis, last_at: Millis | None, every_ms: int, now: Millis) -> bool:
    """Whether an alert's next one is to be drawn: the first so long after the issue."""
    return every_ms > 0 and now >= (issued_at if last_at is None else last_at) + every_ms
