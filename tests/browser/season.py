"""A season's changes to a sample city's people file: what an office would bring in spring."""

import csv
import io
from collections import Counter
from typing import Final

_NEW: Final = (("N0001", "䶮晓峰"), ("N0002", "陈㛃"), ("N0003", "周立群"))
_PHONES: Final = ("15400000101", "15400000102", "15400000103", "15400000104")


def new_season(people: str) -> bytes:
    """The file with some new numbers, three who left, three who came, and a shelter that moved."""
    rows = list(csv.DictReader(io.StringIO(people)))
    duties = Counter(row["person_id"] for row in rows)
    single = [row for row in rows if duties[row["person_id"]] == 1]
    leaders = [row for row in single if row["post"] == "grid_leader"]
    apart = max(1, len(leaders) // 60)  # in a large city they aren't all of one community
    first = [row for row in leaders if row["rank"] == "1"][::apart]
    second = [row for row in single if row["rank"] == "2"]
    for row, phone in zip(first, _PHONES, strict=False):
        row["phone"] = phone
    first[4]["verified_at"] = first[5]["verified_at"] = "2025-10-09"
    first[5]["note"] = "台风季驻点"
    left = second[:: max(1, len(second) // len(_NEW))][: len(_NEW)]
    came = [
        {**row, "person_id": key, "name": name, "phone": f"1540000020{place}", "short_phone": ""}
        for place, (row, (key, name)) in enumerate(zip(left, _NEW, strict=True))
    ]
    for row in rows:
        if row["unit_code"] == first[6]["unit_code"]:
            row["shelter"], row["should_transfer"] = "前浦小学", "48"
    gone = {row["person_id"] for row in left}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(row for row in [*rows, *came] if row["person_id"] not in gone)
    return text.getvalue().encode()
