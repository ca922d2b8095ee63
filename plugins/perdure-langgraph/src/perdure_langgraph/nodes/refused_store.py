"""The store of a graph, as code that runs in the workflow sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from langgraph.store.base import BaseStore

from perdure_langgraph.errors import StoreInWorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterable


class RefusedStore(BaseStore):
    """Refuses everything: what a store has now may not be what it has on a replay."""

    def __init__(self, entrypoint: str) -> None:
        self._entrypoint = entrypoint

    def batch(self, ops: Iterable[Any]) -> NoReturn:
        """Refuse.

        Raises:
            StoreInWorkflowError: Always.
        """
        raise StoreInWorkflowError(entrypoint=self._entrypoint)

    async def abatch(self, ops: Iterable[Any]) -> NoReturn:
        """Refuse.

        Raises:
            StoreInWorkflowError: Always.
        """
        raise StoreInWorkflowError(entrypoint=self._entrypoint)
