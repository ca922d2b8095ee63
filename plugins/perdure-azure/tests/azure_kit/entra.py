"""An authority that issues tokens over TLS: the few endpoints of Entra that azure-identity uses.

Written after RFC 6749, RFC 7523, RFC 7636 and Microsoft's pages on the client credentials and the
authorization code flow of its identity platform. Its users click at once.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from azure_kit.signing import Signer, claims_of
from azure_kit.web_server import Answer, WebServer

if TYPE_CHECKING:
    from azure_kit.web_server import Request

    from perdure_azure.stack.certificates import Certificates

TENANT: Final = "11111111-1111-1111-1111-111111111111"
CLIENT: Final = "22222222-2222-2222-2222-222222222222"
SECRET: Final = "secret-of-the-application"
ASSERTION_AUDIENCE: Final = "api://AzureADTokenExchange"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignIn:
    client_id: str
    challenge: str
    nonce: str
    redirect_uri: str


class Entra(WebServer):
    """An authority for the tenant ``TENANT``, the application ``CLIENT``, and any user."""

    def __init__(self, signer: Signer, certificates: Certificates) -> None:
        super().__init__(certificates)
        self.cluster = Signer("https://cluster.example")
        self.life_seconds = 3599
        self.roles: tuple[str, ...] = ("Durable Task Data Contributor",)
        self._signer = signer
        self._sign_ins: dict[str, _SignIn] = {}

    def assertion(self, *, life_seconds: int = 3600) -> str:
        """Return what Kubernetes writes to the projected file of a workload."""
        return self.cluster.token(
            audience=ASSERTION_AUDIENCE,
            life_seconds=life_seconds,
            begins_in_seconds=0 if life_seconds > 0 else 2 * life_seconds,
            roles=(),
            sub="system:serviceaccount:default:worker",
        )

    def answer(self, request: Request) -> Answer:
        """Return the answer of the endpoint that ``request`` names."""
        tenant, _, endpoint = request.path.removeprefix("/").partition("/")
        if endpoint == "v2.0/.well-known/openid-configuration":
            return Answer(content=self._configuration(tenant))
        if endpoint == "oauth2/v2.0/authorize":
            return self._signed_in(request)
        if endpoint == "oauth2/v2.0/token" and request.method == "POST":
            return self._token(tenant, request.form)
        return Answer(status=404, content={"error": f"nothing at {request.path}"})

    def _configuration(self, tenant: str) -> dict[str, Any]:
        base = f"{self.url}/{tenant}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        }

    def _signed_in(self, request: Request) -> Answer:
        query = request.query
        code = secrets.token_urlsafe(16)
        self._sign_ins[code] = _SignIn(
            client_id=query["client_id"],
            challenge=query["code_challenge"],
            nonce=query["nonce"],
            redirect_uri=query["redirect_uri"],
        )
        fields = {"code": code, "state": query["state"]}
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
            for name, value in fields.items()
        )
        action = html.escape(query["redirect_uri"])
        return Answer(page=f'<form method="post" action="{action}">{inputs}</form>')

    def _token(self, tenant: str, form: dict[str, str]) -> Answer:
        if form["grant_type"] == "authorization_code":
            return self._for_user(tenant, form)
        if tenant != TENANT or form["client_id"] != CLIENT:
            problem = f"AADSTS700016: Application '{form['client_id']}' not found in '{tenant}'."
            return _refused("unauthorized_client", problem, status=400)
        if "client_assertion" in form:
            return self._for_assertion(form)
        if form.get("client_secret") != SECRET:
            return _refused("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return Answer(content=self._issued(form, appid=CLIENT))

    def _for_assertion(self, form: dict[str, str]) -> Answer:
        assertion = form["client_assertion"]
        if form["client_assertion_type"] != ASSERTION_TYPE:
            return _refused("invalid_request", "AADSTS900144: The assertion type is missing.")
        if claims_of(assertion)["aud"] != ASSERTION_AUDIENCE:
            return _refused("invalid_client", "AADSTS700212: No matching federated record.")
        if not self.cluster.has_signed(assertion):
            problem = "AADSTS700024: Client assertion is not within its valid time range."
            return _refused("invalid_client", problem)
        return Answer(content=self._issued(form, appid=CLIENT))

    def _for_user(self, tenant: str, form: dict[str, str]) -> Answer:
        sign_in = self._sign_ins.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if sign_in is None or proof != sign_in.challenge:
            return _refused("invalid_grant", "AADSTS70008: The code has expired or is unknown.")
        if (form["client_id"], form["redirect_uri"]) != (sign_in.client_id, sign_in.redirect_uri):
            return _refused("invalid_grant", "AADSTS70000: The code is for another application.")
        content = self._issued(form, upn="user@example.com")
        content["id_token"] = self._signer.token(
            audience=sign_in.client_id,
            roles=(),
            iss=f"{self.url}/{tenant}/v2.0",
            nonce=sign_in.nonce,
            sub="user",
            tid=TENANT,
            preferred_username="user@example.com",
        )
        user = f'{{"uid":"user","utid":"{TENANT}"}}'.encode()
        content["client_info"] = base64.urlsafe_b64encode(user).decode()
        content["refresh_token"] = secrets.token_urlsafe(24)
        return Answer(content=content)

    def _issued(self, form: dict[str, str], **claims: Any) -> dict[str, Any]:
        (scope,) = [scope for scope in form["scope"].split() if scope.endswith("/.default")]
        token = self._signer.token(
            audience=scope.removesuffix("/.default"),
            life_seconds=self.life_seconds + 1,
            roles=self.roles,
            **claims,
        )
        return {
            "token_type": "Bearer",
            "expires_in": self.life_seconds,
            "ext_expires_in": self.life_seconds,
            "access_token": token,
            "scope": scope,
        }


def _refused(error: str, problem: str, *, status: int = 401) -> Answer:
    trace = "Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z"
    content = {"error": error, "error_description": f"{problem} {trace}"}
    return Answer(status=status, content=content)
