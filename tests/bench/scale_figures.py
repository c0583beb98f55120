"""What `make bench-scale` found, as figures beside their limits and promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from figures import Figure
from scale_run import Took

_TIME_GROWTH, _MEMORY_GROWTH = 11, 2
_SPEEDUP, _SPEEDUP_WORKERS = 1.7, 4
_CLIFF = 2.0
_NAMES = {"expand": "expand", "hand": "claim and settle, 1,000 at a time", "whole": "end to end"}


@dataclass(frozen=True)
class Found:
    """One measurement: `stage` of `who` (alertd or bare) at a size, by so many workers."""

    size: int
    stage: str
    who: str
    workers: int
    took: Took

    @property
    def key(self) -> tuple[int, str, str, int]:
        """What is alike is measured several times."""
        return self.size, self.stage, self.who, self.workers

    def to_dict(self) -> dict[str, Any]:
        """As it is written down."""
        what = {"size": self.size, "stage": self.stage, "who": self.who, "workers": self.workers}
        return what | self.took.to_dict()


def promises(found: Sequence[Found], peers: Mapping[str, float]) -> list[Figure]:
    """Every stage at every size, and what is promised of them together."""
    keys = sorted({each.key for each in found if each.who == "alertd"}, key=_order)
    figures = [_stage(found, key) for key in keys if key[1] in _NAMES]
    figures += _workers(found) + _growth(found) + _batches(found)
    return figures + _against(found, peers)


def _order(key: tuple[int, str, str, int]) -> tuple[int, int, int]:
    places = list(_NAMES)
    return key[0], places.index(key[1]) if key[1] in places else len(places), key[3]


def _of(found: Sequence[Found], key: tuple[int, str, str, int]) -> list[Took]:
    return [each.took for each in found if each.key == key]


def _stage(found: Sequence[Found], key: tuple[int, str, str, int]) -> Figure:
    """The ratio is the median of each round's own."""
    size, stage, _, workers = key
    ours = _of(found, key)
    bare = _of(found, (size, stage, "bare", 1 if stage == "whole" else workers))
    ratios = [a.rate / b.rate for a, b in zip(ours, bare, strict=False)]
    mine = median(took.cpu_us for took in ours)
    theirs = median(took.cpu_us for took in bare) if bare else None
    database = median(took.database_cpu_s / took.done * 1e6 for took in ours)
    against = "" if theirs is None else f" against {theirs:.1f}"
    return Figure(
        bench=f"scale ×{workers}",
        what=_NAMES[stage],
        size=size,
        ours=median(took.rate for took in ours),
        unit="/s",
        limit=median(took.rate for took in bare) if bare else None,
        ratio=median(ratios) if ratios else None,
        peak_mb=max(took.peak_mb for took in ours),
        note=f"{size:,} ×{workers}: {mine:.1f} µs of a core a delivery{against}, of it PostgreSQL"
        f" {database:.1f}; its largest process {max(took.backend_mb for took in ours):.0f} MB",
    )


def _workers(found: Sequence[Found]) -> list[Figure]:
    """Four workers against one, in the same round."""
    figures = []
    for size in sorted({each.size for each in found}):
        for stage in ("hand", "whole"):
            one = _of(found, (size, stage, "alertd", 1))
            many = _of(found, (size, stage, "alertd", _SPEEDUP_WORKERS))
            if one and many:
                figures.append(
                    Figure(
                        bench="scale",
                        what=f"{_NAMES[stage]}, four workers against one",
                        size=size,
                        ours=median(b.rate / a.rate for a, b in zip(one, many, strict=False)),
                        unit="times",
                        at_least=_SPEEDUP,
                    )
                )
    return figures


def _growth(found: Sequence[Found]) -> list[Figure]:
    """Ten times the recipients, for every number of workers."""
    figures = []
    keys = {each.key for each in found if each.who == "alertd" and each.stage in _NAMES}
    for size, stage, who, workers in sorted(keys, key=_order):
        few = _of(found, (size // 10, stage, who, workers))
        many = _of(found, (size, stage, who, workers))
        if not few:
            continue
        seconds = _median(many, "seconds") / _median(few, "seconds")
        peak = _median(many, "peak_mb") / _median(few, "peak_mb")
        what = f"{_NAMES[stage]}, ten times the recipients:"
        bench = f"scale ×{workers}"
        cpu = _median(many, "cpu_us") / _median(few, "cpu_us")
        figures += [
            Figure(
                bench=bench,
                what=f"{what} time",
                size=size,
                ours=seconds,
                unit="times",
                at_most=_TIME_GROWTH,
                note=f"{size:,} ×{workers}: processor time a delivery {cpu:.2f} times",
            ),
            Figure(
                bench=bench,
                what=f"{what} peak memory",
                size=size,
                ours=peak,
                unit="times",
                at_most=_MEMORY_GROWTH,
            ),
        ]
    return figures


def _median(took: Sequence[Took], what: str) -> float:
    return median(getattr(each, what) for each in took)


def _batches(found: Sequence[Found]) -> list[Figure]:
    """The rate may not fall as batches grow."""
    figures = []
    best = 0.0
    keys = {each.key for each in found if each.stage.startswith("batch ")}
    for key in sorted(keys, key=lambda key: int(key[1].split()[1])):
        batch = int(key[1].split()[1])
        rate = _median(_of(found, key), "rate")
        best = max(best, rate)
        figures.append(
            Figure(
                bench="scale ×1",
                what=f"claim and settle, {batch:,} at a time, no statistics",
                size=key[0],
                ours=rate,
                unit="/s",
                limit=best,
                ratio=best / rate,
                at_most=_CLIFF,
                note=f"the limit is the best of the batches up to {batch:,}",
            )
        )
    return figures


def _against(found: Sequence[Found], peers: Mapping[str, float]) -> list[Figure]:
    sizes = sorted({each.size for each in found if each.stage == "whole"})
    if not sizes:
        return []
    ours = median(t.rate for t in _of(found, (sizes[0], "whole", "alertd", 1)) or [found[0].took])
    return [
        Figure(
            bench="scale ×1",
            what=f"end to end against {name}",
            size=sizes[0],
            ours=ours,
            unit="msg/s",
            limit=rate,
            ratio=ours / rate,
        )
        for name, rate in peers.items()
    ]
