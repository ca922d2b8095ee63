"""What goes wrong between a chat client, the sidecar and the model behind it.

::

    DaprConversationError             (PerdureError, the framework's ChatClientException)
    ├── DaprUnreachableError          (ConnectionError) no sidecar, or it went away
    ├── DaprTimeoutError              (TimeoutError) no answer in time
    ├── DaprAuthenticationError       (PermissionError) the sidecar wants another API token
    ├── DaprComponentNotFoundError    (LookupError) the sidecar has no such component
    ├── DaprRequestError              (ValueError) the Conversation API cannot express it
    ├── DaprModelError                the model behind the component did not answer
    └── DaprAnswerError               (ValueError) what came back is no answer
"""

from __future__ import annotations

from agent_framework.exceptions import (
    ChatClientException,
    ChatClientInvalidAuthException,
    ChatClientInvalidRequestException,
    ChatClientInvalidResponseException,
)

from perdure import PerdureError


class DaprConversationError(PerdureError, ChatClientException):
    """A conversation through Dapr failed.

    Attributes:
        component: The Conversation component.
        status_code: The HTTP status that tells what to do about it: the model's, where the
            sidecar names it, else the sidecar's; ``None`` if there was no answer.
        retry_after: After how many seconds another attempt is welcome, if that was said.
        error_code: Dapr's own word for it, such as ``ERR_CONVERSATION_INVOKE``.
    """

    def __init__(
        self,
        message: str,
        *,
        component: str,
        status_code: int | None = None,
        retry_after: float | None = None,
        error_code: str | None = None,
    ) -> None:
        # The framework's errors log themselves when they are made; whoever handles this one may.
        ChatClientException.__init__(self, message, log_level=None)
        self.component = component
        self.status_code = status_code
        self.retry_after = retry_after
        self.error_code = error_code


class DaprUnreachableError(DaprConversationError, ConnectionError):
    """The sidecar cannot be reached, or the connection to it broke."""

    def __init__(self, *, component: str, endpoint: str, detail: str) -> None:
        super().__init__(
            f"the Dapr sidecar at {endpoint} cannot be reached ({detail}); is it running, and is "
            "this its HTTP port? Set DAPR_HTTP_ENDPOINT or DAPR_HTTP_PORT, or pass endpoint=",
            component=component,
        )


class DaprTimeoutError(DaprConversationError, TimeoutError):
    """The sidecar took too long to answer."""

    def __init__(self, *, component: str, endpoint: str, timeout_seconds: float) -> None:
        super().__init__(
            f"component {component!r} of the Dapr sidecar at {endpoint} did not answer within "
            f"{timeout_seconds:g} s; allow it more by timeout=",
            component=component,
        )


class DaprAuthenticationError(
    DaprConversationError, ChatClientInvalidAuthException, PermissionError
):
    """The sidecar does not take the API token, or wants one."""

    def __init__(self, *, component: str, endpoint: str, status_code: int) -> None:
        super().__init__(
            f"the Dapr sidecar at {endpoint} refuses the API token (HTTP {status_code}); set "
            "DAPR_API_TOKEN to the token that the sidecar was started with, or pass api_token=",
            component=component,
            status_code=status_code,
        )


class DaprComponentNotFoundError(DaprConversationError, LookupError):
    """The sidecar has no Conversation component of that name."""

    def __init__(
        self, *, component: str, endpoint: str, status_code: int, error_code: str | None
    ) -> None:
        super().__init__(
            f"the Dapr sidecar at {endpoint} has no Conversation component {component!r}; give "
            "it one, a file of kind Component and type conversation.… in its resources folder, "
            "or ask for one that it has: GET /v1.0/metadata lists them",
            component=component,
            status_code=status_code,
            error_code=error_code,
        )


class DaprRequestError(DaprConversationError, ChatClientInvalidRequestException, ValueError):
    """Something that the Conversation API cannot express, or that the sidecar refuses."""

    def __init__(
        self,
        problem: str,
        *,
        component: str,
        status_code: int | None = None,
        error_code: str | None = None,
    ) -> None:
        super().__init__(
            f"component {component!r}: {problem}",
            component=component,
            status_code=status_code,
            error_code=error_code,
        )


class DaprModelError(DaprConversationError):
    """The model behind the component did not answer, or the sidecar failed to ask it."""

    def __init__(
        self,
        *,
        component: str,
        detail: str,
        status_code: int,
        retry_after: float | None,
        error_code: str | None,
    ) -> None:
        super().__init__(
            f"the model behind component {component!r} did not answer "
            f"(status {status_code}): {detail}",
            component=component,
            status_code=status_code,
            retry_after=retry_after,
            error_code=error_code,
        )


class DaprAnswerError(DaprConversationError, ChatClientInvalidResponseException, ValueError):
    """What the sidecar sent is not an answer of the Conversation API."""

    def __init__(self, *, component: str, problem: str) -> None:
        super().__init__(
            f"component {component!r} answered what is no answer: {problem}", component=component
        )
