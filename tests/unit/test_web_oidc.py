"""Sign-in by an identity provider: one that listens on loopback, and what can be wrong with it."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.unit.test_web_clock import wrong_by
from tests.unit.test_web_pages import browser
from tests.unit.web_city import WebCity, listening, web_city

KEY = RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
CLIENT, SECRET = "alertd", "between-the-two"


@dataclass
class IdentityProvider:
    """OpenID Connect's code flow with PKCE; `changes` spoils the next token.

    Args:
        now: The time, s.
        person: Whoever sits at the browser.
    """

    now: Any
    url: str = ""
    person: str = "officer"
    changes: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def describe(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        where = f"{asked['redirect_uri']}?code={code}&state={asked['state']}"
        return Response(status_code=302, headers={"location": where})

    async def token(self, request: Request) -> Response:
        given = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        asked = self.codes.pop(given["code"], None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or request.headers["authorization"] != f"Basic {basic}"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "1",
            "nonce": asked["nonce"],
            "exp": self.now() // 1000 + 300,
            "preferred_username": self.person,
            **self.changes,
        }
        return JSONResponse(
            {"id_token": jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)}
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [KEY.as_dict(private=False)]})


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[WebCity, IdentityProvider]]:
    provider = IdentityProvider(now=None)
    async with listening(provider.app()) as url:
        provider.url = url
        more = {
            "oidc_issuer": url,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SecretStr(SECRET),
        }
        async with web_city(folder, settings=more) as web:
            provider.now = web.clock
            yield web, provider


async def journey(client: httpx.AsyncClient, to: str = "/inbox") -> httpx.Response:
    """What the browser does: from the sign-in page to the provider and back."""
    away = await client.get("/oidc/start", params={"to": to}, follow_redirects=False)
    async with httpx.AsyncClient(trust_env=False) as elsewhere:
        there = await elsewhere.get(away.headers["location"])
    back = urlsplit(there.headers["location"])
    return await client.get(f"{back.path}?{back.query}")


async def test_who_is_a_user_here_comes_in_by_the_offices_account(tmp_path: Path) -> None:
    async with office(tmp_path) as (web, provider), browser(web) as client:
        page = await client.get("/sign-in?to=/inbox")
        assert "/oidc/start?to=/inbox" in page.text
        inside = await journey(client)
        assert inside.status_code == 200
        assert 'content="0; url=/inbox"' in inside.text
        assert (await client.get("/inbox")).status_code == 200
        provider.person = "nobody-here"
        async with browser(web) as other:
            refused = await journey(other)
            assert refused.status_code == 401
            assert "alertd doesn&#39;t" in refused.text
            assert (await other.get("/alerts")).url.path == "/sign-in"


async def test_a_one_time_password_is_over_once_the_provider_knows_its_owner(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as (web, provider), browser(web) as client:
        async with web.client("admin") as admin:
            made = await admin.post("/api/v1/principals", json={"name": "lin", "role": "viewer"})
            assert made.status_code == 201
        provider.person = "lin"
        await journey(client)
        assert (await client.get("/alerts")).url.path == "/alerts"
        async with browser(web) as thief:
            password = made.json()["one_time_password"]
            used = await thief.post("/sign-in", data={"name": "lin", "password": password})
            assert used.status_code == 401


async def test_a_node_whose_time_is_wrong_in_mid_alert_locks_nobody_out(tmp_path: Path) -> None:
    async with office(tmp_path) as (web, provider), browser(web) as client:
        await wrong_by(web, -3_600_000)  # the machine's clock was put right, and the node's not yet
        provider.now = web.clock.wall
        assert (await journey(client)).status_code == 200
        provider.changes = {"exp": web.clock.wall() // 1000 - 300}
        async with browser(web) as other:
            assert (await journey(other)).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "of another journey"},
        {"aud": "another-client"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
        {"preferred_username": ""},
    ],
)
async def test_a_token_that_is_not_for_this_journey_opens_nothing(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    async with office(tmp_path) as (web, provider), browser(web) as client:
        provider.changes = changes
        assert (await journey(client)).status_code == 401
        assert (await client.get("/alerts")).url.path == "/sign-in"


async def test_a_forged_signature_a_stolen_answer_and_an_old_journey_open_nothing(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as (web, provider), browser(web) as client:
        provider.key = RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
        assert (await journey(client)).status_code == 401
        provider.key = KEY
        away = await client.get("/oidc/start", follow_redirects=False)
        async with httpx.AsyncClient(trust_env=False) as elsewhere:
            there = await elsewhere.get(away.headers["location"])
        back = urlsplit(there.headers["location"])
        async with browser(web) as thief:  # without the cookie of whoever began
            assert (await thief.get(f"{back.path}?{back.query}")).status_code == 401
        web.clock.forward(minutes=11)
        assert (await client.get(f"{back.path}?{back.query}")).status_code == 401


async def test_a_provider_that_is_away_is_said_and_passwords_go_on(tmp_path: Path) -> None:
    async with (
        web_city(
            tmp_path, passwords=("officer",), settings={"oidc_issuer": "http://127.0.0.1:9"}
        ) as web,
        browser(web) as client,
    ):
        away = await client.get("/oidc/start")
        assert away.status_code == 503
        assert "doesn&#39;t answer" in away.text
        assert 'name="password"' in away.text


async def test_without_a_provider_there_is_none(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, browser(web) as client:
        assert "oidc" not in (await client.get("/sign-in")).text
        assert (await client.get("/oidc/start")).status_code == 404
