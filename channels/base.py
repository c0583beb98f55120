"""The contract between the engine and a gateway.

A channel is a kind of way out (`sms`, `loudspeaker`, `chat`); a route is one concrete gateway of
that kind and is what a class here implements. A route knows nothing of alerts' policies, of the
store or of the web: it turns an `Outgoing` into bytes, says how that ended, and reports what comes
back as `Event` values. Times are integers: milliseconds since the Unix epoch, UTC.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class ChannelKind(StrEnum):
    """The kinds of way out."""

    SMS = "sms"
    LOUDSPEAKER = "loudspeaker"
    CHAT = "chat"
    VOICE = "voice"  # a call that speaks
    MAIL = "mail"
    PAPER = "paper"  # a notice on a board


class Fault(StrEnum):
    """What a failed hand-over means for the next try; the engine decides by this alone."""

    RETRY = "retry"  # not handed over; the same route may be tried again
    THROTTLED = "throttled"  # not handed over; the route as a whole must slow down
    BUSY = "busy"  # not handed over; this recipient's own gateway must be left alone for a while
    AWAY = "away"  # not handed over; the gateway isn't there: the route waits until it is back
    REFUSED = "refused"  # not handed over; not by this route (content, rights), another may do
    DEAD = "dead"  # not handed over; the address doesn't exist or can't receive, by any route
    OPTED_OUT = "opted-out"  # not handed over; they asked this gateway to be left alone
    UNKNOWN = "unknown"  # nobody can tell: it may or may not have been handed over


class SendError(Exception):
    """A hand-over that didn't succeed, or may not have.

    Args:
        fault: What it means for the next try.
        code: A short stable word for logs and reports, e.g. `http-503`, `twilio-21211`, `timeout`.
        retry_after_s: The gateway's own word on when to come back, or None.

    Neither the code nor the text ever holds an address or a message's text.
    """

    def __init__(self, fault: Fault, code: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{fault}: {code}")
        self.fault = fault
        self.code = code
        self.retry_after_s = retry_after_s


# Nobody changes one of the next three; but freezing makes the making of one, millions of times,
# four times as dear.
@dataclass(slots=True, kw_only=True)
class Outgoing:
    """One message for one contact, rendered. The address, secret and text stay out of any repr."""

    delivery: int  # the node's own number for it; (delivery, attempt) names this try
    attempt: int  # 1, 2…
    address: str = field(repr=False)  # E.164 phone, terminal id, or webhook URL
    secret: str | None = field(default=None, repr=False)  # a chat group's signing secret
    text: str = field(repr=False)  # as shown or spoken, signature and 【演练】 included
    mentions: Sequence[str] = field(default=(), repr=False)  # E.164 phones to @ in a chat group
    language: str = "zh-CN"
    alert: str  # the alert's id, 32 hex digits
    short_code: str  # e.g. A7; "" where the message isn't about one alert
    kind: str  # alert, reminder, digest, confirmation, correction…
    status: str  # CAP status: Actual, Exercise, Test
    severity: int  # 1 Extreme … 4 Minor
    created_at: int  # ms
    expires_at: int  # ms; nothing is played or sent after it
    possible_duplicate: bool = False
    stop: bool = False  # a loudspeaker stops playing this alert instead
    # Alerts that it ends, ids like `alert`: with `stop` further ones, else those it replaces.
    stops: Sequence[str] = ()
    stops_until: int = 0  # ms; when the last of what it ends would be over by itself
    template: str = ""  # pre-registered template's name, for gateways without free text
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    # The alert as a document, CAP XML, for gateways that carry one: file name and content.
    attachment: tuple[str, bytes] | None = field(default=None, repr=False)


@dataclass(slots=True)
class Accepted:
    """The gateway took responsibility; `delivered` where its answer already proves arrival.

    `by_hand`: nothing left; it is on a list, for somebody to do.
    """

    reference: str | None
    delivered: bool = False
    by_hand: bool = False


@dataclass(slots=True)
class Outcome:
    """How one try ended."""

    delivery: int
    attempt: int
    result: Accepted | SendError


class ReceiptStatus(StrEnum):
    """What a gateway, or the terminal itself, said later."""

    ACCEPTED = "accepted"  # the gateway has it: resolves a lost answer
    DELIVERED = "delivered"  # arrived at the handset, terminal or group
    PLAYED = "played"  # a loudspeaker played it, `detail` says n of m
    INTERRUPTED = "interrupted"  # a loudspeaker broke off
    FAILED = "failed"  # won't arrive by this try


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A later word on one try, named by our own numbers that the gateway carried for us."""

    delivery: int
    attempt: int
    status: ReceiptStatus
    fault: Fault | None = None  # with FAILED
    code: str = ""  # the gateway's reason
    detail: str = ""  # e.g. 2/3
    reference: str = ""
    occurred_at: int | None = None  # ms by the sender's clock, where it told


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A text that came back from a phone or a chat group."""

    gateway_id: str  # the gateway's own id of it: deduplication key within the route
    sender: str = field(repr=False)  # E.164 where it could be read, else as given
    text: str = field(repr=False)
    extension: str = ""  # the sender extension (扩展码) it was sent to
    answers: int = 0  # our delivery that it is an answer to, where the gateway knows; else 0
    occurred_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A loudspeaker came, went, or told how it is."""

    terminal: str
    online: bool
    fault: str = ""
    occurred_at: int | None = None


