"""Addresses, texts and secrets are in no repr, log line or error text."""

import logging
import traceback
from pathlib import Path

import pytest

from channels.base import HookRefusedError, Outcome, SendError
from tests.contract.peer import Case
from tests.contract.test_send import SHORT_S


async def test_nothing_private_is_ever_said(
    case_class: type[Case], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with case_class.open(tmp_path, timeout_s=SHORT_S) as case:
        message = case.message(1)
        said += [repr(message), repr(case.route), repr(case.route.config)]
        for name in [None, *[trouble.name for trouble in case_class.troubles]]:
            await case.trouble(name)
            said += [told(outcome) async for outcome in case.route.send_many([message])]
        await case.trouble(None)
        await case.hold(message)
        said += [told(outcome) async for outcome in case.route.send_many([message])]
        for sample in case.hook_samples():
            said += [repr(sample.hook), repr(sample.hook.read(sample.request))]
            with pytest.raises(HookRefusedError) as refused:
                sample.hook.read(case.signed(sample.hook, b"\xff{"))
            said.append("".join(traceback.format_exception(refused.value)))
        await case.leave()
        said += [told(outcome) async for outcome in case.route.send_many([message])]
        said.append(repr(await case.route.health()))
        private = [message.address, message.address.lstrip("+"), message.text, *case.secrets]
    said.append(caplog.text)
    everything = "\n".join(said)
    for word in private:
        assert word not in everything


def told(outcome: Outcome) -> str:
    """All that somebody who logs an outcome with its traceback would write."""
    lines = [repr(outcome), str(outcome.result)]
    if isinstance(outcome.result, SendError):
        lines += traceback.format_exception(outcome.result)
    return "\n".join(lines)
