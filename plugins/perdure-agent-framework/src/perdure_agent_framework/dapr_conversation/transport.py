"""Asking the sidecar over HTTP, and saying what is wrong when it does not answer."""

from __future__ import annotations

import re
import ssl
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from perdure.errors import PluginError
from perdure_agent_framework.dapr_conversation.errors import (
    DaprAnswerError,
    DaprAuthenticationError,
    DaprComponentNotFoundError,
    DaprModelError,
    DaprRequestError,
    DaprTimeoutError,
    DaprUnreachableError,
)

try:
    import httpx
except ImportError as error:
    raise PluginError(
        plugin="perdure-agent-framework",
        problem="Dapr's Conversation API needs httpx: "
        "pip install 'perdure-agent-framework[dapr-conversation]'",
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perdure_agent_framework.dapr_conversation.errors import DaprConversationError
    from perdure_agent_framework.dapr_conversation.sidecar import SidecarAddress

_TOKEN_HEADER: Final = "dapr-api-token"
_CONNECT_SECONDS: Final = 5.0
_NOT_FOUND: Final = "ERR_CONVERSATION_NOT_FOUND"
# daprd answers 500 whatever the model said; the model's own status is in the text alone, as its
# clients (langchaingo, Google's, AWS's) put it there.
_MODEL_STATUS: Final = re.compile(r"\b(?:status code:?|StatusCode:|Error) ([45]\d\d)\b")
_QUOTED: Final = 500


class Transport:
    """What carries a conversation to a sidecar.

    A connection is made for each call: it is to a process on the same host, and an agent, hence its
    client, may be used from several event loops, which no connection can outlive.
    """

    def __init__(self, sidecar: SidecarAddress, *, timeout_seconds: float) -> None:
        self._sidecar = sidecar
        self._timeout_seconds = timeout_seconds

    @property
    def endpoint(self) -> str:
        """The URL of the sidecar."""
        return self._sidecar.endpoint

    def url_of(self, component: str) -> str:
        """Return the URL of a component's Conversation API."""
        return f"{self.endpoint}/v1.0-alpha2/conversation/{quote(component, safe='')}/converse"

    async def converse(self, component: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``component`` answers to ``request``.

        Raises:
            DaprConversationError: It does not answer.
        """
        url = self.url_of(component)
        headers = {_TOKEN_HEADER: self._sidecar.token} if self._sidecar.token else {}
        try:
            async with self._client() as client:
                response = await client.post(url, json=request, headers=headers)
        except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout) as error:
            raise DaprTimeoutError(
                component=component, endpoint=self.endpoint, timeout_seconds=self._timeout_seconds
            ) from error
        except httpx.TransportError as error:
            detail = str(error) or type(error).__name__
            raise DaprUnreachableError(
                component=component, endpoint=self.endpoint, detail=detail
            ) from error
        if response.status_code != httpx.codes.OK:
            raise self._error(component, response)
        return _parsed(component, response)

    def _client(self) -> httpx.AsyncClient:
        timeout = httpx.Timeout(
            self._timeout_seconds, connect=min(_CONNECT_SECONDS, self._timeout_seconds)
        )
        return httpx.AsyncClient(
            timeout=timeout, verify=_trust(), trust_env=not self._sidecar.is_local
        )

    def _error(self, component: str, response: httpx.Response) -> DaprConversationError:
        status, endpoint = response.status_code, self.endpoint
        code, detail = _explained(response)
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return DaprAuthenticationError(
                component=component, endpoint=endpoint, status_code=status
            )
        if code == _NOT_FOUND:
            return DaprComponentNotFoundError(
                component=component, endpoint=endpoint, status_code=status, error_code=code
            )
        if status == httpx.codes.NOT_FOUND:
            problem = (
                f"{endpoint} has no Conversation API of version alpha2 (HTTP 404); it takes a "
                "Dapr sidecar of 1.16 or newer"
            )
            return DaprRequestError(problem, component=component, status_code=status)
        if status == httpx.codes.BAD_REQUEST:
            problem = f"the Dapr sidecar refuses the request: {detail}"
            return DaprRequestError(
                problem, component=component, status_code=status, error_code=code
            )
        named = _MODEL_STATUS.search(detail)
        return DaprModelError(
            component=component,
            detail=detail,
            status_code=int(named[1]) if named else status,
            retry_after=_retry_after(response.headers),
            error_code=code,
        )


@cache
def _trust() -> ssl.SSLContext:
    """Return what certificates are checked with; it takes some 20 ms to make."""
    return ssl.create_default_context()


def _parsed(component: str, response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise DaprAnswerError(component=component, problem="it is not JSON") from error
    if not isinstance(answer, dict):
        raise DaprAnswerError(component=component, problem="it is not a JSON object")
    return answer


def _explained(response: httpx.Response) -> tuple[str | None, str]:
    """Return Dapr's code for an error, and what it says."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return None, response.text.strip()[:_QUOTED] or response.reason_phrase
    code = body.get("errorCode")
    return code if isinstance(code, str) else None, str(body.get("message", ""))[:_QUOTED]


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds of ``Retry-After``; a date counts from the answer's own."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        seconds = (until - parsedate_to_datetime(headers["date"])).total_seconds()
    except (ValueError, TypeError, KeyError):
        return None
    return max(0.0, seconds)