Event = Receipt | Reply | Presence


class Sink(Protocol):
    """Where a route hands what came back; returns once it is committed, or raises."""

    async def __call__(self, route: str, events: Sequence[Event]) -> None:
        """Store `events` from `route`; only after it returns may the gateway be answered."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """An HTTP request at an inbound hook, unparsed."""

    method: str
    target: str  # path and query as received, from the first "/"
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the gateway is answered once the events are committed."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class HookRefusedError(Exception):
    """The request isn't from the gateway, or can't be read; `status` is 400, 401, 403 or 413."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Hook:
    """An inbound route that a gateway calls; the web mounts it at `/hooks/{route}/{name}`.

    `read` verifies and parses, without I/O: it returns the events and the answer to give after
    they are committed, or raises HookRefusedError.
    """

    name: str
    read: Callable[[HookRequest], tuple[Sequence[Event], HookAnswer]]
    methods: tuple[str, ...] = ("POST",)
    max_body_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a route can take; the engine never exceeds it."""

    in_flight: int = 50
    rate_per_s: float = 50.0
    burst: int = 50
    timeout_s: float = 15.0  # past it a try is UNKNOWN
    parts_per_min: float | None = None  # of SMS, where that bounds it
    parts_per_day: int | None = None  # of SMS
    cost_per_part: float = 0.0
    cost_per_day: float | None = None
    same_text_per_day: int | None = None  # to one number
    shares: int = 8  # parts that workers may divide these among them


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """One `[routes.NAME]` table of the settings, read."""

    name: str
    type: str  # a registry key: handsets, twilio, mqtt, webhook
    carries: frozenset[str] = frozenset({"Actual", "Exercise", "Test"})
    simulated: bool = False  # reaches nobody real
    numbers: tuple[str, ...] = ()  # beginnings of the phones that it reaches; none: all
    rank: int = 1  # the lowest of a channel is preferred
    limits: Limits = field(default_factory=Limits)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteContext:
    """What bootstrap gives every route."""

    now: Callable[[], int]  # ms since the epoch
    sink: Sink
    public_base_url: str  # as gateways see us; hook URLs are built and verified against it

    def hook_url(self, route: str, hook: str) -> str:
        """The URL that a gateway calls for `hook` of `route`."""
        return f"{self.public_base_url.rstrip('/')}/hooks/{route}/{hook}"


@dataclass(frozen=True, slots=True)
class Health:
    """How a route is, for doctor, /readyz and the channel strip."""

    ok: bool
    detail: str  # one English sentence without addresses or secrets


class Channel(Protocol):
    """A route. Nothing it does may raise out of `send_many`: every message gets its Outcome."""

    config: RouteConfig
    kind: ChannelKind

    async def start(self) -> None:
        """Open connections; returns even if the gateway is away (it reconnects by itself)."""

    async def close(self) -> None:
        """End; tries in flight end as Outcomes first, UNKNOWN where nobody can tell."""

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Hand over; yields one Outcome a message, each as soon as it is known."""

    def hooks(self) -> Sequence[Hook]:
        """Inbound routes to mount; empty where there are none."""

    async def health(self) -> Health:
        """Ask the gateway how it is, within two seconds."""


