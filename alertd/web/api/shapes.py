"""What the API answers with, where it isn't a read of the store as it stands."""

from typing import Any

from pydantic import BaseModel

from alertd.model import Millis


class TextPreview(BaseModel):
    """What one recipient would see or hear; parts and encoding for SMS only."""

    language: str
    channel: str
    text: str
    sms_parts: int | None
    encoding: str | None


class Finish(BaseModel):
    """When messages will have been handed over, in seconds after the issue; `most` is 90 %."""

    messages: int
    first_s: float
    most_s: float
    last_s: float
    late: int


class ForecastView(Finish):
    """A channel's forecast, whole and in parts.

    Attributes:
        groups: In the order in which they are told.
        levels: By the level of the unit that they are told for, the highest first.
        ahead: Messages of other alerts that wait for the same routes and go before the last of it.
        due_s: When the policy's first rung is taken: what comes later is `late`.
    """

    groups: dict[str, Finish]
    levels: dict[str, Finish]
    ahead: int
    due_s: float | None


class BudgetView(BaseModel):
    """Parts of SMS, their cost, and what is left of each budget that they exceed.

    `repeats`: by route, how many messages at the most can't go by it, as it doesn't take one text
    so often for one number.
    """

    parts: int
    cost: float
    short: dict[str, int]
    repeats: dict[str, int]


class Outlook(BaseModel):
    """Whom an alert would reach now, and its texts.

    Attributes:
        headcount: duties, person_duties, people, unreachable, off_duty, requirements, vacant,
            by_level, by_role, by_channel, by_precedence.
        forecast: By channel, when its messages will have been handed over, in seconds after the
            issue, with how many come later than the first rung; null where no route carries any.
            Empty for what goes to those who were told before.
        budget: What the first wave of SMS takes of the preferred routes' budgets.
        texts: By language and channel.
        sms_parts: The most that any SMS text takes.
        beside: Short codes of alerts that ask some of the same people: a bare 1 would answer
            neither. Empty for what follows another.
    """

    headcount: dict[str, int | dict[str, int]]
    forecast: dict[str, ForecastView | None]
    budget: BudgetView | None
    texts: list[TextPreview]
    sms_parts: int
    beside: list[str]
    headline: str
    expires_at: Millis | None


class Drafted(Outlook):
    """A draft as it was stored."""

    id: str
    no: int
    short_code: str
    state: str
    status: str


class State(BaseModel):
    """An alert's state after it was acted on; it goes out at `issue_at`, unless it is out."""

    id: str
    short_code: str
    state: str
    issue_at: Millis | None


class Acked(BaseModel):
    """An acknowledgement that was entered or withdrawn."""

    no: int
    alert_id: str


class AckEntered(Acked):
    """The same; `asked`: whether the alert asks anything of them that it counts for."""

    asked: bool


class Done(BaseModel):
    """A call for help that was acted on."""

    no: int


class Classified(BaseModel):
    """A reply that was read; `acks` are its acknowledgements' numbers, `ack` is the first."""

    no: int
    verdict: str
    ack: int | None
    acks: tuple[int, ...]


class SetAside(BaseModel):
    """How many old replies were put aside, and how many of them are left."""

    set_aside: int
    left: int


class FactView(BaseModel):
    """A fact of the journal; without `body` it says only that something changed."""

    key: str
    kind: str
    alert_no: int
    occurred_at: Millis
    recorded_at: Millis
    source: str | None = None
    body: dict[str, Any] | None = None
    hash: str | None = None


class Facts(BaseModel):
    """A page of facts; `cursor` goes on behind them."""

    items: list[FactView]
    cursor: str
