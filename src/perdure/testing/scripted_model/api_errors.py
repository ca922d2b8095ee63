"""Errors as OpenAI's API tells them: those of a script, and those of a bad request.

The shapes are those of https://platform.openai.com/docs/guides/error-codes and of the ``openai``
package, which reads ``code`` and ``type`` from the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.errors import PerdureError
from perdure.testing.scripted_model.names import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.testing.scripted_model.conversation import ModelRequest
    from perdure.testing.scripted_model.replies import Fail

_CODES: Final = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_TYPES: Final = {"insufficient_quota": "insufficient_quota", "rate_limit_exceeded": "requests"}
_SHOWN_CHARACTERS: Final = 80


class ApiError(PerdureError):
    """A request that is answered with an error."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"scripted model: {message}")
        self.status = status
        self.code = code
        self.headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        usual = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = _TYPES.get(self.code or "", usual)
        return {
            "error": {"message": str(self), "type": kind, "param": None, "code": self.code},
        }


def scripted_error(fail: Fail) -> ApiError:
    """Return the error that a rule asks for."""
    code = fail.code or _CODES.get(fail.status)
    message = fail.message or f"{code or 'error'} {fail.status}, as the transcript says"
    return ApiError(message, status=fail.status, code=code, retry_after=fail.retry_after)


def bad_request(problem: str) -> ApiError:
    """Return the error for a body that cannot be understood."""
    return ApiError(problem, status=400, code="invalid_request")


def unknown_model(model: str, *, served: Sequence[str]) -> ApiError:
    """Return the error for a model that the transcript has not."""
    message = f"no model {model!r}; the transcript has: {', '.join(served)}"
    return ApiError(message, status=404, code="model_not_found")


def unknown_answer(answer_id: str) -> ApiError:
    """Return the error for a conversation that was not stored."""
    message = (
        f"no stored answer {answer_id!r}; answers outlive a restart only with a state file, and "
        "are not stored with store=false"
    )
    return ApiError(message, status=400, code="previous_response_not_found")


def no_rule(request: ModelRequest, *, rules: int) -> ApiError:
    """Return the error for a request that the transcript did not foresee."""
    user = request.user[:_SHOWN_CHARACTERS]
    message = (
        f"none of {rules} rules matches: {MODEL} was asked as {request.model!r}, last user text "
        f"{user!r}, {len(request.results)} tool results since, tools {sorted(request.tools)}, "
        f"schema {request.output_schema!r}; add a rule to the transcript"
    )
    return ApiError(message, status=400, code="no_scripted_reply")
