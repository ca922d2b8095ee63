"""Nodes as a workflow runs them: the node's function an activity, all else LangGraph's own."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_NODE_ERROR,
    CONFIG_KEY_READ_STATE,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_STREAM,
)
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.prebuilt import ToolNode
from langgraph.types import Interrupt, RetryPolicy

import perdure
from perdure.framework import call_activity, in_workflow, leave_history
from perdure_langgraph.configs import own_values
from perdure_langgraph.failures import raised, told_to_handler
from perdure_langgraph.nodes import called_graphs
from perdure_langgraph.nodes.resumes import open_answer
from perdure_langgraph.serde import decode, encode
from perdure_langgraph.streaming.handlers import described, handlers_of, retell
from perdure_langgraph.streaming.live import STREAM_KEY

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from perdure_langgraph.catalogue import Node

NODE_ACTIVITY = "graph.node"

MODES_KEY = "__pregel_perdure_modes"
"""Where in ``configurable`` a graph says in which modes it streams by itself."""

Json = dict[str, Any]

NO_RESUME = "none:"


class NodeCall:
    """What stands in for the function of a node. Outside workflows it is that function."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def __call__(self, state: Any, config: RunnableConfig) -> Any:
        """Run the node on ``state``."""
        if not in_workflow():
            return await self._node.node.bound.ainvoke(state, config)
        failed = 0
        began = perdure.now().timestamp()
        while True:
            counted = {"node_attempt": failed + 1, "node_first_attempt_time": began}
            build = functools.partial(self._request, state, config, counted)
            outcome = await call_activity(NODE_ACTIVITY, build)
            if outcome["node"] != self._node.key:
                leave_history(
                    recorded=f"node {outcome['node']!r}", asked=f"node {self._node.key!r}"
                )
            _tell_streams(outcome, config)
            called_graphs.taken_back(outcome, config.get(CONF, {}))
            policy = self._policy(outcome)
            failed += 1
            if policy is None or failed >= policy.max_attempts:
                return self._result(outcome, config)
            await asyncio.sleep(pause_before(policy, failed))

    def _request(self, state: Any, config: RunnableConfig, counted: Json) -> Json:
        conf = config.get(CONF, {})
        scratchpad = conf[CONFIG_KEY_SCRATCHPAD]
        runtime = conf[CONFIG_KEY_RUNTIME]
        what = f"what node {self._node.key!r} is given"
        stream = conf.get(CONFIG_KEY_STREAM)
        null_resume = open_answer(scratchpad)
        request = {
            "node": self._node.key,
            "attempt": counted["node_attempt"],
            "state": encode(state, what=what),
            "resume": encode(list(scratchpad.resume), what=f"a resume value of {what}"),
            "null_resume": NO_RESUME if null_resume is None else encode(null_resume, what=what),
            "step": scratchpad.step,
            "stop": scratchpad.stop,
            "namespace": conf[CONFIG_KEY_CHECKPOINT_NS],
            "context": encode(runtime.context, what="the runtime context"),
            "previous": encode(runtime.previous, what="the previous result"),
            "execution": encode({**_execution(runtime), **counted}, what="the execution info"),
            "error": told_to_handler(conf.get(CONFIG_KEY_NODE_ERROR)),
            "configurable": encode(own_values(conf), what="configurable"),
            "metadata": encode(dict(config.get("metadata") or {}), what="the metadata of a run"),
            "tags": list(config.get("tags") or ()),
            "recursion_limit": config.get("recursion_limit", 25),
            "modes": sorted(getattr(stream, "modes", ())),
            "custom": "custom" in (*conf.get(MODES_KEY, ()), *getattr(stream, "modes", ())),
            "handlers": described(handlers_of(config)),
            "stream": conf.get(STREAM_KEY),
            "called": called_graphs.described(conf, is_retry=counted["node_attempt"] > 1),
        }
        if (state_of_graph := _state_for_tools(self._node, conf)) is not None:
            request["graph_state"] = encode(state_of_graph, what="the state that tools may read")
        return {"request": request}

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


def pause_before(policy: RetryPolicy, failed: int) -> float:
    """Return for how many seconds to wait after an attempt that was the ``failed``-th to fail."""
    interval = policy.initial_interval * policy.backoff_factor ** (failed - 1)
    capped = min(policy.max_interval, interval)
    return capped + perdure.random().uniform(0, 1) if policy.jitter else capped


def _state_for_tools(node: Node, conf: Json) -> Any:
    """Return the state that the tools of a node of tools may ask for, which is given calls only."""
    read = conf.get(CONFIG_KEY_READ_STATE)
    return read() if read is not None and isinstance(node.node.bound, ToolNode) else None


def _execution(runtime: Any) -> Json:
    info = runtime.execution_info
    if info is None:
        return {}
    names = ("checkpoint_id", "checkpoint_ns", "task_id", "thread_id", "run_id", "node_attempt")
    return {name: getattr(info, name) for name in names}


def _tell_streams(outcome: Json, config: RunnableConfig) -> None:
    """Give on what the node has streamed, as if it had just done so here."""
    if "streamed" not in outcome:
        return
    conf = config.get(CONF, {})
    stream = conf.get(CONFIG_KEY_STREAM)
    handlers = handlers_of(config)
    for handler, (namespace, mode, payload) in decode(outcome["streamed"]):
        chunk = (tuple(namespace), mode, payload)
        if handler is not None:
            retell(handlers, handler, (*chunk[:2], tuple(payload)))
        elif stream is not None:
            stream(chunk)
        elif mode == "custom":
            conf[CONFIG_KEY_RUNTIME].stream_writer(payload)
