"""`python -m tests.contract.cloud_peer aliyun-sms`: a provider's stub, to try a route by hand.

It prints the route's settings and what it takes; with `--hooks http://…/hooks/ROUTE` it reports
that everything arrived, and answers 1 to everything.
"""

import argparse
import asyncio
import json
import time
from typing import Any

from tests.contract.case_clouds import AliyunSmsCase, CloudCase, TencentSmsCase, VoiceCase
from tests.contract.cloud_stub import HOOK_SECRET, Made, post

_CASES = {case.name: case for case in (AliyunSmsCase, TencentSmsCase, VoiceCase)}


def pushes(name: str, made: Made) -> list[tuple[str, Any]]:
    """What the provider would push about a message that arrived and was answered."""
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600))
    phone = made.phone.removeprefix("+86")
    if name == "aliyun-sms":
        arrived = {"out_id": made.ours, "biz_id": made.id, "success": True, "report_time": now}
        reply = {"phone_number": phone, "content": "1", "sequence_id": made.id, "send_time": now}
        return [("receipts", [arrived]), ("replies", [reply])]
    if name == "tencent-sms":
        arrived = {"ext": made.ours, "sid": made.id, "report_status": "SUCCESS"}
        reply = {"nationcode": "86", "mobile": phone, "text": "1", "time": int(time.time())}
        return [("receipts", [arrived]), ("replies", reply)]
    call = {"out_id": made.ours, "call_id": made.id, "callee": phone, "end_time": now}
    return [("calls", [{**call, "status_code": "200000", "duration": "20", "dtmf": "1"}])]


def toml(value: Any) -> str:
    """A text, a list or a table as TOML has it in one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)} = {toml(v)}' for k, v in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


async def serve(case: type[CloudCase], port: int, hooks: str | None) -> None:
    """Take messages until the process is ended."""
    peer = case.stub()
    peer.port = port
    under_way: set[asyncio.Task[None]] = set()

    async def push(made: Made) -> None:
        for hook, value in pushes(case.name, made):
            body = json.dumps(value, ensure_ascii=False).encode()
            status, _ = await post(f"{hooks}/{hook}?key={HOOK_SECRET}", body)
            print(f"  {hook}: {status}", flush=True)

    def accepted(made: Made, **more: Any) -> Any:
        print(made, flush=True)
        if hooks is not None:
            task = asyncio.create_task(push(made))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        return answer(made, **more)

    answer = peer.accepted
    peer.accepted = accepted  # type: ignore[method-assign]
    await peer.start()
    options = {**case.options, "hook_secret": HOOK_SECRET, "url": f"http://127.0.0.1:{peer.port}"}
    for option, value in {"type": "http", **options}.items():
        print(f"{option} = {toml(value)}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(_CASES))
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--hooks", help="e.g. http://127.0.0.1:8730/hooks/clouds")
    given = parser.parse_args()
    asyncio.run(serve(_CASES[given.name], given.port, given.hooks))
