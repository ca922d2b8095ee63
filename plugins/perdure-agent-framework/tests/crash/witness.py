"""What tools and model calls note of themselves, for the judge: each line is on the disk at once.

The lines are those of ``tests.crash.evidence``. A label says which step of which turn it is, such
as ``work-a-0/look_up/3``: the tool ``look_up``, called when the turn had three tool results; the
model call of that step is ``work-a-0/model/3``.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from tests.campaign.desk import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

MODEL = "model"


@contextlib.contextmanager
def tool_noted(tool: str, call: str, step: int) -> Iterator[None]:
    """Note that a tool call begins, and that it ends."""
    label = f"{call}/{tool}/{step}"
    note("begin", label, seen=_models_until(call, step + 1))
    yield
    note("end", label)


async def request_noted(request: httpx.Request) -> None:
    """Note that a model is asked, and all whose results are in the request."""
    label, seen = _place(request)
    note("begin", label, seen=seen)


async def response_noted(response: httpx.Response) -> None:
    """Note that the whole answer is here; not of a stream, which is read later."""
    if response.headers["content-type"].startswith("text/event-stream"):
        return
    label, _ = _place(response.request)
    await response.aread()
    note("end" if response.is_success else "fail", label)


def _place(request: httpx.Request) -> tuple[str, list[str]]:
    messages: list[dict[str, Any]] = json.loads(request.content)["messages"]
    begun = max(number for number, it in enumerate(messages) if it["role"] == "user")
    turn = messages[begun + 1 :]
    call = _text(messages[begun]["content"])
    step = sum(message["role"] == "tool" for message in turn)
    calls = [it["function"] for message in turn for it in message.get("tool_calls") or ()]
    given = [(it["name"], json.loads(it["arguments"])) for it in calls]
    tools = [f"{call}/{name}/{it['step']}" for name, it in given if "step" in it]
    return f"{call}/{MODEL}/{step}", [*_models_until(call, step), *tools]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _models_until(call: str, step: int) -> list[str]:
    return [f"{call}/{MODEL}/{number}" for number in range(step)]
