"""The JSON of the SDK's executors: short and quick for envelopes, the SDK's own for the rest."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from perdure_dapr import sdk, sdk_executor, sdk_json
from perdure_dapr.address import Address
from perdure_dapr.sdk_executor import SdkActivityExecutor
from perdure_dapr.sdk_worker import SdkWorker

worker: Any = sys.modules["dapr.ext.workflow._durabletask.worker"]
ENVELOPE = {"perdure": 1, "of": "0123abcd:1", "result": '{"é": null}'}


def test_an_envelope_is_written_in_short_and_read_back() -> None:
    text = sdk_json.to_json(ENVELOPE)
    assert text == '{"perdure":1,"of":"0123abcd:1","result":"{\\"\\u00e9\\": null}"}'
    assert sdk_json.from_json(text) == sdk_json.from_json(json.dumps(ENVELOPE)) == ENVELOPE


def test_what_is_somebody_elses_is_read_and_written_as_the_sdk_does() -> None:
    text = json.dumps({"a": {"__durabletask_autoobject__": True, "b": 1}})
    assert sdk_json.from_json(text) == sdk.shared.from_json(text)
    assert sdk_json.from_json(text)["a"].b == 1
    assert sdk_json.to_json(sdk_json.from_json(text)) == sdk.shared.to_json(
        sdk.shared.from_json(text)
    )


def test_the_executors_use_our_json_and_the_sdks_stay_as_they_are() -> None:
    for ours, theirs in (
        (SdkActivityExecutor._resolve, worker._ActivityExecutor._resolve),
        (SdkActivityExecutor._encode_output, worker._ActivityExecutor._encode_output),
        (sdk_executor._process_event, worker._OrchestrationExecutor.process_event),
    ):
        assert "shared" in theirs.__code__.co_names
        assert ours.__globals__["shared"] is sdk_json.shared
        assert theirs.__globals__["shared"] is sdk.shared


def test_the_worker_has_our_executor_of_activities() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    bridge: Any = None
    made: Any = SdkWorker(Address(target="127.0.0.1:1"), bridge, loop=loop)
    assert isinstance(made._activity_executor, SdkActivityExecutor)
