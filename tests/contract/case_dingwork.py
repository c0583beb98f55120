"""Work notifications to persons, by DingTalk and by its government edition."""

from typing import Any, ClassVar

from channels.base import Fault, Outgoing
from tests.contract.peer import Trouble
from tests.contract.robot_case import WEB_TROUBLES, RobotCase
from tests.contract.work_stub import (
    AGENT,
    APP_KEY,
    APP_SECRET,
    TENANT,
    DingWorkStub,
    GovWorkStub,
)


class DingWorkCase(RobotCase):
    # DingTalk is asked who has read, by the task of its answer; it sends no receipts by itself.
    name: ClassVar[str] = "dingwork"
    stub_type: ClassVar = DingWorkStub
    options: ClassVar[dict[str, Any]] = {
        "app_key": APP_KEY,
        "app_secret": APP_SECRET,
        "agent_id": AGENT,
    }
    peer: DingWorkStub
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("nobody", Fault.DEAD),
        Trouble("too-fast", Fault.THROTTLED, retry_after_s=60.0),
        Trouble("repeated", Fault.REFUSED),
        Trouble("forbidden-words", Fault.REFUSED),
        Trouble("no-rights", Fault.REFUSED),
        Trouble("busy", Fault.UNKNOWN),
    )

    def group(self, message: Outgoing) -> str:
        return message.address

    async def trouble(self, name: str | None) -> None:
        await self.route.health()  # it has a token, whatever troubles come
        await super().trouble(name)


class GovWorkCase(RobotCase):
    name: ClassVar[str] = "dingwork"
    stub_type: ClassVar = GovWorkStub
    options: ClassVar[dict[str, Any]] = {
        "app_key": APP_KEY,
        "app_secret": APP_SECRET,
        "tenant_id": TENANT,
    }
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("repeated", Fault.REFUSED),
        Trouble("denied", Fault.UNKNOWN),
    )

    def group(self, message: Outgoing) -> str:
        return message.address
