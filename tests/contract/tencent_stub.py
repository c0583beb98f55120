"""A peer that speaks Tencent Cloud's documented SendSms (2021-01-11), signed by TC3-HMAC-SHA256.

From https://cloud.tencent.com/document/api/382/55981 and …/52072, and the pages of its callbacks
(…/59178, …/product/382/5809).
"""

import hashlib
import hmac
import json
import re
import time
from typing import Any, ClassVar

from channels.sim_http import Exchange
from tests.contract.cloud_stub import BadRequestError, CloudStub, Made

SECRET_ID = "AKID-test-secret-id"
SECRET_KEY = "tencent-secret-key"
APP_ID = "1400006666"
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{4}-\d\d-\d\d)/sms/tc3_request, "
    r"SignedHeaders=(?P<names>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_FRESH_S = 300


def verify(exchange: Exchange) -> None:
    """Check a request's v3 signature, step by step as the page has them."""
    headers = exchange.headers
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None or match["key"] != SECRET_ID:
        raise BadRequestError("AuthFailure.SecretIdNotFound")
    stamp = int(headers["x-tc-timestamp"])
    date = time.strftime("%Y-%m-%d", time.gmtime(stamp))
    if abs(stamp - time.time()) > _FRESH_S or date != match["date"]:
        raise BadRequestError("AuthFailure.SignatureExpire")
    names = match["names"].split(";")
    if not {"content-type", "host"} <= set(names):
        raise BadRequestError("AuthFailure.SignatureFailure")
    lines = [f"{name}:{headers[name].strip().lower()}\n" for name in names]
    hashed = hashlib.sha256(exchange.body).hexdigest()
    canonical = f"POST\n/\n\n{''.join(lines)}\n{match['names']}\n{hashed}"
    to_sign = (
        f"TC3-HMAC-SHA256\n{stamp}\n{date}/sms/tc3_request\n"
        f"{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    day = _mac(b"TC3" + SECRET_KEY.encode(), date)
    signing = _mac(_mac(day, "sms"), "tc3_request")
    if _mac(signing, to_sign).hex() != match["signature"]:
        raise BadRequestError("AuthFailure.SignatureFailure")


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class TencentStub(CloudStub):
    """One SMS application. Almost all it says is in HTTP 200."""

    signatures: ClassVar[set[str]] = {"余姚市防指"}
    templates: ClassVar[dict[str, str]] = {"1110": "{1}"}
    # Those with a dot before "Sms" are the request's own, the rest are told of the one number.
    refusals: ClassVar[dict[str, tuple[int, str]]] = {
        "unavailable": (503, ""),
        "too-many": (429, "RequestLimitExceeded"),
        "throttled": (200, "RequestLimitExceeded"),
        "bad-signature": (200, "AuthFailure.SignatureFailure"),
        "limit-of-a-number": (200, "LimitExceeded.PhoneNumberDailyLimit"),
        "invalid-number": (200, "InvalidParameterValue.IncorrectPhoneNumber"),
        "unsubscribed": (200, "FailedOperation.PhoneNumberInBlacklist"),
        "system-error": (200, "InternalError.Timeout"),
        "broken": (500, "InternalError"),
    }

    def check(self, exchange: Exchange) -> bool:
        verify(exchange)
        headers = exchange.headers
        if headers["x-tc-version"] != "2021-01-11" or headers["x-tc-region"] != "ap-guangzhou":
            raise BadRequestError("InvalidParameter")
        if headers["x-tc-action"] == "DescribeSmsTemplateList":
            assert json.loads(exchange.body).keys() == {"International", "Limit", "Offset"}
            told = {"DescribeTemplateStatusSet": [], "RequestId": "a0aabda6"}
            exchange.answer_json(200, {"Response": told})
            return True
        if headers["x-tc-action"] != "SendSms":
            raise BadRequestError("InvalidAction")
        return False

    def take(self, exchange: Exchange) -> Made:
        given = json.loads(exchange.body)
        if given["SmsSdkAppId"] != APP_ID:
            raise BadRequestError("InvalidParameterValue.SdkAppIdNotExist")
        if given["SignName"] not in self.signatures or given["TemplateId"] not in self.templates:
            raise BadRequestError("FailedOperation.TemplateIncorrectOrUnapproved")
        (phone,) = given["PhoneNumberSet"]
        text = self.templates[given["TemplateId"]]
        for number, value in enumerate(given["TemplateParamSet"], start=1):
            text = text.replace(f"{{{number}}}", value)
        return Made(
            f"2640:{next(self.ids):012}",
            phone,
            given["SessionContext"],
            f"【{given['SignName']}】{text}",
            given.get("ExtendCode", ""),
        )

    def accepted(self, made: Made, *, with_id: bool = True) -> Any:
        status = {
            "SerialNo": made.id if with_id else "",
            "PhoneNumber": made.phone,
            "Fee": 1,
            "SessionContext": made.ours,
            "Code": "Ok",
            "Message": "send success",
            "IsoCode": "CN",
        }
        return {"Response": {"SendStatusSet": [status], "RequestId": "a0aabda6-cf91-4f3e"}}

    def refusal(self, code: str, exchange: Exchange) -> Any:
        given = json.loads(exchange.body)
        if not re.match(r"LimitExceeded|InvalidParameterValue\.Inc|FailedOperation", code):
            error = {"Code": code, "Message": f"refused: {given.get('PhoneNumberSet')}"}
            return {"Response": {"Error": error, "RequestId": "a0aabda6-cf91-4f3e"}}
        status = {
            "SerialNo": "",
            "PhoneNumber": given["PhoneNumberSet"][0],
            "Fee": 0,
            "SessionContext": given["SessionContext"],
            "Code": code,
            "Message": "refused",
            "IsoCode": "CN",
        }
        return {"Response": {"SendStatusSet": [status], "RequestId": "a0aabda6-cf91-4f3e"}}
