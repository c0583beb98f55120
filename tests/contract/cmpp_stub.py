"""A peer with the small HTTP protocol that `config/gateways/cmpp-http.toml` describes.

A form to /sms/submit, signed by MD5 of account, MD5 of the password, and time; an answer of one
line; receipts and uplinks as forms, signed by MD5 of their parts.
"""

import hashlib
import time
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from channels.sim_http import Exchange
from tests.contract.cloud_stub import BadRequestError, CloudStub, Made

ACCOUNT = "yuyao"
PASSWORD = "cmpp-password"


def md5(*parts: str) -> str:
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


class CmppStub(CloudStub):
    """One account."""

    refusals: ClassVar[dict[str, tuple[int, str]]] = {
        "unavailable": (503, ""),
        "too-many": (429, ""),
        "throttled": (200, "8"),
        "bad-signature": (403, "4"),
        "limit-of-a-number": (200, "9"),
        "invalid-number": (200, "13"),
        "system-error": (200, "77"),
        "broken": (500, ""),
    }

    def encoded(self, value: Any) -> bytes:
        return f"{value}\r\n".encode()

    def check(self, exchange: Exchange) -> bool:
        if (exchange.method, exchange.path) != ("POST", "/sms/submit"):
            exchange.answer(404, b"no such page")
            return True
        given = dict(parse_qsl(exchange.body.decode("ascii"), strict_parsing=True))
        if abs(int(given["ts"]) - time.time()) > 300 or given["account"] != ACCOUNT:
            raise BadRequestError("4")
        if given["sign"] != md5(ACCOUNT, md5(PASSWORD), given["ts"]):
            raise BadRequestError("4")
        return False

    def take(self, exchange: Exchange) -> Made:
        given = dict(parse_qsl(exchange.body.decode("ascii"), strict_parsing=True))
        number = f"M{next(self.ids)}"
        return Made(number, given["mobile"], given["seq"], given["content"], given["src_id"])

    def accepted(self, made: Made, *, with_id: bool = True) -> Any:
        return f"0,{made.id}" if with_id else "0"

    def refusal(self, code: str, exchange: Exchange) -> Any:  # noqa: ARG002 - its words say no more
        return code
