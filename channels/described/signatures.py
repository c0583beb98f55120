"""Signing a request, by the algorithms that clouds document. Pure: time and chance are handed in.

- `aliyun-rpc`: Alibaba Cloud's older one, HMAC-SHA1 over the sorted parameters
  (https://help.aliyun.com/document_detail/315526.html).
- `acs3-hmac-sha256`: Alibaba Cloud's V3 (https://help.aliyun.com/document_detail/2593177.html).
- `tc3-hmac-sha256`: Tencent Cloud's v3 (https://cloud.tencent.com/document/api/382/52072).
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from channels.described.description import Signing
from channels.described.digests import digest
from channels.described.places import filled

_UNRESERVED = "-_.~"


@dataclass(slots=True, kw_only=True)
class Draft:
    """A request that is being made; `host` as the Host header will say it."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    params: dict[str, str] = field(default_factory=dict, repr=False)  # of the query or of the form
    form: bool = False  # the params are the body
    body: bytes = field(default=b"", repr=False)
    encoding: str = "utf-8"

    @property
    def query(self) -> str:
        """The query as it is sent."""
        return "" if self.form else encoded(self.params, self.encoding)


def encoded(params: Mapping[str, str], encoding: str = "utf-8") -> str:
    """Parameters sorted and percent-encoded by RFC 3986, as the clouds have them signed."""
    return "&".join(
        f"{quote(name, _UNRESERVED, encoding)}={quote(value, _UNRESERVED, encoding)}"
        for name, value in sorted(params.items())
    )


def sign(
    draft: Draft,
    how: Signing,
    options: Mapping[str, str],
    values: Mapping[str, object],
    now_ms: int,
) -> None:
    """Put the signature into `draft`.

    Args:
        draft: Changed: parameters, headers, body.
        how: The algorithm, and which options hold key and secret.
        options: The route's own.
        values: What placeholders in `how.of` stand for; `nonce` is among them.
        now_ms: The time that goes into the signature.
    """
    key, secret = options.get(how.key, ""), options.get(how.secret, "")
    now = datetime.fromtimestamp(now_ms // 1000, tz=UTC)
    nonce = str(values["nonce"])
    if how.algorithm == "aliyun-rpc":
        _aliyun_rpc(draft, key, secret, now, nonce)
    if draft.form:
        draft.body = encoded(draft.params, draft.encoding).encode("ascii")
    if how.algorithm == "acs3-hmac-sha256":
        _acs3(draft, key, secret, now, nonce)
    elif how.algorithm == "tc3-hmac-sha256":
        _tc3(draft, key, secret, now, how.service)
    elif how.algorithm == "basic":
        login = base64.b64encode(f"{key}:{secret}".encode()).decode()
        draft.headers["authorization"] = f"Basic {login}"
    elif how.algorithm == "bearer":
        draft.headers["authorization"] = f"Bearer {secret}"
    elif how.algorithm == "digest":
        known = {**values, "request_body": draft.body.decode("utf-8", "surrogateescape")}
        of = str(filled(how.of, known)).encode("utf-8", "surrogateescape")
        draft.headers[how.header] = digest(how.digest, secret, of)


def _aliyun_rpc(draft: Draft, key: str, secret: str, now: datetime, nonce: str) -> None:
    draft.params = {
        "AccessKeyId": key,
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": nonce,
        "SignatureVersion": "1.0",
        "Timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        **draft.params,
    }
    text = f"{draft.method}&%2F&{quote(encoded(draft.params), _UNRESERVED)}"
    mac = hmac.digest(f"{secret}&".encode(), text.encode(), "sha1")
    draft.params["Signature"] = base64.b64encode(mac).decode()


def _acs3(draft: Draft, key: str, secret: str, now: datetime, nonce: str) -> None:
    algorithm, payload = "ACS3-HMAC-SHA256", hashlib.sha256(draft.body).hexdigest()
    draft.headers |= {
        "x-acs-date": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": payload,
    }
    names, canonical = _canonical(
        draft, payload, lambda name: name in {"host", "content-type"} or name.startswith("x-acs-")
    )
    text = f"{algorithm}\n{hashlib.sha256(canonical).hexdigest()}"
    signature = hmac.digest(secret.encode(), text.encode(), "sha256").hex()
    draft.headers["authorization"] = (
        f"{algorithm} Credential={key},SignedHeaders={names},Signature={signature}"
    )


def _tc3(draft: Draft, key: str, secret: str, now: datetime, service: str) -> None:
    algorithm, stamp = "TC3-HMAC-SHA256", str(int(now.timestamp()))
    draft.headers["x-tc-timestamp"] = stamp
    names, canonical = _canonical(
        draft,
        hashlib.sha256(draft.body).hexdigest(),
        lambda name: name in {"host", "content-type", "x-tc-action"},
    )
    scope = f"{now:%Y-%m-%d}/{service}/tc3_request"
    text = f"{algorithm}\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    mac = f"TC3{secret}".encode()
    for part in (f"{now:%Y-%m-%d}", service, "tc3_request", text):
        mac = hmac.digest(mac, part.encode(), "sha256")
    draft.headers["authorization"] = (
        f"{algorithm} Credential={key}/{scope}, SignedHeaders={names}, Signature={mac.hex()}"
    )


def _canonical(draft: Draft, payload: str, signed: Callable[[str], bool]) -> tuple[str, bytes]:
    """The signed headers' names, and the canonical request; the two clouds' are alike."""
    headers = {"host": draft.host, **draft.headers}
    chosen = {name: _signed_value(name, headers[name]) for name in sorted(headers) if signed(name)}
    names = ";".join(chosen)
    lines = "".join(f"{name}:{value}\n" for name, value in chosen.items())
    parts = (draft.method, draft.path, draft.query, lines, names, payload)
    return names, "\n".join(parts).encode()


def _signed_value(name: str, value: str) -> str:
    # Tencent signs the action's name in small letters, whatever is sent.
    return value.strip().lower() if name == "x-tc-action" else value.strip()
