"""Incoming webhooks as Slack has them."""

from typing import ClassVar

from channels.base import Fault
from tests.contract.peer import Trouble
from tests.contract.robot_case import WEB_TROUBLES, RobotCase
from tests.contract.robot_platforms import SlackStub


class SlackCase(RobotCase):
    name: ClassVar[str] = "slack"
    stub_type: ClassVar = SlackStub
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("no-service", Fault.DEAD),
        Trouble("archived", Fault.DEAD),
        Trouble("prohibited", Fault.REFUSED),
        Trouble("bad-payload", Fault.REFUSED),
        Trouble("not-ok", Fault.REFUSED),
    )
