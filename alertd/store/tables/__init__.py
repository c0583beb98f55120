"""The tables. Every time is in milliseconds; every `*_no` is local, every `id` is a UUIDv7.

Statements elsewhere use the Core tables named here, in lower case.
"""

from sqlalchemy import Table
from sqlmodel import SQLModel

from alertd.store.tables.access import Idempotency, Principal, SecondFactor, Session, Token
from alertd.store.tables.alerts import Alert, Coverage, Delivery, Event, Halt, Message, Requirement
from alertd.store.tables.alerts import DeliveryCount as DeliveryCountRow
from alertd.store.tables.answers import Ack, Answer, DigestEntry, HelpCase, HelpTold, Inbound
from alertd.store.tables.drills import Drill, DrillAlert, DrillPlan
from alertd.store.tables.paper import Sheet, SheetMark
from alertd.store.tables.readiness import DrillScore, Todo
from alertd.store.tables.record import (
    Chain,
    Departure,
    Home,
    Journal,
    KnownSetting,
    Node,
    NodeClock,
    RouteDay,
    RouteShare,
    RouteText,
    Worker,
)
from alertd.store.tables.roster import (
    Address,
    ChatGroup,
    Contact,
    Duty,
    Holding,
    Person,
    RosterVersion,
    Terminal,
    TerminalAccount,
    TerminalSecret,
    TerminalState,
    Unit,
)


def _core(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


node = _core(Node)
departure = _core(Departure)
node_clock = _core(NodeClock)
home = _core(Home)
known_setting = _core(KnownSetting)
journal = _core(Journal)
chain = _core(Chain)
worker = _core(Worker)
route_share = _core(RouteShare)
route_day = _core(RouteDay)
route_text = _core(RouteText)
roster_version = _core(RosterVersion)
unit = _core(Unit)
person = _core(Person)
duty = _core(Duty)
holding = _core(Holding)
address = _core(Address)
contact = _core(Contact)
terminal = _core(Terminal)
terminal_state = _core(TerminalState)
terminal_account = _core(TerminalAccount)
terminal_secret = _core(TerminalSecret)
chat_group = _core(ChatGroup)
event = _core(Event)
halt = _core(Halt)
alert = _core(Alert)
message = _core(Message)
requirement = _core(Requirement)
delivery = _core(Delivery)
delivery_count = _core(DeliveryCountRow)
coverage = _core(Coverage)
inbound = _core(Inbound)
ack = _core(Ack)
answer = _core(Answer)
help_case = _core(HelpCase)
help_told = _core(HelpTold)
digest_entry = _core(DigestEntry)
sheet = _core(Sheet)
sheet_mark = _core(SheetMark)
drill_plan = _core(DrillPlan)
drill = _core(Drill)
drill_alert = _core(DrillAlert)
drill_score = _core(DrillScore)
todo = _core(Todo)
principal = _core(Principal)
token = _core(Token)
session = _core(Session)
second_factor = _core(SecondFactor)
idempotency = _core(Idempotency)

metadata = SQLModel.metadata
