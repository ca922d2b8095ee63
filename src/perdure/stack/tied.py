"""A stack that belongs to one process: for tests, benchmarks and crash campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from perdure.stack.stack import DEFAULT_WAIT_SECONDS, Stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from perdure.stack.server import OptionValue, StackKind, Tell


class TiedStack(Stack):
    """Servers that are up within ``with``, and gone with this process however that ends.

    Args:
        folder: Where it lives; its state is kept there for the next one.
        kind: What it is made of; also its name.
        given: The options that were chosen.
        wait_seconds: How long it may take to become healthy.
        tell: Takes words for the user, such as how far a build is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kind: StackKind,
        given: Mapping[str, OptionValue] | None = None,
        wait_seconds: float = DEFAULT_WAIT_SECONDS,
        tell: Tell | None = None,
    ) -> None:
        super().__init__(kind.name, folder, kind=kind, is_tied=True, tell=tell)
        self._given = given or {}
        self._wait_seconds = wait_seconds

    def __enter__(self) -> Self:
        """Bring it up.

        Raises:
            StackError: It cannot be brought up.
        """
        self.up(self._given, wait_seconds=self._wait_seconds)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take it down."""
        self.down()
