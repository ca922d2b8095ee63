"""What can go wrong with the servers of a stack."""

from __future__ import annotations

from perdure.errors import PerdureError


class StackError(PerdureError, RuntimeError):
    """Servers could not be started, found or stopped; the message says which and what to do.

    Attributes:
        stack: The name of the stack.
        step: The one thing to do next, if the message does not end with it.
    """

    def __init__(self, *, stack: str, problem: str, step: str = "") -> None:
        super().__init__(f"stack {stack!r}: {problem}")
        self.stack = stack
        self.step = step


class ServerNotHealthyError(StackError):
    """A server ended or did not become healthy in time; the message quotes the end of its log."""

    def __init__(self, *, stack: str, server: str, problem: str, log: str, end_of_log: str) -> None:
        quoted = "\n".join(f"  | {line}" for line in end_of_log.splitlines())
        words = f"{server} {problem}; the end of its log ({log}):\n{quoted or '  | (empty)'}"
        super().__init__(stack=stack, problem=words)
        self.server = server


class StackDiffersError(StackError):
    """The stack runs already, with other options than those asked for."""

    def __init__(self, *, stack: str, differences: tuple[str, ...]) -> None:
        problem = f"it is up with other options: {'; '.join(differences)}"
        super().__init__(stack=stack, problem=problem, step=f"perdure stack down {stack}")
        self.differences = differences


class StackNotUpError(StackError):
    """There is nothing here that was started."""

    def __init__(self, *, stack: str, folder: str) -> None:
        problem = f"it is not up in {folder}"
        super().__init__(stack=stack, problem=problem, step=f"perdure stack up {stack}")
