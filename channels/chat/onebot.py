"""QQ groups by a OneBot 11 implementation (NapCat, Lagrange, …) of the city's own.

The address is `BASE/send_group_msg?group_id=NUMBER`, BASE being the option `base_url`; the
implementation's access token is the option `access_token`, or the group's secret, which wins.
Nobody can be mentioned: QQ takes its own numbers only. From https://github.com/botuniverse/onebot-11.

QQ has no robots for such groups: the account may be blocked at any time, so it is never the only
way to anybody.

Options: `base_url`, `access_token`, and what answers need, see `onebot_hooks`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from alertd.i18n import N_
from channels import options
from channels.base import Accepted, Fault, Health, Hook, RouteConfig, RouteContext, SendError
from channels.chat.answers import fault_of_answer, is_success, json_object, refused
from channels.chat.onebot_hooks import HOOK_OPTIONS, configured_hook
from channels.chat.robots import Dialect, Letter, RobotRoute, Sheet
from channels.hook_reading import digits, whole
from channels.http_web import WebAnswer

_ASYNC = 1
_NOT_THIS = frozenset({1400, 1401, 1403, 1404})  # as the HTTP statuses that they are made of


class OneBotRoute(RobotRoute):
    """Every group that the account is in."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, HOOK_OPTIONS | {"base_url", "access_token"})
        options.text(config, "base_url")  # there is no public one
        token = None
        if config.options.get("access_token") is not None:
            token = options.header_text(config, "access_token")
        dialect = replace(
            _DIALECT,
            letter=lambda sheet: _letter(sheet, token),
            probe_headers=_login(token),
        )
        super().__init__(config, context, dialect)
        self._hook = configured_hook(config)

    def hooks(self) -> Sequence[Hook]:
        """What people say in the groups, where it is configured."""
        return (self._hook,) if self._hook else ()


def _login(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def _letter(sheet: Sheet, token: str | None) -> Letter:
    group = digits(sheet.query.get("group_id"), least=1)
    if group is None:
        raise SendError(Fault.DEAD, "bad-url")
    secret = sheet.secret or token
    if secret and not (secret.isascii() and secret.isprintable()):
        raise refused("bad-secret")
    # As segments: in a plain string, brackets would be read as codes.
    message = [{"type": "text", "data": {"text": sheet.text}}]
    return Letter(body={"group_id": group, "message": message}, headers=_login(secret))


def _judge(answer: WebAnswer, now_ms: int) -> Accepted:
    fault = fault_of_answer(answer, now_ms)
    found = json_object(answer.body)
    status, code = found.get("status"), whole(found.get("retcode"))
    if status in {"ok", "async"} and code in {0, _ASYNC}:
        if fault is not None:
            raise SendError(Fault.UNKNOWN, "contradictory-answer")
        data = found.get("data")
        number = data.get("message_id") if isinstance(data, dict) else None
        reference = str(number) if isinstance(number, int) else None
        return Accepted(reference, delivered=status == "ok" and code == 0)
    if fault is not None:
        raise fault
    if status != "failed" or code is None:
        raise SendError(Fault.UNKNOWN, "malformed-answer")
    if found.get("msg") == "GROUP_NOT_FOUND":
        raise SendError(Fault.DEAD, "onebot-group-not-found")
    if code in _NOT_THIS:
        raise refused(f"onebot-{code}")
    # The rest are the implementation's own; some are timeouts of messages that did go out.
    raise SendError(Fault.UNKNOWN, f"onebot-{min(code, 10**6)}")


_DOWN = N_("OneBot answers http-{status}.")


def _probed(answer: WebAnswer) -> Health | None:
    if not is_success(answer):
        return Health(ok=False, detail=_DOWN.format(status=answer.status))
    data = json_object(answer.body).get("data")
    if not (isinstance(data, dict) and data.get("online") is True):
        return Health(ok=False, detail=N_("OneBot answers, but its QQ account isn't online."))
    return Health(ok=True, detail=N_("OneBot answers, and its QQ account is online."))


_DIALECT = Dialect(
    service="OneBot",
    public_url="http://127.0.0.1:5700",
    path=re.compile(r"/send_group_msg/?"),
    most_bytes=3_000,  # QQ itself names no limit; longer ones are known to vanish
    windows=(),  # nor a rate: the route's own `rate_per_s` is the bound
    letter=lambda sheet: _letter(sheet, None),
    judge=_judge,
    probe="/get_status",
    probed=_probed,
)
