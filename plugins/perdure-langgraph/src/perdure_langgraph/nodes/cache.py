"""The cache of a graph, asked in the activity of a node that has a cache policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph._internal._constants import CACHE_NS_WRITES
from langgraph.pregel._call import identifier
from xxhash import xxh3_128_hexdigest

if TYPE_CHECKING:
    from langgraph.cache.base import BaseCache, FullKey
    from langgraph.types import CachePolicy

    from perdure_langgraph.catalogue import Node

Json = dict[str, Any]

# LangGraph keeps what a node's writers write; here it is what the node gave, in a place of its own.
_NAMESPACE = f"{CACHE_NS_WRITES}_perdure"


class CachedNode:
    """What the cache has of a node and an input. Without a policy, nothing, ever."""

    def __init__(self, node: Node, state: Any) -> None:
        self._cache: BaseCache[Any] | None = node.root.cache or node.graph.cache
        policy: CachePolicy[Any] | None = node.node.cache_policy or node.graph.cache_policy
        self._policy = policy
        self._key: FullKey | None = None
        if policy is not None and self._cache is not None:
            self._key = _key_of(node, policy, state)

    async def get(self) -> Json | None:
        """Return the outcome that is cached."""
        if self._key is None or self._cache is None:
            return None
        found = await self._cache.aget([self._key])
        outcome: Json | None = found.get(self._key)
        return outcome

    async def put(self, outcome: Json) -> None:
        """Keep an outcome for as long as the policy says."""
        if self._key is None or self._cache is None or self._policy is None:
            return
        kept = {name: outcome[name] for name in ("kind", "value", "writes") if name in outcome}
        await self._cache.aset({self._key: (kept, self._policy.ttl)})


def _key_of(node: Node, policy: CachePolicy[Any], state: Any) -> FullKey:
    """Return the key by LangGraph's rule: the function, the name, the input by the policy."""
    key = policy.key_func(state)
    name = node.key.rpartition("/")[2]
    namespace = (_NAMESPACE, identifier(node.node) or "__dynamic__", name)
    return namespace, xxh3_128_hexdigest(key.encode() if isinstance(key, str) else key)
