"""Facts of one alert told by hand, for figures that are worked out beside them."""

from collections.abc import Mapping
from typing import Any

from alertd.lanes import lane_of
from alertd.model import (
    ALERT_SHIFT,
    Channel,
    DeliveryState,
    Fact,
    Played,
    Policy,
    RecipientKind,
    Recorded,
    Stage,
    StageRule,
    Status,
    requirement_no,
)
from alertd.report.figures import Figures, figures

ALERT = 5
BASE = ALERT << ALERT_SHIFT
ISSUED = 1_000_000
S = DeliveryState
GRID, COMMUNITY = 40, 30


class Story:
    """Facts in the order in which they are told."""

    def __init__(self) -> None:
        self.rows: list[Recorded] = []

    def tell(
        self, kind: str, body: Mapping[str, Any], *, at: int = ISSUED, alert_no: int = ALERT
    ) -> None:
        fact = Fact(kind=kind, occurred_at=at, body=body, alert_no=alert_no)
        seq = len(self.rows) + 1
        self.rows.append(
            Recorded(
                fact=fact,
                node="n",
                writer=1,
                seq=seq,
                turn=seq,
                recorded_at=at,
                prev_hash=b"",
                hash=bytes([seq]),
            )
        )

    def draft(self, *, alert_no: int = ALERT, **changes: Any) -> None:
        body = {
            "id": "ab" * 16,
            "status": int(Status.ACTUAL),
            "purpose": "alert",
            "short_code": "A5",
            "colour": "red",
            "severity": 1,
            "headline": "台风红色预警",
            "policy": POLICY.to_dict(),
            "selection": {"simulated": False},
            "references_no": None,
        }
        self.tell("alert.drafted", body | changes, at=ISSUED - 90_000, alert_no=alert_no)

    def issue(self, *, alert_no: int = ALERT, at: int = ISSUED) -> None:
        approval = {"by": "00", "issue_at": at, "break_glass": False}
        self.tell("alert.approved", approval, at=at - 30_000, alert_no=alert_no)
        issued = {"roster_version": 3, "roster_digest": "d" * 64, "message": {}}
        self.tell("alert.issued", issued, at=at, alert_no=alert_no)

    def select(
        self, first: int, made: list[list[int]], asked: list[list[int]] | None = None, **more: Any
    ) -> None:
        body = {"phase": "x", "first": BASE + first, "asked": asked or [], "made": made}
        self.tell("alert.selected", body | more)

    def claim(self, channel: Channel, *places: int, attempt: int = 1) -> None:
        items = [[BASE + place, attempt] for place in places]
        counts = [[ALERT, int(channel), int(S.PENDING), -len(places)]]
        self.tell("claimed", {"items": items, "counts": counts, "counter": 0}, alert_no=0)

    def settle(
        self,
        *places: int,
        state: S,
        reason: str = "r",
        duplicate: int = 0,
        after_ms: int = 0,
        channel: Channel | None = None,
    ) -> None:
        items = [[BASE + p, 1, int(state), None, reason, None, duplicate, None] for p in places]
        counts = [[ALERT, int(channel), int(state), len(places)]] if channel else []
        body = {"items": items, "counts": counts}
        if reason == "no-such-number":
            body["dead"] = [BASE + place for place in places]
        self.tell("settled", body, at=ISSUED + after_ms, alert_no=0)

    def receipt(self, place: int, state: S, played: Played = Played.SILENT) -> None:
        item = [BASE + place, 1, "x", int(state), None, int(played), "r", ""]
        self.tell("receipts", {"items": [item], "counts": []}, alert_no=0)

    def told(
        self,
        first: int,
        kind: str,
        persons: list[int],
        *,
        priority: int = 1,
        same_as: int = 0,
        channel: Channel = Channel.SMS,
    ) -> None:
        """Further messages; `same_as`: the person's first one, by another number of theirs."""
        lane = lane_of(channel, Status.ACTUAL)
        to = int(RecipientKind.GROUP if channel is Channel.CHAT else RecipientKind.PERSON)
        rows = [[BASE + first + i, 1, to, p, 9, lane, priority] for i, p in enumerate(persons)]
        more = {"first": BASE + same_as} if same_as else {}
        self.tell("told", {"message": {"kind": kind}, "deliveries": rows, **more})

    def ack(self, no: int, person: int, duties: list[int], *, after_s: float, **more: Any) -> None:
        stages = more.pop("stages", [Stage.RECEIVED])
        units = more.pop("units", [101, GRID, COMMUNITY, 1])
        more["duties"] = more.pop("named", None)  # duties that it names; None: all of the person's
        body = {
            "no": no,
            "person_no": person,
            "kind": "received",
            "count": None,
            "of": None,
            "via": "sms",
            "grade": "own",
            "late": False,
            "answers": [[requirement_no(ALERT, s, d), units] for s in stages for d in duties],
        }
        self.tell("acked", body | more, at=ISSUED + round(after_s * 1000))

    def figures(self) -> Figures:
        return figures(iter(self.rows), alert_no=ALERT)


POLICY = Policy(
    name="red",
    stages=(
        StageRule(stage=Stage.RECEIVED, due_min=1),
        StageRule(stage=Stage.DONE, due_min=60, start_min=5),
    ),
)