@runtime_checkable
class Correctable(Protocol):
    """A route that can stop what is under way (a loudspeaker playing)."""

    can_stop: bool


@runtime_checkable
class Traceable(Protocol):
    """A route that can ask its gateway what became of a try whose answer was lost."""

    async def look_up(self, message: Outgoing, since: int) -> Receipt | None:
        """Ask for the try that `message` names, begun at `since` (ms).

        Returns:
            The gateway's word on it; None where that can't be had. None doesn't prove that the
            gateway hasn't got it: it may list a message late.
        """


class UnderWay(set["asyncio.Task[Accepted]"]):
    """The tries of one route that haven't ended; its `close` ends them through here."""

    async def end(self) -> None:
        """Cancel every try and wait until each has become an Outcome (UNKNOWN)."""
        tasks = list(self)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


Send = Callable[[Outgoing], Coroutine[Any, Any, Accepted]]
"""Hands one message over, or raises SendError."""


async def each(
    messages: Sequence[Outgoing],
    send: Send,
    timeout_s: float,
    under_way: UnderWay | None = None,
) -> AsyncIterator[Outcome]:
    """Send every message by itself, at once, and yield each Outcome as soon as it is known.

    The engine bounds how many are handed over; here nothing waits for a neighbour. A timeout,
    a cancellation and an error nobody foresaw are all UNKNOWN: the bytes may have left.

    Args:
        messages: What to send.
        send: Hands one over, or raises SendError.
        timeout_s: Past it, counted from the call, a try is UNKNOWN.
        under_way: Where the tries are kept while they run, so that the route's `close` can end
            them.
    """
    ended: deque[Outcome] = deque()
    came = asyncio.Event()
    running = UnderWay() if under_way is None else under_way
    tasks: dict[asyncio.Task[Accepted], Outgoing] = {}
    overdue = False

    def settle(task: asyncio.Task[Accepted]) -> None:
        # A callback, not an `except` inside the task: a task that is cancelled before its first
        # step never runs its own code, and would leave its message without an outcome.
        running.discard(task)
        message = tasks.pop(task)
        ended.append(Outcome(message.delivery, message.attempt, _ending(task, overdue=overdue)))
        came.set()

    def give_up() -> None:
        nonlocal overdue
        overdue = True
        for task in list(tasks):
            task.cancel()

    loop = asyncio.get_running_loop()
    for message in messages:
        task = loop.create_task(send(message), name="try")  # a name for each takes time to write
        tasks[task] = message
        running.add(task)
        task.add_done_callback(settle)
    # All begin together, so one timer serves them all.
    timer = loop.call_later(timeout_s, give_up)
    try:
        for _ in messages:
            if not ended:
                came.clear()
                await came.wait()
            yield ended.popleft()
    finally:
        timer.cancel()
        for task in list(tasks):
            task.cancel()


def _ending(task: "asyncio.Task[Accepted]", *, overdue: bool) -> Accepted | SendError:
    if task.cancelled():
        return SendError(Fault.UNKNOWN, "timeout" if overdue else "closed-in-flight")
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, SendError):
        return error
    if isinstance(error, TimeoutError):
        return SendError(Fault.UNKNOWN, "timeout")
    # A defect in an adapter must not lose a message; its text may hold an address, its type not.
    return SendError(Fault.UNKNOWN, f"defect-{type(error).__name__}")
