"""The scripted model: a local model server that answers by a script, for tests and demos.

It speaks OpenAI's Chat Completions and Responses over HTTP on loopback, so that what is under test
uses its real client. It needs ``perdure[scripted-model]``::

    transcript = [
        when(user="refund", tool_results=0).calls("look_up_order", order_id="17"),
        when(user="refund").fails(429, retry_after=2, times=2),
        when(user="refund", tool_results=1).says("Refunded: {result}"),
    ]
    async with ScriptedModel(transcript, log="requests.jsonl") as model:
        client = openai.AsyncOpenAI(base_url=model.url, api_key="none")

``python -m perdure.testing.scripted_model TRANSCRIPT.json`` serves by hand.
"""

from __future__ import annotations

from perdure.testing.scripted_model.log import RequestRecord, read_log
from perdure.testing.scripted_model.names import MODEL
from perdure.testing.scripted_model.process import ScriptedModelProcess, scripted_model_process
from perdure.testing.scripted_model.replies import Answer, Drop, Fail, Hang, ToolCall
from perdure.testing.scripted_model.running import ScriptedModel
from perdure.testing.scripted_model.transcript import Latency, Rule, Transcript, When, when

__all__ = [
    "MODEL",
    "Answer",
    "Drop",
    "Fail",
    "Hang",
    "Latency",
    "RequestRecord",
    "Rule",
    "ScriptedModel",
    "ScriptedModelProcess",
    "ToolCall",
    "Transcript",
    "When",
    "read_log",
    "scripted_model_process",
    "when",
]
