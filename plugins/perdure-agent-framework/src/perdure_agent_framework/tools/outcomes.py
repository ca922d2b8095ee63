"""What comes of a tool's function, as JSON that crosses from the worker to the workflow.

Whatever a tool raises to steer the framework crosses as that, so that the framework does in the
workflow what it does in a plain run. Anything else that it raises fails the activity.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_framework import Content, MiddlewareFailure, MiddlewareTermination
from agent_framework.exceptions import UserInputRequiredException

from perdure_agent_framework.conversion import Json, contents_from_json, contents_to_json
from perdure_agent_framework.errors import AgentRunError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class ToolCallError(Exception):
    """A tool raised; its text is that of what the tool raised, as the framework tells the model."""


async def outcome_of(call: Callable[[], Awaitable[Any]]) -> Json:
    """Return what came of a call.

    Raises:
        Exception: The tool raised it, and there may be another attempt.
    """
    try:
        return {"result": _to_json(await call())}
    except UserInputRequiredException as err:
        contents = [item for item in err.contents or () if isinstance(item, Content)]
        return {"asks": {"contents": contents_to_json(contents), "message": str(err)}}
    except MiddlewareTermination as err:
        return {"terminates": {"message": str(err), "result": _to_json(err.result)}}
    except AgentRunError as err:
        return ends_run(err)
    except MiddlewareFailure as err:
        return {"aborts": str(err)}


def ends_run(error: AgentRunError) -> Json:
    """Return the outcome of a call that did what cannot be durable."""
    return {"ends_run": str(error)}


def gone() -> Json:
    """Return the outcome of a call of a tool that the worker's app does not have."""
    return {"gone": True}


def result_of(outcome: Json, *, tool: str) -> Any:
    """Return the result in an outcome, or raise what the tool raised.

    Raises:
        AgentRunError: The tool did what cannot be durable.
        MiddlewareFailure: The tool aborts the run.
        MiddlewareTermination: The tool ends the tool loop.
        UserInputRequiredException: The tool asks for input.
    """
    match outcome:
        case {"result": result}:
            return _from_json(result)
        case {"asks": asks}:
            raise UserInputRequiredException(
                contents=contents_from_json(asks["contents"]), message=asks["message"]
            )
        case {"terminates": terminates}:
            raise MiddlewareTermination(
                terminates["message"], result=_from_json(terminates["result"])
            )
        case {"ends_run": message}:
            raise AgentRunError(message)
        case {"aborts": message}:
            raise MiddlewareFailure(message)
    # As the framework says it of a tool that the agent does not have.
    return f'Error: Requested function "{tool}" not found.'


def _to_json(result: Any) -> Json:
    if isinstance(result, Content):
        return {"content": contents_to_json([result])[0]}
    if isinstance(result, list) and result and all(isinstance(it, Content) for it in result):
        return {"contents": contents_to_json(result)}
    try:
        if json.loads(json.dumps(result, allow_nan=False)) == result:
            return {"value": result}
    except (TypeError, ValueError, RecursionError):
        pass
    # The text that the framework makes of it for the model in a plain run.
    made = Content.from_function_result("-", result=result)
    return {"contents": contents_to_json(made.items or [])}


def _from_json(data: Json) -> Any:
    if "content" in data:
        return contents_from_json([data["content"]])[0]
    if "contents" in data:
        return contents_from_json(data["contents"])
    return data["value"]
