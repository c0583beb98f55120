"""Sign-in by an identity provider of the office's own: OpenID Connect, the code flow with PKCE.

The provider says who somebody is; what they may is alertd's own (engine.authority): nobody is let
in who isn't a user here. joserfc, an optional extra, checks the provider's signature.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from alertd.errors import NotConfiguredError, UnauthenticatedError, UnavailableError
from alertd.model import Millis
from alertd.web.deps import Deps
from alertd.web.standing import standing_of

COOKIE: Final = "alertd_oidc"
LASTS_S: Final = 600  # how long somebody may take at the provider's
BACK: Final = "/oidc/back"
_CONTEXT: Final = "oidc"
_TIMEOUT_S: Final = 10.0
_SKEW_S: Final = 120
_SCOPE: Final = "openid profile"


@dataclass(frozen=True, slots=True)
class Journey:
    """Somebody on the way to the provider and back; sealed in a cookie meanwhile.

    Args:
        state: Comes back unchanged: the answer is to this question.
        nonce: Comes back inside the signed token: the token is of this journey.
        verifier: Only who began can redeem the code (PKCE).
        to: The page that they wanted.
        until: When it is over, ms.
    """

    state: str
    nonce: str
    verifier: str
    to: str
    until: Millis


@dataclass(slots=True)
class Provider:
    """The provider, as its own description has it; asked once and kept."""

    deps: Deps
    _found: dict[str, Any] = field(default_factory=dict)

    def begin(self, to: str) -> Journey:
        """A new journey."""
        state, nonce, verifier = (_text(self.deps.token_bytes(32)) for _ in range(3))
        until = self.deps.now() + LASTS_S * 1000
        return Journey(state=state, nonce=nonce, verifier=verifier, to=to, until=until)

    async def address(self, journey: Journey) -> str:
        """Where the browser goes."""
        challenge = _text(hashlib.sha256(journey.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.deps.settings.oidc_client_id,
            "redirect_uri": self._back,
            "scope": _SCOPE,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        found = await self._description()
        return f"{found['authorization_endpoint']}?{urlencode(query)}"

    def seal(self, journey: Journey) -> str:
        """A journey as a cookie."""
        sealed = self.deps.store.vault.seal(json.dumps(asdict(journey)), context=_CONTEXT)
        return base64.urlsafe_b64encode(sealed).decode()

    def open(self, cookie: str) -> Journey:
        """The journey of a cookie; raises UnauthenticatedError where it is none or over."""
        try:
            sealed = base64.urlsafe_b64decode(cookie.encode())
            journey = Journey(**json.loads(self.deps.store.vault.open(sealed, context=_CONTEXT)))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is none
            del error
            raise _anew() from None
        if self.deps.now() >= journey.until:
            raise _anew()
        return journey

    async def who(self, journey: Journey, state: str, code: str) -> str:
        """The name of whoever came back.

        Raises:
            UnauthenticatedError: The answer isn't to this journey, or isn't the provider's.
            UnavailableError: The provider doesn't answer.
        """
        if not code or state != journey.state:
            raise _anew()
        settings = self.deps.settings
        secret = settings.oidc_client_secret
        found = await self._description()
        answer = await self._ask(
            "POST",
            found["token_endpoint"],
            auth=(settings.oidc_client_id, secret.get_secret_value() if secret else ""),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._back,
                "code_verifier": journey.verifier,
            },
        )
        keys = await self._ask("GET", found["jwks_uri"])
        claims = _claims(str(answer.get("id_token", "")), keys)
        self._check(claims, journey)
        return str(claims.get(settings.oidc_name_claim) or "")

    def _check(self, claims: dict[str, Any], journey: Journey) -> None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        # As with a code from a phone: in mid-alert ours may be the wrong one of two clocks.
        now_s = (self.deps.now() + min(0, standing_of(self.deps).ahead_ms)) // 1000
        expires = claims.get("exp")
        right = (
            str(claims.get("iss", "")).rstrip("/") == self.deps.settings.oidc_issuer
            and self.deps.settings.oidc_client_id in audiences
            and claims.get("nonce") == journey.nonce
            and isinstance(expires, int | float)
            and expires + _SKEW_S > now_s
        )
        if not right:
            raise _anew()

    @property
    def _back(self) -> str:
        return f"{self.deps.settings.base_url}{BACK}"

    async def _description(self) -> dict[str, Any]:
        if not self._found:
            issuer = self.deps.settings.oidc_issuer
            found = await self._ask("GET", f"{issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != issuer:
                raise UnavailableError("The identity provider calls itself by another name.")
            self._found = found
        return self._found

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
                answer = await http.request(method, url, **more)
            found = answer.json()
        except (httpx.HTTPError, ValueError):
            found = None
        if not isinstance(found, dict):
            raise UnavailableError("The identity provider doesn't answer.")
        if not answer.is_success:
            raise _anew()
        return found


def _claims(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    """What a token says, once its signature is right."""
    try:
        from joserfc import jwt  # noqa: PLC0415 - an optional extra
        from joserfc.errors import JoseError  # noqa: PLC0415 - the same
        from joserfc.jwk import KeySet  # noqa: PLC0415 - the same
    except ImportError:
        raise NotConfiguredError(
            "Sign-in by an identity provider needs the package joserfc.",
            field="oidc_issuer",
            hint="Install alertd with its extra oidc.",
        ) from None
    try:
        algorithms = ["RS256", "ES256", "PS256"]
        read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=algorithms)  # type: ignore[arg-type]
    except (JoseError, ValueError):
        raise _anew() from None
    return dict(read.claims)


def _anew() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The identity provider's answer can't be used.", hint="Begin anew from the sign-in page."
    )


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
