"""The instances around the one of a test: what errands do to them, written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.spi.bridge import ChildRequest


class Neighbours:
    """Does the errands of an instance.

    Attributes:
        taken: Ids under which there is an instance already.
        children: The children that were started, by their ids.
        ended: Ids of children that were to end.
        answers: What parents were told, with the parents' ids.
    """

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.children: dict[str, ChildRequest] = {}
        self.ended: list[str] = []
        self.answers: list[tuple[str, str]] = []

    async def end_child(self, instance_id: str, *, reason: str) -> None:
        """Terminate a child."""
        self.ended.append(instance_id)

    async def start_child(self, child: ChildRequest) -> bool:
        """Start a child, or return ``False``."""
        if child.instance_id in self.taken:
            return False
        self.children[child.instance_id] = child
        return True

    async def answer_parent(self, instance_id: str, payload: str) -> None:
        """Tell a parent how its child has ended."""
        self.answers.append((instance_id, payload))
