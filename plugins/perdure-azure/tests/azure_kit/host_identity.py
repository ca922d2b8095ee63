"""The endpoints that give a managed identity's tokens: of a virtual machine, and of App Service.

Written after Microsoft's pages "How to use managed identities on an Azure VM to acquire an access
token" and "How to use managed identities for App Service" (their REST references).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from azure_kit.signing import now_seconds
from azure_kit.web_server import Answer, WebServer

if TYPE_CHECKING:
    from azure_kit.signing import Signer
    from azure_kit.web_server import Request

SYSTEM: Final = "00000000-0000-0000-0000-000000000001"
USER: Final = "00000000-0000-0000-0000-000000000002"
HEADER: Final = "header-of-this-host"


class HostIdentity(WebServer):
    """What both have in common: identities, and tokens that live for a set time."""

    def __init__(self, signer: Signer, *, life_seconds: int = 86_400) -> None:
        super().__init__()
        self.identities = {SYSTEM, USER}
        self.life_seconds = life_seconds
        self.roles: tuple[str, ...] = ("Durable Task Data Contributor",)
        self.is_failing = False
        # Cleared, it holds all answers back.
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._signer = signer

    def token(self, request: Request, identity: str) -> dict[str, str]:
        """Return the fields of an answer that holds a token."""
        # The token itself outlives what is said of it, as Entra's do, by a second.
        resource, life = request.query["resource"], self.life_seconds
        token = self._signer.token(
            audience=resource, life_seconds=life + 1, roles=self.roles, appid=identity
        )
        return {
            "access_token": token,
            "client_id": identity,
            "expires_on": str(now_seconds() + life),
            "resource": resource,
            "token_type": "Bearer",
        }


class VirtualMachine(HostIdentity):
    """The Instance Metadata Service."""

    def answer(self, request: Request) -> Answer:
        """Return a token, or what the service answers instead."""
        self.may_answer.wait()
        if request.path != "/metadata/identity/oauth2/token":
            return Answer(status=404, content={"error": "not_found"})
        if request.headers.get("metadata") != "true":
            return _refused("Required metadata header not specified")
        identity = request.query.get("client_id", SYSTEM)
        if identity not in self.identities or self.is_failing:
            return _refused("Identity not found")
        content = self.token(request, identity)
        content["expires_in"] = content["ext_expires_in"] = str(self.life_seconds)
        return Answer(content=content)


class AppService(HostIdentity):
    """The endpoint that an app finds in ``IDENTITY_ENDPOINT``."""

    def answer(self, request: Request) -> Answer:
        """Return a token, or what the service answers instead."""
        if request.headers.get("x-identity-header") != HEADER:
            return Answer(status=401, content={"statusCode": 401, "message": "Unauthorized"})
        identity = request.query.get("client_id", SYSTEM)
        if identity not in self.identities or self.is_failing:
            problem = "No User Assigned or Delegated Managed Identity found for specified ClientId"
            return Answer(status=400, content={"statusCode": 400, "message": problem})
        return Answer(content=dict(self.token(request, identity)))


def _refused(problem: str) -> Answer:
    content = {"error": "invalid_request", "error_description": problem}
    return Answer(status=400, content=content)
