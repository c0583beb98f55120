"""WeCom's group robots, and an application's callback."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from channels.base import Fault, Hook, HookRequest
from tests.contract import envelope
from tests.contract.peer import HookSample, Trouble
from tests.contract.robot_case import WEB_TROUBLES, RobotCase
from tests.contract.robot_platforms import WeComStub

REPLY = (
    "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>"
    "<FromUserName><![CDATA[zhangsan]]></FromUserName><CreateTime>1790000000</CreateTime>"
    "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[收到 🙏 <1>]]></Content>"
    "<MsgId>4561255354251345929</MsgId><AgentID>218</AgentID></xml>"
)


class WeComCase(RobotCase):
    name: ClassVar[str] = "wecom"
    stub_type: ClassVar = WeComStub
    options: ClassVar = {
        "callback_token": envelope.TOKEN,
        "callback_key": envelope.KEY,
        "corp_id": envelope.RECEIVER,
    }
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("too-fast", Fault.BUSY, retry_after_s=60.0),
        Trouble("gone", Fault.DEAD),
        Trouble("bad-parameter", Fault.REFUSED),
        Trouble("busy", Fault.UNKNOWN),
        Trouble("news", Fault.UNKNOWN),
    )

    def hook_samples(self) -> Sequence[HookSample]:
        hook = self.hook("events")
        called = self.signed(hook, REPLY.encode())
        sealed = envelope.seal(b"1616140317555161061")
        echo = HookRequest("GET", _target(sealed, echostr=sealed), {}, b"")
        another = _body(envelope.seal(REPLY.replace("zhangsan", "lisi").encode()))
        not_ours = envelope.seal(REPLY.encode(), "another-company")
        return [
            HookSample(hook, echo, 0, forgeries=_unsigned(echo)),
            HookSample(
                hook,
                called,
                1,
                forgeries=(
                    *_unsigned(called),
                    replace(called, body=another),
                    replace(called, target=_target(not_ours), body=_body(not_ours)),
                ),
            ),
        ]

    def signed(self, hook: Hook, body: bytes) -> HookRequest:  # noqa: ARG002 - there is one
        sealed = envelope.seal(body)
        return HookRequest("POST", _target(sealed), {"content-type": "text/xml"}, _body(sealed))


def _target(sealed: str, **more: str) -> str:
    return f"/hooks/r1/events?{envelope.query(sealed, **more)}"


def _body(sealed: str) -> bytes:
    return f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt><AgentID>218</AgentID></xml>".encode()


def _unsigned(request: HookRequest) -> tuple[HookRequest, ...]:
    """The same without its signature, with another's, and with another time."""
    target = request.target
    return (
        replace(request, target=target.partition("?")[0]),
        replace(request, target=target.replace("msg_signature=", "msg_signature=0")),
        replace(request, target=target.replace("msg_signature=", "x=")),
        replace(request, target=target.replace("timestamp=1", "timestamp=2")),
        replace(request, target=f"{target}&pad=%ff"),
    )
