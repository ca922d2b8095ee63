"""Nodes as a workflow runs them: the node's function an activity, all else LangGraph's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_NODE_ERROR,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_STREAM,
)
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.types import Interrupt, RetryPolicy

import perdure
from perdure.framework import call_activity, in_workflow
from perdure_langgraph.failures import raised
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from perdure_langgraph.catalogue import Node

NODE_ACTIVITY = "graph.node"

Json = dict[str, Any]

_NONE = "none:"


class NodeCall:
    """What stands in for the function of a node. Outside workflows it is that function."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def __call__(self, state: Any, config: RunnableConfig) -> Any:
        """Run the node on ``state``."""
        if not in_workflow():
            return await self._node.node.bound.ainvoke(state, config)
        failed = 0
        while True:
            outcome = await call_activity(
                NODE_ACTIVITY, lambda: {"request": self._request(state, config)}
            )
            _tell_streams(outcome, config)
            policy = self._policy(outcome)
            failed += 1
            if policy is None or failed >= policy.max_attempts:
                return self._result(outcome, config)
            await asyncio.sleep(_interval(policy, failed))

    def _request(self, state: Any, config: RunnableConfig) -> Json:
        conf = config.get(CONF, {})
        scratchpad = conf[CONFIG_KEY_SCRATCHPAD]
        runtime = conf[CONFIG_KEY_RUNTIME]
        what = f"what node {self._node.key!r} is given"
        stream = conf.get(CONFIG_KEY_STREAM)
        null_resume = scratchpad.get_null_resume(False)
        return {
            "node": self._node.key,
            "state": encode(state, what=what),
            "resume": encode(list(scratchpad.resume), what=f"a resume value of {what}"),
            "null_resume": _NONE if null_resume is None else encode(null_resume, what=what),
            "step": scratchpad.step,
            "stop": scratchpad.stop,
            "namespace": conf[CONFIG_KEY_CHECKPOINT_NS],
            "context": encode(runtime.context, what="the runtime context"),
            "previous": encode(runtime.previous, what="the previous result"),
            "execution": encode(_execution(runtime), what="the execution info"),
            "error": encode(conf.get(CONFIG_KEY_NODE_ERROR), what="the error of a node"),
            "configurable": encode(_own(conf), what="the configurable values"),
            "metadata": encode(dict(config.get("metadata") or {}), what="the metadata of a run"),
            "tags": list(config.get("tags") or ()),
            "recursion_limit": config.get("recursion_limit", 25),
            "modes": sorted(getattr(stream, "modes", ())),
        }

    def _policy(self, outcome: Json) -> RetryPolicy | None:
        """Return the policy by which the node is to run again, if its failure is of that kind."""
        index = outcome.get("retry")
        if index is None:
            return None
        policies = retry_policies(self._node)
        return policies[index] if index < len(policies) else None

    def _result(self, outcome: Json, config: RunnableConfig) -> Any:
        conf = config.get(CONF, {})
        if outcome.get("null_resume_used"):
            conf[CONFIG_KEY_SCRATCHPAD].get_null_resume(True)
        if "writes" in outcome:
            conf[CONFIG_KEY_SEND](decode(outcome["writes"]))
        kind = outcome["kind"]
        if kind == "value":
            return decode(outcome["value"])
        if kind == "interrupt":
            raise GraphInterrupt(tuple(Interrupt(**item) for item in decode(outcome["value"])))
        if kind == "parent_command":
            raise ParentCommand(decode(outcome["value"]))
        raise raised(outcome, node=self._node.key)


def retry_policies(node: Node) -> tuple[RetryPolicy, ...]:
    """Return the retry policies of a node, its own or else the graph's, in order."""
    own = node.node.retry_policy or node.graph.retry_policy or ()
    return (own,) if isinstance(own, RetryPolicy) else tuple(own)


def _interval(policy: RetryPolicy, failed: int) -> float:
    interval = policy.initial_interval * policy.backoff_factor ** (failed - 1)
    capped = min(policy.max_interval, interval)
    return capped + perdure.random().uniform(0, 1) if policy.jitter else capped


def _execution(runtime: Any) -> Json:
    info = runtime.execution_info
    if info is None:
        return {}
    names = ("checkpoint_id", "checkpoint_ns", "task_id", "thread_id", "run_id", "node_attempt")
    return {name: getattr(info, name) for name in names}


def _own(conf: Json) -> Json:
    """Return what the user has put into ``configurable``."""
    return {key: value for key, value in conf.items() if not key.startswith("__pregel_")}


def _tell_streams(outcome: Json, config: RunnableConfig) -> None:
    """Give on what the node has streamed."""
    stream = config.get(CONF, {}).get(CONFIG_KEY_STREAM)
    if stream is None or "streamed" not in outcome:
        return
    for chunk in decode(outcome["streamed"]):
        stream(tuple(chunk))
