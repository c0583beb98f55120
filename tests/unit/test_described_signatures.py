"""Signatures against the worked examples that the providers' own documentation prints."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.described.description import Signing
from channels.described.digests import digest, same
from channels.described.signatures import Draft, sign

OPTIONS = {"id": "the-id", "secret": "the-secret"}


def signed(draft: Draft, how: dict[str, Any], at: datetime, **options: str) -> Draft:
    values = {"nonce": options.pop("nonce", "n-1"), "timestamp": int(at.timestamp())}
    now_ms = int(at.timestamp() * 1000)
    sign(draft, Signing(key="id", secret="secret", **how), OPTIONS | options, values, now_ms)
    return draft


def test_tencents_example() -> None:
    """DescribeInstances, of https://cloud.tencent.com/document/api/362/4208."""
    body = (
        rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    )
    made = signed(
        Draft(
            method="POST",
            host="cvm.tencentcloudapi.com",
            path="/",
            headers={"content-type": "application/json; charset=utf-8"},
            body=body,
        ),
        {"algorithm": "tc3-hmac-sha256", "service": "cvm"},
        datetime.fromtimestamp(1551113065, tz=UTC),
        id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        secret="Gu5t9xGARNpq86cd98joQYCN3*******",
    )
    assert made.headers["authorization"] == (
        "TC3-HMAC-SHA256 "
        "Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"
    )
    assert made.headers["x-tc-timestamp"] == "1551113065"


def test_alibabas_v3_example() -> None:
    """RunInstances, of https://help.aliyun.com/document_detail/2593177.html."""
    image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
    made = signed(
        Draft(
            method="POST",
            host="ecs.cn-shanghai.aliyuncs.com",
            path="/",
            headers={"x-acs-action": "RunInstances", "x-acs-version": "2014-05-26"},
            params={"ImageId": image, "RegionId": "cn-shanghai"},
        ),
        {"algorithm": "acs3-hmac-sha256"},
        datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
        id="YourAccessKeyId",
        secret="YourAccessKeySecret",
        nonce="3156853299f313e23d1673dc12e1703d",
    )
    assert made.headers["authorization"].endswith(
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;"
        "x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_alibabas_rpc_example() -> None:
    """SendSms, as the SMS service's page on HTTP and signatures printed it."""
    made = signed(
        Draft(
            method="GET",
            host="dysmsapi.aliyuncs.com",
            path="/",
            headers={},
            params={
                "Action": "SendSms",
                "Format": "XML",
                "OutId": "123",
                "PhoneNumbers": "15300000001",
                "RegionId": "cn-hangzhou",
                "SignName": "阿里云短信测试专用",
                "TemplateCode": "SMS_71390007",
                "TemplateParam": '{"customer":"test"}',
                "Version": "2017-05-25",
            },
        ),
        {"algorithm": "aliyun-rpc"},
        datetime(2017, 7, 12, 2, 42, 19, tzinfo=UTC),
        id="testId",
        secret="testSecret",
        nonce="45e25e9b-0a6f-4070-8c85-2956eda1b466",
    )
    assert made.params["Signature"] == "zJDF+Lrzhj/ThnlvIToysFRq6t4="


def plain(**more: Any) -> Draft:
    return Draft(method="POST", host="h", path="/", headers={}, **more)


def test_basic_and_bearer() -> None:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    login = signed(plain(), {"algorithm": "basic"}, at).headers["authorization"]
    assert base64.b64decode(login.removeprefix("Basic ")) == b"the-id:the-secret"
    token = signed(plain(), {"algorithm": "bearer"}, at).headers["authorization"]
    assert token == "Bearer the-secret"


def test_a_digest_over_chosen_parts_and_the_body() -> None:
    how = {
        "algorithm": "digest",
        "digest": "hmac-sha256-base64",
        "header": "x-sign",
        "of": "{timestamp}\n{request_body}",
    }
    at = datetime(2026, 11, 26, tzinfo=UTC)
    made = signed(plain(body="收到".encode()), how, at)
    text = f"{int(at.timestamp())}\n收到".encode()
    expected = hmac.new(b"the-secret", text, hashlib.sha256).digest()
    assert made.headers["x-sign"] == base64.b64encode(expected).decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", "abc"),
        ("md5-hex", "900150983cd24fb0d6963f7d28e17f72"),
        ("md5-hex-upper", "900150983CD24FB0D6963F7D28E17F72"),
        ("sha1-hex", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "sha256-hex",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        ("hmac-md5-hex", "d2fe98063f876b03193afb49b4979591"),
        ("hmac-sha1-hex", "4fd0b215276ef12f2b3e4c8ecac2811498b656fc"),
        ("hmac-sha1-base64", "T9CyFSdu8S8rPkyOysKBFJi2Vvw="),
        (
            "hmac-sha256-hex",
            "9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab",
        ),
        ("hmac-sha256-base64", "nBluMtwBdfhvSxy4konWYZ3mvuaZ5MN45oMJ7Zehpqs="),
    ],
)
def test_digests(name: Any, expected: str) -> None:
    """The plain ones are of RFC 1321 and FIPS 180; the HMACs are what openssl says, under `key`."""
    assert digest(name, "key", b"abc") == expected
    assert same(name, expected, expected)
    assert not same(name, expected, expected[:-1])
    assert not same(name, expected, "")
    assert same(name, expected, expected.upper()) == ("-hex" in name)
