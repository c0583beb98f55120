"""Peers that speak Alibaba Cloud's documented APIs: SendSms and IvrCall, signed by V3.

From https://help.aliyun.com/document_detail/2593177.html (signature), …/419273.html (SendSms),
…/393521.html (IvrCall) and the pages of SmsReport, SmsUp, VoiceReport and VoiceCallReport.
"""

import hashlib
import hmac
import json
import re
import time
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from channels.sim_http import Exchange
from tests.contract.cloud_stub import BadRequestError, CloudStub, Made, percent

KEY_ID = "LTAI-test-key-id"
KEY_SECRET = "aliyun-key-secret"
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=(?P<key>[^,]+),SignedHeaders=(?P<names>[^,]+),"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_FRESH_S = 900


def verify(exchange: Exchange, nonces: set[str]) -> None:
    """Check a request's V3 signature, date and nonce, step by step as the page has them."""
    match = _AUTHORIZATION.fullmatch(exchange.headers.get("authorization", ""))
    if match is None or match["key"] != KEY_ID:
        raise BadRequestError("InvalidAccessKeyId.NotFound")
    if hashlib.sha256(exchange.body).hexdigest() != exchange.headers.get("x-acs-content-sha256"):
        raise BadRequestError("InvalidContentSha256")
    names = match["names"].split(";")
    must = {name for name in exchange.headers if name.startswith("x-acs-")} | {"host"}
    if names != sorted(names) or not must <= set(names):
        raise BadRequestError("IncompleteSignature")
    query = parse_qsl(exchange.query, keep_blank_values=True, strict_parsing=bool(exchange.query))
    canonical = "\n".join(
        [
            exchange.method,
            exchange.path or "/",
            "&".join(f"{percent(name)}={percent(value)}" for name, value in sorted(query)),
            *[f"{name}:{exchange.headers[name].strip()}" for name in names],
            "",
            match["names"],
            hashlib.sha256(exchange.body).hexdigest(),
        ]
    )
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    expected = hmac.new(KEY_SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    if expected != match["signature"]:
        raise BadRequestError("SignatureDoesNotMatch")
    made_at = datetime.fromisoformat(exchange.headers["x-acs-date"])
    if abs(made_at.timestamp() - time.time()) > _FRESH_S:
        raise BadRequestError("InvalidTimeStamp.Expired")
    nonce = exchange.headers["x-acs-signature-nonce"]
    if nonce in nonces:
        raise BadRequestError("SignatureNonceUsed")
    nonces.add(nonce)


class AliyunStub(CloudStub):
    """What both products have in common."""

    action = ""
    id_field = ""
    refusals: ClassVar[dict[str, tuple[int, str]]] = {
        "unavailable": (503, "ServiceUnavailable"),
        "too-many": (429, "Throttling.User"),
        "throttled": (400, "Throttling.User"),
        "bad-signature": (400, "SignatureDoesNotMatch"),
        "limit-of-a-number": (200, "isv.BUSINESS_LIMIT_CONTROL"),
        "no-money": (200, "isv.AMOUNT_NOT_ENOUGH"),
        "invalid-number": (200, "isv.MOBILE_NUMBER_ILLEGAL"),
        "system-error": (200, "isp.SYSTEM_ERROR"),
        "broken": (500, "InternalError"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.nonces: set[str] = set()

    def check(self, exchange: Exchange) -> bool:
        verify(exchange, self.nonces)
        if exchange.headers.get("x-acs-version") != "2017-05-25":
            raise BadRequestError("InvalidVersion")
        action = exchange.headers.get("x-acs-action")
        if action == "QuerySmsTemplateList":
            exchange.answer_json(200, {"Code": "OK", "SmsTemplateList": [], "TotalCount": 0})
            return True
        if (exchange.method, exchange.path, action) != ("POST", "/", self.action):
            raise BadRequestError("InvalidAction.NotFound")
        return False

    def accepted(self, made: Made, *, with_id: bool = True) -> Any:
        answer = {
            "Code": "OK",
            "Message": "OK",
            "RequestId": "F655A8D5-B967-440B-8683-DAD6FF8DE990",
        }
        return {**answer, self.id_field: made.id} if with_id else answer

    def refusal(self, code: str, exchange: Exchange) -> Any:
        # Its messages quote what they are about: what must not be passed on.
        phone = dict(parse_qsl(exchange.query)).get("PhoneNumbers", "")
        return {"Code": code, "Message": f"{phone} refused", "RequestId": "F655A8D5-B967-440B"}


class AliyunSmsStub(AliyunStub):
    """Dysmsapi."""

    action = "SendSms"
    id_field = "BizId"
    signatures: ClassVar[set[str]] = {"余姚市防指"}
    templates: ClassVar[dict[str, str]] = {"SMS_1000009": "${content}"}

    def take(self, exchange: Exchange) -> Made:
        given = dict(parse_qsl(exchange.query, keep_blank_values=True))
        if given["SignName"] not in self.signatures:
            raise BadRequestError("isv.SMS_SIGNATURE_ILLEGAL")
        text = filled_in(self.templates, given["TemplateCode"], given["TemplateParam"])
        if not re.fullmatch(r"1\d{10}", given["PhoneNumbers"]):
            raise BadRequestError("isv.MOBILE_NUMBER_ILLEGAL")
        return Made(
            f"9006{next(self.ids):08}^0",
            given["PhoneNumbers"],
            given["OutId"],
            f"【{given['SignName']}】{text}",
            given.get("SmsUpExtendCode", ""),
        )


class AliyunVoiceStub(AliyunStub):
    """Dyvmsapi."""

    action = "IvrCall"
    id_field = "CallId"
    templates: ClassVar[dict[str, str]] = {"TTS_1000009": "${content}"}

    def check(self, exchange: Exchange) -> bool:
        if (exchange.method, exchange.query) == ("GET", ""):
            exchange.answer_json(400, {"Code": "MissingParameter.Action"})  # as any stranger gets
            return True
        return super().check(exchange)

    def take(self, exchange: Exchange) -> Made:
        given = dict(parse_qsl(exchange.query, keep_blank_values=True))
        if len(given["OutId"].encode()) > 15 or given["PlayTimes"] not in {"1", "2", "3"}:
            raise BadRequestError("isv.INVALID_PARAMETERS")
        keys = {
            value for name, value in given.items() if re.fullmatch(r"MenuKeyMap\.\d+\.Key", name)
        }
        if not {"1", "3"} <= keys:
            raise BadRequestError("isv.INVALID_PARAMETERS")
        text = filled_in(self.templates, given["StartCode"], given["StartTtsParams"])
        return Made(f"{next(self.ids):012}^1", given["CalledNumber"], given["OutId"], text)


def filled_in(templates: dict[str, str], code: str, params: str) -> str:
    """The registered text with its variables in."""
    if code not in templates:
        raise BadRequestError("isv.SMS_TEMPLATE_ILLEGAL")
    values = json.loads(params)
    if not all(isinstance(value, str) for value in values.values()):
        raise BadRequestError("isv.INVALID_JSON_PARAM")
    return re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), templates[code])
